"""Messages as they stand on the wire: a publish with its content, and what the broker delivers.

The client library encodes and decodes attribute by attribute, by tables of names; in the everyday case this
does the same in a third of the time. What is out of the ordinary goes by the library, or `bridge.bus.wire`.
"""

import struct
from typing import Final, NamedTuple

from pamqp import base, commands, encode

from bridge.bus.frames import BODY, END, HEADER, METHOD, START
from bridge.bus.wire import CONTENT, KINDS, is_plain, properties_on_the_wire, read_properties, short_string
from bridge.messages import Outgoing, Properties

_CLASS: Final = commands.Basic.frame_id
_FLAGS: Final = struct.Struct(">H")
_SETTLEMENT: Final = struct.Struct(">BHIIQBc")
_SETTLEMENT_BYTES: Final = _SETTLEMENT.size - START.size - len(END)
_TAG: Final = struct.Struct(">QB")

CONFIRM_BYTES: Final = 4 + _TAG.size
"""Least bytes of a confirm's payload; what is shorter is none."""

_ENCODERS: Final = [(name, flag, encode.METHODS[kind]) for name, (flag, kind) in KINDS.items()]


class Arrival(NamedTuple):
    """A message as the broker sent it. ``unreadable`` names the properties that could not be read.

    ``header_bytes`` are those of all properties together, ``left_out`` those at the end of the body that were
    not kept.
    """

    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    properties: Properties
    unreadable: str
    body: bytes
    header_bytes: int = 0
    left_out: int = 0


def method_id(method: type[base.Frame]) -> bytes:
    """Return the bytes with which the payload of a method's frame begins."""
    return method.index.to_bytes(4, "big")


_PUBLISH: Final = method_id(commands.Basic.Publish) + b"\0\0"  # and a reserved number


def publish_frames(channel: int, outgoing: Outgoing, properties: Properties, frame_max: int) -> bytes:
    """Return the frames of a publish. Raises TypeError, ValueError or struct.error for what has no form."""
    body = outgoing.body
    method = b"".join(
        (
            _PUBLISH,
            encode.short_string(outgoing.exchange),
            encode.short_string(outgoing.routing_key),
            b"\1" if outgoing.mandatory else b"\0",
        )
    )
    header = CONTENT.pack(_CLASS, 0, len(body)) + encoded(properties, frame_max)
    parts = [
        START.pack(METHOD, channel, len(method)),
        method,
        END,
        START.pack(HEADER, channel, len(header)),
        header,
        END,
    ]
    most = frame_max - START.size - len(END) if frame_max else len(body) or 1
    for start in range(0, len(body), most):
        part = body[start : start + most]
        parts += (START.pack(BODY, channel, len(part)), part, END)
    return b"".join(parts)


def encoded(properties: Properties, frame_max: int) -> bytes:
    """Return properties with the flags that tell which are there; what has no form is left out and named.

    Raises TypeError, ValueError or struct.error for anything but a header.
    """
    if properties.delivery_mode not in {None, 1, 2} or not is_plain(properties.headers):
        return properties_on_the_wire(properties, frame_max).marshal()
    flags = 0
    parts = [b""]
    for name, flag, to_bytes in _ENCODERS:
        value = getattr(properties, name)
        if value is not None and value != "":
            flags |= flag
            parts.append(to_bytes(value))
    parts[0] = _FLAGS.pack(flags)
    return b"".join(parts)


def ack_frame(channel: int, tag: int) -> bytes:
    """Return the frame that acknowledges one delivery."""
    return _SETTLEMENT.pack(METHOD, channel, _SETTLEMENT_BYTES, commands.Basic.Ack.index, tag, 0, END)


def requeue_frame(channel: int, tag: int, *, failed: bool) -> bytes:
    """Return the frame that gives one delivery back to its queue.

    RabbitMQ 4.3 counts it as a delivery in vain if it is a reject, not if it is a nack; others count both.
    """
    index, requeue = (commands.Basic.Reject.index, 1) if failed else (commands.Basic.Nack.index, 2)
    return _SETTLEMENT.pack(METHOD, channel, _SETTLEMENT_BYTES, index, tag, requeue, END)


def read_confirm(payload: bytes) -> tuple[int, bool]:
    """Return the number of a confirmed or refused publish, and whether all before it are meant too."""
    tag, flags = _TAG.unpack_from(payload, 4)
    return tag, bool(flags & 1)


def read_arrival(payload: bytes, header: bytes, body: bytes) -> Arrival:
    """Return a delivery. Text that is no UTF-8 (any publisher's routing key) is shown escaped."""
    _, rest = short_string(payload[4:])
    tag, redelivered = _TAG.unpack_from(rest)
    exchange, rest = short_string(rest[_TAG.size :])
    routing_key, _ = short_string(rest)
    properties, unreadable = read_properties(header)
    size = len(header) - CONTENT.size
    left_out = max(0, int.from_bytes(header[4 : CONTENT.size], "big") - len(body))
    return Arrival(
        tag, bool(redelivered & 1), exchange, routing_key, properties, unreadable, body, size, left_out
    )
