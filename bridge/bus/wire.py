"""Messages that the client library cannot read or write must not take a connection down.

A client may publish properties that the broker passes on and the library cannot decode: text that is
not UTF-8, a timestamp in the year 500 million, tables nested a thousand deep. The library's reader
dies of them and its connection with it, the broker delivers the message again, and so for ever. The
same holds for the way out: headers that cannot be encoded, or that outgrow a frame with ours added.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from pamqp import commands, encode, header

from bridge.messages import DIRECT_REPLY_TO, Properties
from bridge.pipeline import UNREADABLE

LEFT_OUT: Final = "x-bridge-left-out"
"""Header that names the headers which could not be carried on."""

_FAULTS: Final = (ValueError, TypeError, ArithmeticError, LookupError, OSError, RecursionError, struct.error)
_PLAIN_BYTES: Final = 4096
_LARGEST: Final = 2**63 - 1
_FRAME_BYTES: Final = 20
"""Bytes of a header frame beside its properties."""

_EXTERNAL_TERM: Final = 131
_PIDS: Final = {103: 9, 88: 12}
"""Erlang's tags of a process id: the bytes that follow its node's name."""
_NAMES: Final = {100: 2, 118: 2, 115: 1, 119: 1}
"""Erlang's tags of a name: the bytes of its length."""

_read_header = header.ContentHeader.unmarshal


def tolerate_unreadable_properties() -> None:
    """Make the library leave out properties that it cannot read, for the whole process."""
    header.ContentHeader.unmarshal = _unmarshal  # type: ignore[method-assign]


def _unmarshal(self: header.ContentHeader, data: bytes) -> None:
    try:
        _read_header(self, data)
    except _FAULTS:
        self.class_id, self.weight, self.body_size = struct.unpack(">HHQ", data[:12])
        self.properties = _readable(int.from_bytes(data[12:14], "big"), data[14:])


def _readable(flags: int, data: bytes) -> commands.Basic.Properties:
    properties, unreadable = commands.Basic.Properties(), []
    for name in properties.__slots__:
        flag = properties.flags[name]
        if not flags & flag:
            continue
        size = _size(properties.amqp_type(name), data)
        try:
            properties.unmarshal(flag, data[:size])
        except _FAULTS:
            unreadable.append(name)
        data = data[size:]
    properties.headers = {**(properties.headers or {}), UNREADABLE: ", ".join(unreadable)}
    return properties


def _size(kind: str, data: bytes) -> int:
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
    if _is_plain(properties.headers):
        return commands.Basic.Properties(**given)
    bare = commands.Basic.Properties(**{**given, "headers": None})
    room = (frame_max or 131_072) - _FRAME_BYTES - len(bare.marshal()) - 4
    bare.headers = _fitting(properties.headers, room)
    return bare


def _is_plain(headers: Mapping[str, Any]) -> bool:
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
    kept: dict[str, Any] = {}
    left_out = []
    for name, value in headers.items():
        try:
            kept[name] = _encodable(value)
            sizes[name] = len(encode.field_table({name: kept[name]})) - 4
        except _FAULTS:
            kept.pop(name, None)
            left_out.append(name)
    # A list of names takes its room too; the largest go first.
    names = sorted(kept, key=lambda name: sizes[name])
    total, most = sum(sizes.values()), room - _PLAIN_BYTES
    while names and total > most:
        name = names.pop()
        total -= sizes[name]
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


def is_no_address(reply_to: str) -> bool:
    """Tell a forged direct reply-to, of which RabbitMQ 3.10 closes the connection that publishes to it.

    A real one holds a process id of the broker, in Erlang's external form and base64.
    """
    if not reply_to.startswith(DIRECT_REPLY_TO):
        return False
    words = [word for word in reply_to.removeprefix(DIRECT_REPLY_TO).split(".") if word]
    if len(words) != 2:  # noqa: PLR2004 - process and key; the broker drops anything else
        return True
    try:
        return not _is_process(base64.b64decode(words[0], validate=True))
    except binascii.Error:
        return True


def _is_process(term: bytes) -> bool:
    if len(term) < 5 or term[0] != _EXTERNAL_TERM or term[1] not in _PIDS or term[2] not in _NAMES:  # noqa: PLR2004
        return False
    digits = _NAMES[term[2]]
    name = int.from_bytes(term[3 : 3 + digits], "big")
    return len(term) == 3 + digits + name + _PIDS[term[1]]
