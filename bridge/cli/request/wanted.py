"""Which request is meant: the envelope of a file, or that of an operation, its data and what is set in it."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from bridge.cli.request.names import fields_by_name, unread
from bridge.envelope import Envelope, ReplyAsRequest, parse, parse_object
from bridge.failures import InvalidEnvelope, UnknownOperation
from bridge.hints import hint
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.declared.operation import Declared
from bridge.operations.fields import Field, Wrong
from bridge.operations.model import Address, Operation, Route
from bridge.operations.shipped import siblings
from bridge.operations.templates import template
from bridge.replies import encode
from bridge.strictjson import Limits

LONGEST_ROUTING_KEY = 255
"""Bytes that AMQP 0-9-1 carries (a short string)."""


class WrongUsage(ValueError):
    """The arguments make no request; the text says what to change."""


class Setting(NamedTuple):
    """One ``--set NAME=VALUE``, the value as it was written."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for; ``read`` gives the bytes of a file, or of standard input for ``-``.

    ``read`` raises OSError.
    """

    what: str
    read: Callable[[str], bytes]
    data: str | None = None
    sets: Sequence[Setting] = ()
    source: str | None = None
    route: str | None = None
    template: bool = False


class Wanted(NamedTuple):
    """A body, the operation that takes it as far as this site knows it, and remarks on what it ignores."""

    body: bytes
    operation: Operation | None
    ignored: Sequence[str] = ()

    @property
    def answered(self) -> bool:
        """Whether somebody answers: an error, where no operation is known."""
        return self.operation is None or self.operation.replies


def wanted(asked: Asked, catalogue: Catalogue, limits: Limits) -> Wanted:
    """Return the request. Raises `WrongUsage`, and OSError for a file that cannot be read."""
    found = None if asked.what == "-" else _named(asked.what, catalogue)
    if found is not None:
        return _of_operation(*found, asked, limits)
    if asked.data is not None or asked.route is not None or asked.template:
        _unknown(asked.what, catalogue, "--data, --route and templates go with the name of an operation")
    try:
        body = asked.read(asked.what)
    except FileNotFoundError:
        _unknown(asked.what, catalogue, "no such file, and no operation of this bridge")
    if asked.sets or asked.source is not None:
        return _changed(body, asked, catalogue, limits)
    try:
        envelope = parse(body, limits)
        operation = catalogue.find(envelope)[0]
        return Wanted(body, operation, unread(envelope.data or (), operation))
    except (InvalidEnvelope, ReplyAsRequest, UnknownOperation):
        return Wanted(body, None)  # sent as it is: the bridge says what is wrong with it


def routing_key(body: bytes) -> str:
    """Return ``<channel>.<topic>.<subtopic>``; what cannot be told is routed by the alternate exchange."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return "unreadable"
    if not isinstance(envelope, dict):
        return "unreadable"
    members = {key.casefold(): value for key, value in envelope.items()}
    words = [members.get(name) for name in Address._fields]
    key = ".".join(word.strip() if isinstance(word, str) else "" for word in words)
    return key.encode(errors="ignore")[:LONGEST_ROUTING_KEY].decode(errors="ignore")


def _named(what: str, catalogue: Catalogue) -> tuple[Declared, Sequence[Route]] | None:
    """Find an operation by its name, else by a request subtopic, with the routes that are meant."""
    name = what.strip().casefold()
    for operation in catalogue.operations:
        if operation.name.casefold() == name:
            return operation, operation.routes
    for operation in catalogue.operations:
        if routes := [one for one in operation.routes if one.request.subtopic.casefold() == name]:
            return operation, routes
    return None


def _unknown(what: str, catalogue: Catalogue, problem: str) -> NoReturn:
    on = [one.name for one in catalogue.operations]
    off = {one.name.casefold(): one.name for one in siblings() if one.name not in on}
    if (name := off.get(what.strip().casefold())) is not None:
        raise WrongUsage(f"{what}: {problem}; {name} comes with the bridge and is off: operations.siblings")
    near = hint(what, {one.casefold(): one for one in on}, "lcm-bridge operations list shows them")
    raise WrongUsage(f"{what}: {problem}; {near}")


