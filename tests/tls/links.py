"""What the TLS tests of RabbitMQ look at: a link that is kept, and what it opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from bridge.bus.connection import Connection
from bridge.bus.link import Link
from bridge.bus.login import Node
from bridge.credentials import Current
from bridge.settings import Amqp


class Kept(NamedTuple):
    """A link that runs, and the connections that it opened."""

    link: Link
    opened: "asyncio.Queue[Connection]"


@asynccontextmanager
async def kept(settings: Amqp, current: Current[list[Node]] | None = None) -> AsyncIterator[Kept]:
    """Keep a link for the length of a block."""
    opened: asyncio.Queue[Connection] = asyncio.Queue()

    async def work(connection: Connection) -> None:
        opened.put_nowait(connection)
        await connection.lost.wait()

    link = Link("test", settings, work, lambda: None, current=current)
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(30):
            yield Kept(link, opened)
    finally:
        task.cancel()
        await asyncio.wait([task])


def amqp(url: str, **settings: Any) -> Amqp:
    """Make settings that try again soon."""
    return Amqp.model_validate({"url": url, "reconnect_wait": 0.05, "reconnect_wait_max": 0.05, **settings})
