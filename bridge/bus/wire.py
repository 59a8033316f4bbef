"""Messages that the client library cannot read or write must not take a connection down.

A client may publish properties that the broker passes on and the library cannot decode: text that is
not UTF-8, a timestamp in the year 500 million, tables nested a thousand deep. The library's reader
dies of them and its connection with it, the broker delivers the message again, and so for ever. A worker's
deliveries are read without it (`bridge.bus.content`); this is for those who fetch with ``basic_get``. The
same holds for the way out: headers that cannot be encoded, or that outgrow a frame with ours added.
"""

import secrets
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, Final

from pamqp import commands, decode, encode, header

from bridge import forwarding
from bridge.headers import DEADLINE, IDEMPOTENCY_KEY, UNREADABLE
from bridge.jsontypes import everything_in
from bridge.messages import Properties

_UNREADABLE: Final = f"{UNREADABLE}-{secrets.token_hex(8)}"
"""Header by which the reader tells `take_unreadable` what could not be read; not to be forged."""

LEFT_OUT: Final = "x-bridge-left-out"
"""Header that names the headers which could not be carried on."""

FAULTS: Final = (ValueError, TypeError, ArithmeticError, LookupError, OSError, RecursionError, struct.error)
"""What decoding and encoding raise for what has no value or form."""

_PLAIN_BYTES: Final = 4096
_LARGEST: Final = 2**63 - 1
_FRAME_BYTES: Final = 20
"""Bytes of a header frame beside its properties."""

_MOST_VALUES: Final = 1_000
"""Values in all tables and arrays of the headers: with more of them the headers count as unreadable."""

_MOST_SENT_ON: Final = 900
"""What a message that is sent on has of these: the rest is for what broker and bridge write on it."""

_SIZES: Final = {
    **dict.fromkeys((b"t", b"b", b"B"), 1),
    **dict.fromkeys((b"s", b"u"), 2),
    **dict.fromkeys((b"I", b"i", b"f"), 4),
    **dict.fromkeys((b"l", b"L", b"d", b"T"), 8),
    b"D": 5,
}
"""Bytes of a value by the letter of its type, where it has always as many; those without any are left out."""

_OURS: Final = forwarding.NOTES | forwarding.LETTER_NOTES | {DEADLINE, IDEMPOTENCY_KEY}
"""Headers without which a request would come back as another one; each is short."""

KINDS: Final = {
    name: (commands.Basic.Properties.flags[name], commands.Basic.Properties.amqp_type(name))
    for name in Properties.__slots__
}
"""Flag and type of each property, in their order on the wire."""


def _read_table(data: bytes) -> tuple[int, Any]:
    """Read a table as the library does, which copies all that follows a value to read it.

    Of 130 KB of empty values it would make gigabytes, and stand still for a second. Raises `FAULTS`.
    """
    if len(data) > _PLAIN_BYTES and _has_more_values(data, _MOST_VALUES):
        raise ValueError("too many values")
    return decode.field_table(data)


def _has_more_values(data: bytes, most: int) -> bool:
    """Tell whether the table at the beginning has more values, with those within them."""
    at = 4
    ends = [(at + int.from_bytes(data[:at], "big"), True)]
    values = 0
    while ends and values <= most:
        end, named = ends[-1]
        if at >= end:
            ends.pop()
            continue
        if named:
            at += 1 + data[at]
        kind = data[at : at + 1]
        at += 1
        values += 1
        if kind in {b"F", b"A"}:
            at += 4
            ends.append((at + int.from_bytes(data[at - 4 : at], "big"), kind == b"F"))
        elif kind in {b"S", b"x"}:
            at += 4 + int.from_bytes(data[at : at + 4], "big")
        else:
            at += _SIZES.get(kind, 0)
    return values > most


_READERS: Final = {**decode.METHODS, "shortstr": None, "table": _read_table}
_DECODERS: Final = [(name, flag, kind, _READERS[kind]) for name, (flag, kind) in KINDS.items()]

CONTENT: Final = struct.Struct(">HHQ")
"""What a content header begins with: its class, an unused number and the size of the body."""

_read_header = header.ContentHeader.unmarshal


def tolerate_what_cannot_be_read() -> None:
    """Make the library leave out what it cannot read of a message, for the whole process.

    It has no setting for this, and its reader offers no place between the socket and the parser.
    """
    header.ContentHeader.unmarshal = _unmarshal  # type: ignore[method-assign]
    commands.Basic.GetOk.unmarshal = _unmarshal_get_ok  # type: ignore[method-assign, assignment]


def take_unreadable(headers: dict[str, Any]) -> str:
    """Remove and return the names of the properties that could not be read; empty if all could."""
    return str(headers.pop(_UNREADABLE, ""))


