"""A minimal AMQP 0-9-1 client for the load: write prebuilt frames, take correlation id and body of replies.

By hand because the load shares the machine with what it measures: a client library builds and reads every
frame as an object, which costs several times what the broker's traffic itself does. Here a publish is one
join of prebuilt bytes (`bench.amqp_template`), a delivery is read at three places, and there is one write
per loop turn. What happens once (the handshake, declaring, consuming, closing) is left to pamqp.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from pamqp import commands, frame
from pamqp.base import Frame

ANSWER_SECONDS: Final = 10.0
"""Seconds that the broker has for each step of connecting, declaring and closing."""

CHANNEL: Final = 1

_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_FRAME: Final = struct.Struct(">BHI")
FRAME_OVERHEAD: Final = 8
"""Bytes of a frame beside its payload: type, channel and size before it, the end mark after it."""
_END: Final = 0xCE
_DELIVER: Final = struct.pack(">HH", 60, 60)
_CONTENT: Final = struct.Struct(">QH")  # body size and property flags, after class and weight

_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 1 << 15, 1 << 14, 1 << 13
_DELIVERY_MODE, _PRIORITY, _CORRELATION_ID = 1 << 12, 1 << 11, 1 << 10


class AmqpFailed(Exception):
    """The broker refused something, closed the connection, or sent what is no AMQP."""


def correlation_id(data: bytes, at: int, flags: int) -> bytes:
    """Return the correlation id among the properties that begin at `at`; empty if there is none."""
    if not flags & _CORRELATION_ID:
        return b""
    if flags & _CONTENT_TYPE:
        at += 1 + data[at]
    if flags & _CONTENT_ENCODING:
        at += 1 + data[at]
    if flags & _HEADERS:
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    if flags & _DELIVERY_MODE:
        at += 1
    if flags & _PRIORITY:
        at += 1
    return data[at + 1 : at + 1 + data[at]]


class Client(asyncio.Protocol):
    """One connection with one channel. `connect` makes it, `close` ends it.

    `on_reply` is called with the correlation id and the body of every delivery, `on_turn` after all that
    one read of the socket brought; both must be set before `consume`. `arrived` is when that read was, in
    seconds of CLOCK_MONOTONIC; `frame_max` the bytes of the largest frame.
    """

    def __init__(self) -> None:
        self.on_reply: Callable[[bytes, bytes], None] = _nobody_listens
        self.on_turn: Callable[[], None] = _nothing
        self.frame_max = 0
        self.arrived = 0.0
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._rest = b""
        self._correlation_id = b""
        self._missing = 0  # bytes of the body under way that are still to come
        self._chunks: list[bytes] = []
        self._closing = False

    # --- what happens once ----------------------------------------------------------------------

    @classmethod
    async def connect(cls, url: str) -> "Client":
        """Connect to `amqp://user:password@host:port/vhost` and open a channel.

        Raises AmqpFailed, TimeoutError, OSError, and ValueError for another scheme.
        """
        place = urlsplit(url)
        if place.scheme != "amqp" or not place.hostname:
            raise ValueError("the load takes only amqp://user:password@host:port/vhost")
        async with asyncio.timeout(ANSWER_SECONDS):
            _, self = await asyncio.get_running_loop().create_connection(
                cls, place.hostname, place.port or 5672
            )
        try:
            await self._greet(
                unquote(place.username or "guest"),
                unquote(place.password or "guest"),
                unquote(place.path[1:]) or "/",
            )
        except BaseException:
            self.abort()
            raise
        return self

    async def _greet(self, user: str, password: str, vhost: str) -> None:
        await self._ask(b"AMQP\x00\x00\x09\x01", commands.Connection.Start)
        login = commands.Connection.StartOk(
            client_properties={
                "product": "lcm-bridge bench",
                "capabilities": {"connection.blocked": True, "authentication_failure_close": True},
            },
            mechanism="PLAIN",
            response=f"\0{user}\0{password}",
        )
        tune = cast(
            "commands.Connection.Tune", await self._ask(frame.marshal(login, 0), commands.Connection.Tune)
        )
        self.frame_max = tune.frame_max or 131_072
        # No heartbeat: a run is bounded by its seconds, and a broker that is gone shows as lost replies.
        agreed = commands.Connection.TuneOk(
            channel_max=tune.channel_max, frame_max=self.frame_max, heartbeat=0
        )
        await self._ask(
            frame.marshal(agreed, 0) + frame.marshal(commands.Connection.Open(virtual_host=vhost), 0),
            commands.Connection.OpenOk,
        )
        await self.call(commands.Channel.Open(), commands.Channel.OpenOk)

    async def call(self, method: Frame, expected: type[Frame]) -> Frame:
        """Send a method on the channel and return the broker's answer to it.

        Raises AmqpFailed for every other answer (with the broker's reason), TimeoutError after 10 s.
        """
        return await self._ask(frame.marshal(method, CHANNEL), expected)

    async def consume(self, queue: str) -> None:
        """Take every message of a queue, without acknowledgements. Raises as `call`."""
        await self.call(
            commands.Basic.Consume(queue=queue, consumer_tag="replies", no_ack=True), commands.Basic.ConsumeOk
        )

    async def unless_failed(self, work: Coroutine[object, object, None]) -> None:
        """Do some work that lives on this connection; raise what ended the connection, if that is sooner."""
        working = asyncio.create_task(work)
        try:
            await asyncio.wait({working, self._failure}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
        if self._failure.done():
            self._failure.result()
        await working

    def abort(self) -> None:
        """Drop the connection, if it is still there."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Stop consuming, so that every delivery on its way has come, and close. Raises as `call`."""
        if self._transport is None or self._failure.done():
            return
        await self.call(commands.Basic.Cancel(consumer_tag="replies"), commands.Basic.CancelOk)
        self._closing = True
        await self._ask(
            frame.marshal(commands.Connection.Close(reply_code=200, class_id=0, method_id=0), 0),
            commands.Connection.CloseOk,
        )
        self._transport.close()

    async def _ask(self, data: bytes, expected: type[Frame]) -> Frame:
        if self._failure.done():
            self._failure.result()
        self._answer = asyncio.get_running_loop().create_future()
        self.write(data)
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self._answer
        if not isinstance(answer, expected):
            raise AmqpFailed(f"{answer.name} where {expected.name} was expected")
        return answer

    # --- what happens all the time --------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send frames; the caller gathers them, so that there is one write per loop turn."""
        if self._transport is None:
            raise AmqpFailed("not connected")
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Take what the socket brought; called by the event loop. Raises AmqpFailed for what is no AMQP."""
        self.arrived = time.monotonic()
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        unpack, take = _FRAME.unpack_from, self._take_frame
        while end - at >= FRAME_OVERHEAD:
            kind, _, size = unpack(data, at)
            payload = at + 7
            mark = payload + size
            if mark >= end:
                break
            if data[mark] != _END:
                raise AmqpFailed("a frame does not end as AMQP frames do")
            take(kind, data, payload, mark)
            at = mark + 1
        self._rest = data[at:]
        self.on_turn()

    def _take_frame(self, kind: int, data: bytes, payload: int, mark: int) -> None:
        """Take the frame whose payload is `data[payload:mark]`."""
        if kind == _METHOD:
            if data[payload : payload + 4] != _DELIVER:
                self._take_method(data[payload - 7 : mark + 1])
        elif kind == _HEADER:
            self._missing, flags = _CONTENT.unpack_from(data, payload + 4)
            self._correlation_id = correlation_id(data, payload + 14, flags)
            if not self._missing:
                self.on_reply(self._correlation_id, b"")
        elif kind == _BODY:
            self._missing -= mark - payload
            if self._missing or self._chunks:
                self._chunks.append(data[payload:mark])
            if not self._chunks:
                self.on_reply(self._correlation_id, data[payload:mark])
            elif not self._missing:
                whole = b"".join(self._chunks)
                self._chunks.clear()
                self.on_reply(self._correlation_id, whole)
        elif kind != _HEARTBEAT:
            raise AmqpFailed(f"a frame of the unknown type {kind}")

    def _take_method(self, data: bytes) -> None:
        method = cast("Frame", frame.unmarshal(data)[2])
        if isinstance(method, commands.Connection.Close | commands.Channel.Close):
            self._fail(AmqpFailed(f"the broker: {method.reply_code} {method.reply_text}"))
        elif isinstance(method, commands.Connection.Blocked):
            self._fail(AmqpFailed(f"the broker takes no messages: {method.reason}"))
        elif isinstance(method, commands.Basic.Cancel):
            self._fail(AmqpFailed("the broker has deleted the reply queue"))
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(method)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; called by the event loop."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the loss of the connection, unless it was closed; called by the event loop."""
        if not self._closing:
            self._fail(exc or AmqpFailed("the broker closed the connection"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        if not self._failure.done():
            self._failure.set_exception(error)
            self._failure.exception()  # seen: whoever awaits it gets it all the same


def _nobody_listens(correlation_id: bytes, _: bytes) -> None:
    raise AmqpFailed(f"a delivery ({correlation_id!r}) before anybody listens")


def _nothing() -> None:
    """Stand in for `Client.on_turn` until there is one."""
