"""What is frequent on one channel: publishes with their confirms, deliveries and their acknowledgements.

The channel itself is the client library's, which opens it, declares, consumes, cancels and closes. Only one
may number the publishes of a channel: the library's own ``basic_publish`` must not be used beside this.
"""

import asyncio
import sys
from collections.abc import Callable
from itertools import takewhile
from typing import Final

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError
from pamqp import commands

from bridge.bus.content import (
    CONFIRM_BYTES,
    Arrival,
    ack_frame,
    method_id,
    publish_frames,
    read_arrival,
    read_confirm,
    requeue_frame,
)
from bridge.bus.frames import HEADER, METHOD, Socket
from bridge.bus.wire import read_properties
from bridge.messages import Outgoing, Properties

log = structlog.get_logger(__name__)

_DELIVER: Final = method_id(commands.Basic.Deliver)
_RETURN: Final = method_id(commands.Basic.Return)
_ACK: Final = method_id(commands.Basic.Ack)
_NACK: Final = method_id(commands.Basic.Nack)
_NONE: Final[frozenset[int]] = frozenset()
_ENDS: Final = {method_id(commands.Channel.Close), method_id(commands.Channel.CloseOk)}


class Nacked(Exception):
    """The broker refused a message."""


class Traffic:
    """Publishes, confirms, deliveries and acknowledgements of one open channel."""

    def __init__(self, channel: AbstractChannel, socket: Socket) -> None:
        self._channel = channel
        self._number = channel.number
        self._frame_max = channel.connection.connection_tune.frame_max
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._ended = False
        self._deliver: Callable[[Arrival], None] | None = None
        # A delivery or return of which the content has not wholly arrived.
        self._method: bytes | None = None
        self._header = b""
        self._parts: list[bytes] = []
        self._missing = 0
        self._most = self._room = sys.maxsize
        # What was published and not confirmed, by the number that the broker counts too.
        self._published = 0
        self._waiting: dict[int, tuple[asyncio.Future[bool], str | None]] = {}
        self._mandatory: dict[str, set[int]] = {}
        self._returned: set[int] = set()
        socket.reader.offer(self._number, self)
        channel.closing.add_done_callback(self._on_closed)

    @property
    def ended(self) -> bool:
        """Whether nothing can be written on the channel any more."""
        return self._ended or self._channel.is_closed or self._socket.closed

    @property
    def under_way(self) -> list[asyncio.Future[bool]]:
        """The publishes that are not confirmed yet, and whose confirms are waited for."""
        return [future for future, _ in self._waiting.values() if not future.done()]

    @property
    def full(self) -> bool:
        """Whether to `drain` before the next publish."""
        return self._socket.full

    async def drain(self) -> None:
        """Wait while the broker reads too slowly. Raises what ended the connection meanwhile."""
        await self._socket.drain()

    # --- out ------------------------------------------------------------------------------------

    def publish(self, outgoing: Outgoing, properties: Properties) -> asyncio.Future[bool]:
        """Write a message; the future tells, once the broker has confirmed it, whether a queue took it.

        It fails with `Nacked`, and with the channel's end. A mandatory message needs a message id. Of several
        under way with the same id, none counts as taken once one has come back. Raises TypeError, ValueError
        or struct.error for what cannot be encoded, and what `aio_pika.exceptions.CONNECTION_EXCEPTIONS` lists
        where nothing was written.
        """
        frames = publish_frames(self._number, outgoing, properties, self._frame_max)
        self._write(frames)
        self._published += 1
        message_id = properties.message_id if outgoing.mandatory else None
        if message_id is not None:
            self._mandatory.setdefault(message_id, set()).add(self._published)
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[self._published] = (future, message_id)
        return future

    def ack(self, tag: int) -> None:
        """Acknowledge a delivery. Raises what `aio_pika.exceptions.CONNECTION_EXCEPTIONS` lists."""
        self._write(ack_frame(self._number, tag))

    def requeue(self, tag: int, *, failed: bool) -> None:
        """Give a delivery back to its queue, as one in vain if it ``failed``. Raises as `ack` does."""
        self._write(requeue_frame(self._number, tag, failed=failed))

    def _write(self, frames: bytes) -> None:
        if self.ended:  # a frame for a channel that the broker has closed would end the connection
            raise ChannelInvalidStateError("the channel has ended")
        self._socket.write(frames)

    # --- in -------------------------------------------------------------------------------------

    async def consume(
        self, queue: str, deliver: Callable[[Arrival], None], *, most: int = sys.maxsize
    ) -> str:
        """Have the messages of a queue delivered until its consumer tag, which is returned, is cancelled.

        Of each body the first ``most`` bytes are kept: one may have 128 MiB, and many come at once.
        Raises what `aio_pika.exceptions.CONNECTION_EXCEPTIONS` lists.
        """
        self._deliver, self._most = deliver, most
        ok = await self._channel.basic_consume(queue, _never)
        return ok.consumer_tag or ""

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a frame of the channel; False for one that is the client library's."""
        if kind != METHOD:
            if self._method is None:
                return False
            self._take_content(kind, payload)
            return True
        method = payload[:4]
        if method in {_DELIVER, _RETURN}:
            # Without a header of its own, a content would have that of the message before it.
            self._method, self._header, self._parts, self._missing = payload, b"", [], 0
            self._room = self._most
        elif method in {_ACK, _NACK} and len(payload) >= CONFIRM_BYTES:
            self._confirm(payload, refused=method == _NACK)
        else:
            if method in _ENDS:
                self.stop()
                self._socket.reader.offer_no_more(self._number, self)
            return False
        return True

    def _take_content(self, kind: int, payload: bytes) -> None:
        if kind == HEADER:
            self._header, self._parts, self._room = payload, [], self._most
            self._missing = int.from_bytes(payload[4:12], "big")
        else:
            if self._room > 0:
                self._parts.append(payload[: self._room])
                self._room -= len(payload)
            self._missing -= len(payload)
        if self._missing > 0 or self._method is None:
            return
        method, self._method = self._method, None
        if method.startswith(_RETURN):
            self._return()
        elif self._deliver is not None:
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            try:
                self._deliver(read_arrival(method, self._header, body))
            except Exception as error:  # a fault of ours with one message is none of the connection's
                log.exception(
                    "amqp.delivery_fault",
                    error=f"{type(error).__name__}: {error}",
                    next="a fault of the bridge: report it; the request comes again at the channel's end",
                )

    def _return(self) -> None:
        """Note that no queue takes a message; its confirm follows.

        Strangers' ids can be the same, and then it is not told which one it is. To have each wait for the one
        before it would let a stranger hold up all others by one id.
        """
        message_id = read_properties(self._header)[0].message_id
        self._returned |= self._mandatory.get(message_id or "", _NONE)

    def _confirm(self, payload: bytes, *, refused: bool) -> None:
        number, multiple = read_confirm(payload)
        numbers = list(takewhile(number.__ge__, self._waiting)) if multiple else (number,)
        for one in numbers:
            future, message_id = self._waiting.pop(one, (None, None))
            if message_id is not None:
                alike = self._mandatory[message_id]
                alike.discard(one)
                if not alike:
                    del self._mandatory[message_id]
            returned = one in self._returned
            self._returned.discard(one)
            if future is None or future.done():  # nobody waits for it any more
                continue
            if refused:
                future.set_exception(Nacked)
            else:
                future.set_result(not returned)

    # --- the end --------------------------------------------------------------------------------

    def stop(self) -> None:
        """Write nothing more; what is under way may yet be confirmed."""
        self._ended = True

    def _on_closed(self, closing: asyncio.Future[None]) -> None:
        """Have all fail who wait: nothing of the channel comes any more."""
        self.stop()
        reason = None if closing.cancelled() else closing.exception()
        if not isinstance(reason, CONNECTION_EXCEPTIONS):  # the library's own signs for an end in order
            reason = ConnectionError("the channel ended before the confirm")
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(reason)
        self._waiting.clear()
        self._mandatory.clear()
        self._returned.clear()


async def _never(message: DeliveredMessage) -> None:
    """Stand where the library asks for a callback: it gets no deliveries."""
    raise AssertionError(f"a delivery was not taken: {message.delivery!r}")
