"""The socket under the client library. What is frequent is taken off the stream before the library reads it.

aiormq reads a frame by three coroutines, hands it through two queues and makes a task of each delivery; with
its three futures per publish that was a quarter of the CPU time of a request. So the deliveries, returns and
confirms of a channel go straight to its `bridge.bus.traffic`. All else, from the handshake to the heartbeats,
and whatever nobody here expects, the library reads and writes as ever. It has a public place for this: a
connection may bring a transport of its own.
"""

import asyncio
import struct
from collections.abc import Iterable
from typing import Any, Final, Protocol, SupportsIndex

import aio_pika
from aio_pika.abc import TimeoutType
from aiormq import AMQPConnectionError, TransportFactory
from aiormq.exceptions import ConnectionClosed, InvalidFrameError
from pamqp.commands import Connection as ConnectionFrames
from pamqp.heartbeat import Heartbeat
from yarl import URL

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
"""The kinds of frames."""

START: Final = struct.Struct(">BHI")
"""What every frame begins with: its kind, its channel and the length of its payload."""

END: Final = b"\xce"
_LEAST: Final = START.size + len(END)
_CLOSE: Final = ConnectionFrames.Close.index.to_bytes(4, "big")

_SIGN_OF_LIFE: Final = 1.0
"""Seconds after which the library is shown by a heartbeat that frames arrive."""


_MOST_UNSENT: Final = 65_536
"""Bytes; the same at which asyncio lets a writer wait."""


class Taker(Protocol):
    """What may take the frames of one channel."""

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a frame, or return False: then the library gets it."""


class FrameReader(asyncio.StreamReader):
    """Cuts what arrives into frames and offers those of a channel to whoever takes them.

    From bytes on that are no frame everything is the library's, whose errors say what is wrong with it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._now = loop.time
        self._takers: dict[int, Taker] = {}
        self._chunks: list[bytes] = []
        self._held = 0
        self._needed = _LEAST
        self._astray = False
        self._shown = 0.0

    def offer(self, channel: int, taker: Taker) -> None:
        """Offer the frames of a channel from now on."""
        self._takers[channel] = taker

    def offer_no_more(self, channel: int, taker: Taker) -> None:
        """End that, unless the channel's number has a new taker."""
        if self._takers.get(channel) is taker:
            del self._takers[channel]

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take in what the socket received."""
        arrived = bytes(data)
        if self._astray:
            super().feed_data(arrived)
            return
        self._chunks.append(arrived)
        self._held += len(arrived)
        if self._held < self._needed:
            return
        passed = self._cut(arrived if len(self._chunks) == 1 else b"".join(self._chunks))
        if passed:
            super().feed_data(b"".join(passed))

    def feed_eof(self) -> None:
        """Take in that there is no more; half a frame is the library's."""
        if self._held:
            super().feed_data(b"".join(self._chunks))
            self._keep(b"", _LEAST)
        super().feed_eof()

    def _cut(self, data: bytes) -> list[bytes]:
        """Return the frames that nobody took."""
        passed: list[bytes] = []
        takers, start, size, needed, taken = self._takers, 0, len(data), _LEAST, False
        while size - start >= _LEAST:
            kind, channel, length = START.unpack_from(data, start)
            end = start + _LEAST + length
            if end > size and METHOD <= kind <= HEARTBEAT:
                needed = end - start
                break
            if not METHOD <= kind <= HEARTBEAT or data[end - 1] != END[0]:
                self._astray = True
                passed.append(data[start:])
                start = size
                break
            taker = takers.get(channel)
            if taker is not None and taker.take(kind, data[start + START.size : end - 1]):
                taken = True
            else:
                passed.append(data[start:end])
            start = end
        self._keep(data[start:], needed)
        if taken and not passed and self._now() - self._shown > _SIGN_OF_LIFE:
            # The library takes a connection from which it reads nothing for dead.
            self._shown = self._now()
            passed.append(Heartbeat().marshal())
        return passed

    def _keep(self, rest: bytes, needed: int) -> None:
        self._chunks = [rest] if rest else []
        self._held = len(rest)
        self._needed = needed


class Socket(TransportFactory):
    """Opens the socket of one connection, and writes to it beside the library."""

    reader: FrameReader
    _writer: asyncio.StreamWriter
    _loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self._unsent: list[bytes] = []
        self.goodbye = b""
        """What the broker closed the connection with, once it has: the arguments of Connection.Close."""

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401 - the library's signature
        """Connect as `asyncio.open_connection` does, but with a reader of our own.

        Raises `aiormq.AMQPConnectionError`.
        """
        provider = kwargs.pop("ssl_context_provider")
        secure = await provider.get_context() if url.scheme == "amqps" else None
        self._loop = loop = asyncio.get_running_loop()
        reader = FrameReader(loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, url.host or "localhost", url.port or 5672, ssl=secure, **kwargs
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self.reader = reader
        reader.offer(0, self)
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def take(self, kind: int, payload: bytes) -> bool:
        """Note why the broker closes the connection; every frame is the library's."""
        if kind == METHOD and payload.startswith(_CLOSE):
            self.goodbye = payload[len(_CLOSE) :]
        return False

    def write(self, frames: bytes) -> None:
        """Write whole frames. Raises ConnectionResetError where nothing can be written any more.

        Those of one turn of the loop go out together: uvloop makes a system call of each write.
        They may overtake what lies in the library's queue, a heartbeat or the end of a consumer, for which
        the order does not matter; they are not overtaken by the end of their channel, which the library
        writes at the earliest a turn of the loop after it was asked for.
        """
        if self.closed:
            raise ConnectionResetError("the connection has ended")
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(frames)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.closed:  # else whoever waits is told by the channel's end
            self._writer.write(b"".join(unsent))

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more; the library finds out some turns of the loop later."""
        return self._writer.transport.is_closing()

    @property
    def full(self) -> bool:
        """Whether the other side reads so slowly that nothing more should be written."""
        return self._writer.transport.get_write_buffer_size() > _MOST_UNSENT

    async def drain(self) -> None:
        """Wait while the other side reads too slowly. Raises what ended the connection meanwhile."""
        await self._writer.drain()


class SocketConnection(aio_pika.Connection):
    """The library's connection over a `Socket`."""

    def __init__(self, url: URL, **options: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(url, **options)
        self.socket = Socket()
        self.kwargs["transport_factory"] = self.socket

    async def connect(self, timeout: TimeoutType = None) -> None:  # noqa: ASYNC109 - the library's signature
        """Connect. Raises what the library does, and is closed then.

        What the library leaves open would close itself when it is collected, wherever that happens to be.
        Where the broker closes the connection instead of opening the virtual host, the library tells only
        that the frame is not the one that it waits for.
        """
        try:
            await self._open(timeout)
        except BaseException:
            await self.close()
            raise

    async def _open(self, timeout: TimeoutType) -> None:  # noqa: ASYNC109 - the library's
        try:
            await super().connect(timeout)
        except InvalidFrameError as error:
            if not self.socket.goodbye:
                raise
            frame = ConnectionFrames.Close()
            frame.unmarshal(self.socket.goodbye)
            raise ConnectionClosed(frame.reply_code, frame.reply_text) from error
