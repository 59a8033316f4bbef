"""An AMQP client that sends what no decent library would: properties byte by byte."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pamqp import base, commands, frame
from yarl import URL

BOUND = 20.0

# Flag bits of the basic properties, in their order on the wire.
CONTENT_TYPE, ENCODING, HEADERS, DELIVERY_MODE, PRIORITY = 1 << 15, 1 << 14, 1 << 13, 1 << 12, 1 << 11
CORRELATION_ID, REPLY_TO, EXPIRATION, MESSAGE_ID = 1 << 10, 1 << 9, 1 << 8, 1 << 7
TIMESTAMP, TYPE, USER_ID, APP_ID, CLUSTER_ID = 1 << 6, 1 << 5, 1 << 4, 1 << 3, 1 << 2

NOT_UTF8 = b"\xff\xfe"


def short(text: str | bytes) -> bytes:
    """Encode a short string, whatever its bytes."""
    raw = text.encode() if isinstance(text, str) else text
    return bytes([len(raw)]) + raw


def long(raw: bytes) -> bytes:
    """Encode a long string, a table or an array: its length and its bytes."""
    return struct.pack(">I", len(raw)) + raw


def header(name: str | bytes, kind: bytes, value: bytes) -> bytes:
    """Encode one entry of a table: its name, the letter of its type and its bytes."""
    return short(name) + kind + value


class RawChannel:
    """One channel with confirms."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def publish(
        self, exchange: str, routing_key: str | bytes, body: bytes, properties: dict[int, bytes]
    ) -> bool:
        """Publish with raw properties (flag bit -> bytes); False where the broker itself refuses them."""
        key = routing_key if isinstance(routing_key, bytes) else routing_key.encode()
        publish = struct.pack(">HHH", 60, 40, 0) + short(exchange.encode()) + short(key) + b"\0"
        flags = sum(properties)
        parts = b"".join(properties[flag] for flag in sorted(properties, reverse=True))
        content = struct.pack(">HHQH", commands.Basic.frame_id, 0, len(body), flags) + parts
        self._writer.write(struct.pack(">BHI", 1, 1, len(publish)) + publish + b"\xce")
        self._writer.write(struct.pack(">BHI", 2, 1, len(content)) + content + b"\xce")
        if body:
            self._writer.write(struct.pack(">BHI", 3, 1, len(body)) + body + b"\xce")
        await self._writer.drain()
        answer = await self.receive()
        return isinstance(answer, commands.Basic.Ack)

    async def receive(self) -> object:
        """Read the next frame that is no heartbeat."""
        async with asyncio.timeout(BOUND):
            while True:
                start = await self._reader.readexactly(7)
                kind, _, size = struct.unpack(">BHI", start)
                rest = await self._reader.readexactly(size + 1)
                if kind != 8:
                    return frame.unmarshal(start + rest)[2]

    async def call(self, method: base.Frame, channel: int) -> object:
        """Send a method and read what comes back."""
        self._writer.write(frame.marshal(method, channel))
        await self._writer.drain()
        return await self.receive()


@asynccontextmanager
async def raw_channel(url: str) -> AsyncIterator[RawChannel]:
    """Connect as guest and open a channel with confirms."""
    place = URL(url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    channel = RawChannel(reader, writer)
    try:
        writer.write(b"AMQP\x00\x00\x09\x01")
        await channel.receive()
        start = commands.Connection.StartOk(
            client_properties={}, mechanism="PLAIN", response="\0guest\0guest", locale="en_US"
        )
        await channel.call(start, 0)
        writer.write(frame.marshal(commands.Connection.TuneOk(2047, 131_072, 0), 0))
        await channel.call(commands.Connection.Open(virtual_host="/"), 0)
        await channel.call(commands.Channel.Open(), 1)
        await channel.call(commands.Confirm.Select(), 1)
        yield channel
    finally:
        writer.close()
