"""Every way that personal data take through a worker: each operation of the catalogue, failing each way."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Final, NamedTuple, cast

from bridge.operations.catalogue import Catalogue
from bridge.operations.fields import DecimalText, Field, Flag, Integer, Phone, Text
from bridge.operations.model import Operation, Rules
from bridge.operations.moments import Minute
from bridge.operations.nested import Xml
from bridge.simulator import Fault

RULES: Final = Rules(contacts=100, xml_chars=65_536, single_contact_as_object=False)


@dataclass(frozen=True)
class Marks:
    """What must not be found in the log."""

    phone: str
    agent: str
    address: str
    account: str
    name: str

    @property
    def echo(self) -> str:
        """A text that repeats them all, as LCM's faults do."""
        return (
            f"Agent {self.agent} alias {self.address}, ({self.name}), may not dial {self.phone} "
            f"of '{self.account}'"
        )

    def found_in(self, log: str) -> list[str]:
        """Return which of them a log holds, however they are written, in whatever case."""
        texts = [self.phone, self.agent, self.address, self.account, *self.name.split()]
        forms = {form for text in texts for form in (text, ascii(text)[1:-1], json.dumps(text)[1:-1])}
        folded = log.casefold()
        return sorted(form for form in forms if len(form) > 1 and form.casefold() in folded)


def made_up(seed: int) -> Marks:
    """Make marks up; each is long enough to stand nowhere by accident."""
    chance = random.Random(seed)  # noqa: S311 - no secret

    def digits(least: int, most: int) -> str:
        return "".join(chance.choices("0123456789", k=chance.randint(least, most)))

    def letters() -> str:
        return "".join(chance.choices("abcdefghijkmnopqrstuvwxyz", k=chance.randint(8, 12)))

    blank, plus = chance.choice(["", " ", "-", "."]), chance.choice(["", "+"])
    odd = chance.choice(["", "\u00fc", "\u0142", "\u5f20"])
    joints = ["", "", "O'", "& ", 'Mc"']
    return Marks(
        phone=plus + blank.join(digits(3, 4) for _ in range(chance.randint(3, 4))),
        agent=letters(),
        address=f"{letters()}@{chance.choice(['domain.com', 'x.example'])}",
        account="|".join(digits(2, 4) for _ in range(chance.randint(6, 7))),
        name=f"{letters().title()}{odd} {chance.choice(joints)}{letters().title()}",
    )


class Request(NamedTuple):
    """A request to publish."""

    body: bytes
    properties: dict[str, Any] = {}  # noqa: RUF012 - never changed


Way = Callable[[Operation, Marks], Iterator[Request]]


def value_of(field: Field, marks: Marks) -> Any:
    """Return what a field takes, with a mark where it can hold one; StopIteration for a new kind of field."""
    by_name = {"agentid": marks.agent, "userid": marks.agent, "accountnumber": marks.account}
    given: dict[type[Field], Any] = {
        Text: by_name.get(field.name.casefold(), marks.phone if "Phone" in field.name else marks.name),
        Phone: marks.phone,
        Xml: f"<Data><N>{escape(marks.name)}</N><P>{marks.phone}</P></Data>",
        Minute: "24/10/2024 07:33",
        Flag: True,
        Integer: 1,
        DecimalText: 1,
    }
    kind = next(one for one in type(field).__mro__ if one in given)
    return given[kind]


def data_of(operation: Operation, marks: Marks) -> dict[str, Any]:
    """Return valid data of an operation, and a member that no operation knows, with every mark in it."""
    data = {field.name: value_of(field, marks) for field in cast("Any", operation).fields}
    return data | {"about": [marks.phone, marks.agent, marks.address, marks.account, marks.name]}


def envelope_of(operation: Operation, data: Any, **members: Any) -> dict[str, Any]:
    """Return an envelope of the operation's first route."""
    address = operation.routes[0].request
    return {
        "channel": address.channel,
        "topic": address.topic,
        "subtopic": address.subtopic,
        "data": data,
        **members,
    }


def raw(operation: Operation, data: Any, **members: Any) -> bytes:
    """Return the body of such an envelope."""
    return json.dumps(envelope_of(operation, data, **members)).encode()


def valid(operation: Operation, marks: Marks) -> Iterator[Request]:
    """Yield a request that nothing is wrong with."""
    yield Request(raw(operation, data_of(operation, marks), source=f"crm of {marks.address}"))


