"""The kinds of Redis that a contact store stands on, and a worker for the rule of `bridge.once`."""

from collections.abc import AsyncIterator

import pytest
from store.ledger_bench import Valve, ledger_bench
from store.once_stage import Stage, stage
from store.store_servers import SERVICE, PrivateSentinel, private_cluster

from bridge.demo.servers import PrivateRedis


@pytest.fixture(scope="session")
async def cluster_url() -> AsyncIterator[str]:
    """Give the URL of a cluster of three masters."""
    async with private_cluster() as url:
        yield url


@pytest.fixture(scope="session")
async def sentinel_url(redis_server: PrivateRedis) -> AsyncIterator[str]:
    """Give the URL of a Sentinel; one that is down stands before it."""
    async with PrivateSentinel(redis_server.port) as sentinel:
        yield f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/{SERVICE}/0"


@pytest.fixture
async def worker(redis_server: PrivateRedis) -> AsyncIterator[Stage]:
    """Give a worker whose cache offers the contact."""
    async with ledger_bench(redis_server.url) as bench:
        worker = stage(bench)
        await worker.offer()
        yield worker


@pytest.fixture
async def valve(redis_server: PrivateRedis) -> AsyncIterator[Valve]:
    """Give a way to the Redis of all tests that can be shut."""
    async with Valve(redis_server.port).running() as valve:
        yield valve