def _of_operation(operation: Declared, routes: Sequence[Route], asked: Asked, limits: Limits) -> Wanted:
    address = _route(operation, routes, asked.route).request
    if asked.template and asked.data is not None:
        raise WrongUsage("--data and a template exclude each other")
    data: JsonObject = template(operation) if asked.template else {}
    if asked.data is not None:
        data = _data(asked.data, asked.read(asked.data), limits)
    data = _with(data, asked.sets, operation)
    return Wanted(_body(address, asked.source, data), operation, unread(data, operation))


def _route(operation: Declared, routes: Sequence[Route], wanted: str | None) -> Route:
    if wanted is None:
        return routes[0]
    words = {word.strip().casefold() for word in wanted.split("/")}
    fitting = [one for one in routes if words <= {word.casefold() for word in (*one.request, *one.reply)}]
    if len(fitting) == 1:
        return fitting[0]
    told = "; ".join(
        f"{one.request}, answered on {one.reply}" if operation.replies else str(one.request) for one in routes
    )
    raise WrongUsage(f"--route {wanted}: fits {len(fitting)} of the routes of {operation.name}: {told}")


def _data(file: str, body: bytes, limits: Limits) -> JsonObject:
    try:
        data = parse_object(body, limits)
    except InvalidEnvelope as error:
        raise WrongUsage(f"--data {file}: {error}") from error
    if {"subtopic", "data"} <= {key.casefold() for key in data}:
        raise WrongUsage(f"--data {file}: this is a whole envelope: lcm-bridge request {file}")
    return data


def _changed(body: bytes, asked: Asked, catalogue: Catalogue, limits: Limits) -> Wanted:
    try:
        envelope = parse(body, limits)
    except (InvalidEnvelope, ReplyAsRequest) as error:
        why = str(error) or "this is a reply"
        raise WrongUsage(f"{asked.what}: nothing can be set in it: {why}") from error
    operation = _operation(envelope, catalogue)
    data = _with(envelope.data or {}, asked.sets, operation)
    source = envelope.source if asked.source is None else asked.source
    address = Address(envelope.channel, envelope.topic, envelope.subtopic)
    return Wanted(_body(address, source, data), operation, unread(data, operation))


def _operation(envelope: Envelope, catalogue: Catalogue) -> Operation | None:
    try:
        return catalogue.find(envelope)[0]
    except UnknownOperation:
        return None


def _body(address: Address, source: str | None, data: JsonObject) -> bytes:
    told: JsonObject = {} if source is None else {"source": source}
    return encode({**address._asdict(), **told, "data": data})


# --- NAME=VALUE ---------------------------------------------------------------------------------


def _with(data: JsonObject, sets: Sequence[Setting], operation: Operation | None) -> JsonObject:
    """Set members: each replaces the one of that name, in whatever case and under whatever alias."""
    if remarks := unread((name for name, _ in sets), operation):
        raise WrongUsage(f"--set: {'; '.join(remarks)}")
    fields = fields_by_name(operation)
    for name, text in sets:
        field_of_it = fields.get(name.casefold())
        names = {name.casefold()} | {key for key, one in fields.items() if one is field_of_it}
        try:
            value = _value(text, field_of_it)
        except RecursionError as error:
            raise WrongUsage(f"--set {name}: the value is nested too deep") from error
        except UnicodeEncodeError as error:
            raise WrongUsage(f"--set {name}: the value holds half of a surrogate pair") from error
        except OverflowError as error:
            raise WrongUsage(f"--set {name}: the value holds a number that is too large: {error}") from error
        data = {name if key.casefold() in names else key: member for key, member in data.items()}
        data[name] = value
    return data


def _value(text: str, field: Field | None) -> JsonValue:
    """Return JSON where it is such, else the text; the text, too, where the field does not take a number.

    Raises RecursionError, UnicodeEncodeError and OverflowError for JSON that cannot be written again.
    """
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_json, parse_float=_finite)
    except OverflowError:
        if field is None or not _takes(field, text):
            raise
        return text
    except ValueError:
        return text
    encode({"": value})
    if field is None or value is None:
        return value
    if _takes(field, value):
        return value
    # Where it takes neither, what is wrong is that of the text: a person who writes 12 means no type by it.
    return text if _takes(field, text) or isinstance(value, int | float) else value


def _takes(field: Field, value: JsonValue) -> bool:
    try:
        field.take(value)
    except Wrong:
        return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # it would be written as null
        raise OverflowError(text)
    return number


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