def wrong_data(operation: Operation, marks: Marks) -> Iterator[Request]:
    """Yield wrong types, texts that are no XML, numbers or dates, and fields that are missing or unknown."""
    data = data_of(operation, marks)
    for name, value in data.items():
        wrong: list[Any] = [[value], {marks.name: {marks.phone: value}}, marks.echo, f"<Data><{marks.name}>"]
        for one in (*wrong, marks.echo * 500, marks.phone + "\0", None):
            yield Request(raw(operation, data | {name: one}))
    yield Request(raw(operation, {marks.phone: marks.account, marks.name: marks.agent}))
    yield Request(raw(operation, [data]))
    yield Request(raw(operation, marks.echo))


def unreadable(operation: Operation, marks: Marks) -> Iterator[Request]:
    """Yield bodies that are no envelopes."""
    body = raw(operation, data_of(operation, marks))
    for cut in (-1, -20, len(body) // 2):
        yield Request(body[:cut])
    yield Request(body.replace(b'"', b"'"))
    yield Request(body + marks.echo.encode())
    yield Request(marks.echo.encode())
    yield Request(b'{"' + marks.phone.encode() + b'": 1, "' + marks.phone.encode() + b'": 2}')
    yield Request(body.replace(b"{", b'{"x": "' + marks.name.encode("utf-16-le") + b'", ', 1))
    yield Request(raw(operation, {"text": f"{marks.name}\ud800"}))
    yield Request(b"[" * 100 + body + b"]" * 100)
    yield Request(raw(operation, {"number": "@"}).replace(b'"@"', b"1e999999"))


def misdirected(operation: Operation, marks: Marks) -> Iterator[Request]:
    """Yield requests of no operation, replies, and such as nobody may be answered."""
    data = data_of(operation, marks)
    for part in ("channel", "topic", "subtopic"):
        yield Request(raw(operation, data, **{part: f"Get {marks.phone} {marks.name}"}))
    reply = envelope_of(operation, data) | {"message": {"response": marks.echo}}
    del reply["data"]
    yield Request(json.dumps(reply).encode())
    body = raw(operation, data)
    for queue in (f"gone.{marks.address}", f"gone.{marks.agent}", f"amq.rabbitmq.reply-to.{marks.phone}"):
        yield Request(body, {"reply_to": queue})
    for name in ("x-deadline", "idempotency-key", "traceparent"):
        yield Request(body, {"headers": {name: [marks.echo]}})
    yield Request(body, {"headers": {"x-deadline": 1}})


def repeated(operation: Operation, marks: Marks) -> Iterator[Request]:
    """Yield a request twice, and its key with other data."""
    body, key = raw(operation, data_of(operation, marks)), f"{operation.name}{marks.agent}"
    for one in (body, body, raw(operation, data_of(operation, marks) | other_data(operation, marks))):
        yield Request(one, {"headers": {"idempotency-key": key}})


def other_data(operation: Operation, marks: Marks) -> dict[str, Any]:
    """Return another value for the first field that is a text."""
    fields = [field for field in cast("Any", operation).fields if isinstance(field, Text | Phone)]
    return {fields[0].name: marks.phone + "1"}


WAYS: Final[dict[str, Way]] = {
    way.__name__: way for way in (valid, wrong_data, unreadable, misdirected, repeated)
}


def faults(marks: Marks) -> list[Fault]:
    """Return how LCM fails, repeating what it was given wherever it can."""
    contact = {"PhoneNumber": marks.phone, "AccountNumber": marks.account, "CampaignId": {"x": marks.name}}
    return [
        Fault(kind="fault", message=marks.echo),
        Fault(kind="fault", message=marks.echo.upper()),
        Fault(kind="fault", message=marks.echo, status=400),
        Fault(kind="html", message=marks.echo),
        Fault(kind="html", message=marks.echo.upper()),
        Fault(kind="html", message=marks.echo, status=404),
        Fault(kind="status", status=401),
        Fault(kind="status", status=503),
        Fault(kind="redirect", location=f"/x?{marks.agent}"),
        Fault(kind="hang", when="after"),
        *(Fault(kind=kind, when="after") for kind in ("half", "reset", "not_json", "wrong_shape")),
        Fault(kind="result", result={"RequestFailureReason": marks.echo}),
        Fault(kind="result", result={"success": False, "Message": marks.echo.swapcase()}),
        Fault(kind="result", result=[contact, [marks.echo]]),
        Fault(kind="result", result=contact),
        Fault(kind="result", result=json.dumps([contact])),
        Fault(kind="result", result=marks.echo),
    ]


def operations() -> list[Operation]:
    """Return every operation of the catalogue."""
    return list(Catalogue(RULES).operations)
