"""A Redis Cluster whose client closes all its connections, as redis-py does when one node is lost."""

import asyncio
from contextlib import suppress

from redis.asyncio import RedisCluster

from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.store.connection import Store, connect
from bridge.store.scripts import PlainCall

ROUNDS = 40


async def test_connections_closed_by_another_task(cluster_url: str) -> None:
    """Whoever was using one, or opening it, is told that Redis is away: that is no fault of the bridge."""
    settings = RedisSettings.model_validate({"url": cluster_url, "timeout": 5.0})
    store = Store(connect(settings), settings, Metrics())
    assert isinstance(store.client, RedisCluster)

    async def count(key: str) -> None:
        for _ in range(10):
            with suppress(StoreUnavailable):
                await store.send([PlainCall(("INCR", key))], wait=("WAIT", 0, 1))

    for round_ in range(ROUNDS):
        await store.look()
        tasks = [asyncio.create_task(count(f"closed-{round_}-{number}")) for number in range(20)]
        for _ in range(round_):  # somewhere between the opening of a connection and its first answer
            await asyncio.sleep(0)
        await store.client.aclose()
        await asyncio.gather(*tasks)
    await store.look()
    assert store.connected
    await store.close()
