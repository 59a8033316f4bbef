"""Each operation's data, members odd and misspelled: parameters that LCM can be sent, or `InvalidData`."""

import copy
import hashlib
from typing import Final

import orjson

from bridge.envelope import Envelope
from bridge.failures import InvalidData, UnknownOperation
from bridge.jsontypes import JsonObject, JsonValue
from bridge.once import content
from bridge.operations.declared.operation import Declared
from bridge.operations.model import Command
from bridge.replies import encode
from fuzz.picks import ODD, Picks
from fuzz.targets.site import CATALOGUE, samples, told

WORDS: Final = (
    b"<Data>",
    b"</Data>",
    b"<![CDATA[",
    b"&#x10ffff;",
    b"\xef\xbf\xbf",
    b"24/10/2024 07:33",
    b"\xc5\xbf",
)

_SAMPLES: Final = samples()


def check(data: bytes) -> None:
    """Translate the request that the bytes pick."""
    picks = Picks(data)
    operation, _ = picks.one_of(_SAMPLES)
    route = picks.one_of(operation.routes)
    members = _data(picks, operation)
    envelope = Envelope(*route.request, source=None, data=members)
    before = copy.deepcopy(members)
    try:
        found, _ = CATALOGUE.find(envelope)
    except UnknownOperation as unknown:
        raise AssertionError(operation.name) from unknown
    try:
        command = found.translate(envelope)
    except InvalidData as invalid:
        told(invalid, operation)
        return
    if members != before:
        raise AssertionError(f"{operation.name} changed what it read")
    if command.call is None:
        encode(command.content)
        return
    sent = orjson.dumps(command.call.parameters)
    if orjson.loads(sent) != command.call.parameters:
        raise AssertionError(sent)
    _holds(command)
    digest = _digest(command)
    other = envelope._replace(data=dict(reversed([(_swapped(name), one) for name, one in members.items()])))
    again, _ = CATALOGUE.find(other)
    if digest != _digest(again.translate(other)):
        raise AssertionError(f"{operation.name}: order or case of its members changes the content")


def _data(picks: Picks, operation: Declared) -> JsonObject:
    """Start with valid data, and change some of it; no name is there twice in whatever spelling."""
    example = operation.declaration.example
    members: dict[str, JsonValue] = {}
    if example is not None and isinstance(example.data, dict) and not picks.flag():
        members.update(example.data)
    names = [name for field in operation.fields for name in (field.name, *field.aliases)]
    for _ in range(picks.number(len(names) + 2)):
        name = picks.text() if picks.number(9) == 1 else picks.one_of(names)
        same = [one for one in members if one.casefold() == name.casefold()]
        for one in same:
            del members[one]
        if picks.flag():
            members[_swapped(name) if picks.flag() else name] = (
                picks.one_of(ODD) if picks.flag() else picks.json(names)
            )
    return members


def _swapped(name: str) -> str:
    return name.swapcase() if name.isascii() else name


def _holds(command: Command) -> None:
    if command.side_effect and command.reserved is not None:
        raise AssertionError("a side effect is answered from the cache")
    if command.agent is not None and not 1 <= len(command.agent) <= 128:  # noqa: PLR2004 - the contract's
        raise AssertionError(command.agent)
    if command.reserved is not None and not 1 <= command.reserved.count <= 100:  # noqa: PLR2004 - limits.contacts
        raise AssertionError(command.reserved)


def _digest(command: Command) -> str:
    return hashlib.sha256(content(command).encode(errors="surrogatepass")).hexdigest()
