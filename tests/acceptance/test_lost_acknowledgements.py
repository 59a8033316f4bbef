"""Many acknowledgements are under way when the connection dies: none of them waits for ever."""

import asyncio
from typing import Any
from uuid import uuid4

import aiormq
import pytest

from bridge.bus import delivery
from bridge.bus.delivery import read_delivery
from bridge.demo.servers import PrivateRabbit

MANY = 40
"""More than the client library's queue of frames takes."""


async def test_acknowledgements_end_when_the_connection_dies(
    rabbit: PrivateRabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that find no room, because nobody writes any more, are given up."""
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0.2)
    others = asyncio.all_tasks()
    connection = await aiormq.connect(rabbit.url)
    channel = await connection.channel()
    queue = (await channel.queue_declare(uuid4().hex, auto_delete=True)).queue or ""
    delivered: asyncio.Queue[Any] = asyncio.Queue()
    await channel.basic_consume(queue, delivered.put)
    for _ in range(MANY):
        await channel.basic_publish(b"", routing_key=queue)
    settlers = [read_delivery(await delivered.get(), queue).settler for _ in range(MANY)]
    writer = next(
        task
        for task in asyncio.all_tasks() - others
        if getattr(task.get_coro(), "__name__", "") == "__writer"
    )

    writer.cancel()
    async with asyncio.timeout(20):
        await asyncio.gather(*(settler.ack() for settler in settlers))

    assert settlers[0].lost