def _unmarshal_get_ok(self: commands.Basic.GetOk, data: bytes) -> None:
    """Read the frame of a message that was fetched.

    Bytes that are no UTF-8 (in any publisher's routing key) are shown escaped.
    """
    self.delivery_tag, self.redelivered = int.from_bytes(data[:8], "big"), bool(data[8] & 1)
    self.exchange, data = short_string(data[9:])
    self.routing_key, data = short_string(data)
    self.message_count = int.from_bytes(data[:4], "big")


def short_string(data: bytes) -> tuple[str, bytes]:
    """Return the text at the beginning, and what follows it; bytes that are no UTF-8 are shown escaped."""
    end = 1 + data[0]
    return data[1:end].decode(errors="backslashreplace"), data[end:]


def _unmarshal(self: header.ContentHeader, data: bytes) -> None:
    if len(data) <= _PLAIN_BYTES:  # longer ones may have too many values
        with suppress(*FAULTS):
            _read_header(self, data)
            return
    self.class_id, self.weight, self.body_size = CONTENT.unpack_from(data)
    readable, unreadable = read_properties(data)
    self.properties = commands.Basic.Properties()
    for name in KINDS:
        setattr(self.properties, name, getattr(readable, name))
    self.properties.headers = {**readable.headers, _UNREADABLE: unreadable}


def read_properties(header: bytes) -> tuple[Properties, str]:
    """Return the properties of a content header, and the names of those that cannot be read."""
    at = CONTENT.size
    word = flags = int.from_bytes(header[at : at + 2], "big")
    at += 2
    while word & 1:  # more words of flags follow, for properties that nobody has defined
        word = int.from_bytes(header[at : at + 2], "big")
        at += 2
    values: dict[str, Any] = {}
    unreadable = []
    for name, flag, kind, read in _DECODERS:
        if not flags & flag:
            continue
        try:
            if read is None:
                end = at + 1 + header[at]
                values[name] = header[at + 1 : end].decode()
            else:
                size, values[name] = read(header[at:])
                end = at + size
        except FAULTS:
            unreadable.append(name)
            end = at + _size_of(kind, header[at:])
        at = end
    return Properties(**values), ", ".join(unreadable)


def _size_of(kind: str, data: bytes) -> int:
    """Return how many bytes the property of a kind takes that stands at the beginning."""
    if kind == "shortstr":
        return 1 + int.from_bytes(data[:1], "big")
    if kind == "table":
        return 4 + int.from_bytes(data[:4], "big")
    return 8 if kind == "timestamp" else 1


def properties_on_the_wire(properties: Properties, frame_max: int) -> commands.Basic.Properties:
    """Return the library's form, with headers that can be encoded and fit into one frame.

    What does not is left out, and named in a header; the message itself always goes.
    """
    given = {field.name: getattr(properties, field.name) for field in fields(properties)}
    if is_plain(properties.headers):
        return commands.Basic.Properties(**given)
    bare = commands.Basic.Properties(**{**given, "headers": None})
    room = (frame_max or 131_072) - _FRAME_BYTES - len(bare.marshal()) - 4
    bare.headers = _fitting(properties.headers, room)
    return bare


def is_plain(headers: Mapping[str, Any]) -> bool:
    """Tell the everyday case, of which no encoding and no frame can go wrong."""
    size = 0
    for name, value in headers.items():
        if isinstance(value, str):
            size += len(value)
        elif not isinstance(value, bool | int) or abs(value) > _LARGEST:
            return False
        size += len(name)
    return size < _PLAIN_BYTES


def _fitting(headers: Mapping[str, Any], room: int) -> dict[str, Any]:
    sizes: dict[str, int] = {}
    values: dict[str, int] = {}
    kept: dict[str, Any] = {}
    left_out = []
    for name, value in headers.items():
        try:
            kept[name] = _encodable(value)
            sizes[name] = len(encode.field_table({name: kept[name]})) - 4
            values[name] = sum(1 for _ in everything_in(value))
        except FAULTS:
            kept.pop(name, None)
            left_out.append(name)
    # A list of names takes its room too; the largest go first, and never what the bridge itself reads.
    names = [name for name in kept if name not in _OURS or sizes[name] > _PLAIN_BYTES]
    for measure, most in ((sizes, room - _PLAIN_BYTES), (values, _MOST_SENT_ON)):
        names.sort(key=measure.__getitem__)
        total = sum(measure[name] for name in kept)
        while names and total > most:
            name = names.pop()
            total -= measure[name]
            left_out.append(name)
            del kept[name]
    if left_out:
        kept[LEFT_OUT] = ", ".join(left_out).encode()[: _PLAIN_BYTES // 2].decode(errors="ignore")
    return kept


def _encodable(value: Any) -> Any:  # noqa: ANN401 - a header holds anything
    """Turn text that is not UTF-8 into bytes, and numbers that AMQP cannot carry into text."""
    if isinstance(value, bytes):
        return bytearray(value)
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {name: _encodable(one) for name, one in value.items()}
    try:
        encode.encode_table_value(value)
    except (TypeError, OverflowError, struct.error):
        return str(value)
    return value
