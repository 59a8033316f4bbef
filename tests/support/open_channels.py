"""A channel of the bridge's own on a connection of its own, and the socket under it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aio_pika

from bridge.bus.connection import Channel, Connection
from bridge.bus.frames import SocketConnection


class Opened(NamedTuple):
    """What was opened."""

    connection: Connection
    channel: Channel
    socket: asyncio.WriteTransport


@asynccontextmanager
async def open_channel(url: str) -> AsyncIterator[Opened]:
    """Connect and open a channel with confirms for the length of a block."""
    library = await aio_pika.connect(url, connection_class=SocketConnection)
    connection = Connection(library)
    try:
        channel = await connection.channel(confirms=True)
        yield Opened(connection, channel, library.socket._writer.transport)  # noqa: SLF001 - to break it
    finally:
        await connection.close()
