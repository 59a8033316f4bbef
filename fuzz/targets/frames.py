"""What the broker sends on a channel: cut, taken and read as the library would, in whatever pieces."""

import asyncio
import atexit
import sys
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from pamqp import commands, frame, header
from pamqp.body import ContentBody
from pamqp.heartbeat import Heartbeat

from bridge.bus.content import Arrival
from bridge.bus.frames import BODY, END, HEADER, METHOD, START, FrameReader, Socket
from bridge.bus.traffic import Nacked, Traffic
from bridge.messages import Outgoing, Properties
from fuzz.picks import Picks

CHANNEL: Final = 1
_METHODS: Final[tuple[Any, ...]] = (
    commands.Basic.Deliver("tag", 7, False, "lcm.requests", "a.b.c"),  # noqa: FBT003 - the library's order
    commands.Basic.Return(312, "NO_ROUTE", "", "q"),
    commands.Basic.Ack(1),
    commands.Basic.Ack(2, multiple=True),
    commands.Basic.Nack(1),
    commands.Basic.QosOk(),
    commands.Channel.CloseOk(),
    commands.Channel.Close(404, "NOT_FOUND", 60, 20),
)
WORDS: Final = (
    *(frame.marshal(one, CHANNEL) for one in _METHODS[:5]),
    *(b"\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00" + bytes(8) + b"\0\0\xce", b"\xce", b"\x00\x3c\x00\x3c"),
)
_SIGN_OF_LIFE: Final = Heartbeat().marshal()
_TAGS: Final = 2**64
"""The library reads a delivery tag as a signed number, which AMQP's are not."""


class _Deaf(Socket):
    """A socket that is open, and on which nothing comes out."""

    closed = False

    def write(self, frames: bytes) -> None:
        """Write nothing."""


class _Channel:
    """What is asked of the library's channel."""

    number = CHANNEL
    is_closed = False
    connection = SimpleNamespace(connection_tune=SimpleNamespace(frame_max=131_072))

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.closing: asyncio.Future[None] = loop.create_future()

    async def basic_consume(self, queue: str, callback: object) -> SimpleNamespace:
        """Begin to deliver."""
        del queue, callback
        return SimpleNamespace(consumer_tag="tag")


def check(data: bytes) -> None:
    """Put the bytes to two readers, as they are and in pieces: both find the same."""
    picks = Picks(data)
    size = picks.number(64) + 1
    stream = _stream(picks) if picks.flag() else picks.rest()
    _loop().run_until_complete(_compare(stream, size))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return one loop for all inputs: to make one takes longer than an input."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


async def _compare(stream: bytes, size: int) -> None:
    whole = await read([stream])
    pieces = await read([stream[at : at + size] for at in range(0, len(stream), size)])
    if whole != pieces:
        raise AssertionError(whole, pieces)
    expected = _expected(stream)
    if expected is not None and expected != [
        (one.tag, one.body, one.properties.message_id) for one in whole[1]
    ]:
        raise AssertionError(expected, whole[1])


def _expected(stream: bytes) -> list[tuple[int, bytes, str | None]] | None:
    """Return what the library's reader finds delivered; None where something is wrong or out of order."""
    try:
        contents = list(_contents(_of_the_channel(stream)))
    except Exception:  # noqa: BLE001 - whatever the library raises, it is for the library to tell of
        return None
    return [
        ((method.delivery_tag or 0) % _TAGS, body, headed.properties.message_id)
        for method, headed, body in contents
        if isinstance(method, commands.Basic.Deliver)
    ]


def _of_the_channel(stream: bytes) -> Iterator[Any]:
    while stream:
        size, channel, one = frame.unmarshal(stream)
        stream = stream[size:]
        if channel == CHANNEL:
            yield one


def _contents(frames: Iterator[Any]) -> Iterator[tuple[Any, header.ContentHeader, bytes]]:
    """Put messages together. Raises TypeError or ValueError for what is out of order."""
    for one in frames:
        if isinstance(one, commands.Basic.Deliver | commands.Basic.Return):
            headed = next(frames, None)
            if not isinstance(headed, header.ContentHeader):
                raise TypeError("no header")
            body = b""
            while len(body) < (headed.body_size or 0):
                part = next(frames, None)
                if not isinstance(part, ContentBody) or not part.value:
                    raise ValueError("no body")
                body += part.value
            yield one, headed, body
        elif isinstance(one, header.ContentHeader | ContentBody) or one.name.startswith("Channel.Close"):
            raise ValueError("out of order")


async def read(pieces: list[bytes], *, most: int = sys.maxsize) -> tuple[bytes, list[Arrival], list[object]]:
    """Read pieces on a channel: what the library is left, what is delivered, what becomes of 3 publishes.

    Of a body ``most`` bytes are kept.
    """
    loop = asyncio.get_running_loop()
    socket, channel = _Deaf(), _Channel(loop)
    socket.reader = FrameReader(loop)
    traffic = Traffic(channel, socket)  # type: ignore[arg-type]  # it has what is asked of one
    arrivals: list[Arrival] = []
    await traffic.consume("q", arrivals.append, most=most)
    published = [
        traffic.publish(Outgoing(exchange="", routing_key="q", body=b"x", properties=told), told)
        for told in (Properties(message_id="m1"), Properties(message_id="m2"), Properties())
    ]
    for piece in pieces:
        socket.reader.feed_data(piece)
    socket.reader.feed_eof()
    left = await socket.reader.read()
    channel.closing.set_result(None)
    ends = await asyncio.gather(*published, return_exceptions=True)
    for end in ends:
        if not isinstance(end, bool | Nacked | ConnectionError):
            raise TypeError(end)
    return left.replace(_SIGN_OF_LIFE, b""), arrivals, [repr(end) for end in ends]


def _stream(picks: Picks) -> bytes:
    """Write frames that are nearly right."""
    parts = []
    for _ in range(picks.number(12)):
        kind = picks.number(5)
        if kind <= 2:  # noqa: PLR2004 - methods are the most frequent
            payload = frame.marshal(picks.one_of(_METHODS), CHANNEL)[START.size : -1]
            kind = METHOD
        elif kind == HEADER + 1:
            payload = b"\0\x3c\0\0" + picks.number(40).to_bytes(8, "big") + picks.take(picks.number(60))
            kind = HEADER
        else:
            payload, kind = picks.take(picks.number(60)), picks.one_of((BODY, METHOD, HEADER))
        if picks.number(7) == 1:
            payload = payload[: picks.number(len(payload))]
        parts.append(START.pack(kind, picks.one_of((1, 1, 1, 2, 0)), len(payload)) + payload + END)
    return b"".join(parts)
