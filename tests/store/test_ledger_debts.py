"""What the ledger owes Redis is written as soon as it can be, each by itself."""

import pytest
from redis.asyncio import Redis
from store.ledger_bench import DONE, KEY, ledger_bench

from bridge.demo.servers import PrivateRedis
from bridge.messages import RequestKey
from bridge.ports import LedgerKey, StoreUnavailable
from bridge.store.records import record_name

OTHER = LedgerKey("CreateContact", RequestKey("header", ("other",)))
IMPATIENT = {"timeout": 0.2, "retries": 0, "watch_interval": 0.01}


async def test_one_that_redis_refuses_keeps_no_other_back() -> None:
    """A full Redis takes no new record, and still the ending of one that it has."""
    async with (
        PrivateRedis(appendonly=False) as server,
        ledger_bench(server.url, redis=IMPATIENT, record_within=0) as bench,
    ):
        forgotten, known = await bench.claim(), await bench.claim(OTHER)
        server.pause()
        await bench.store.look()
        with pytest.raises(StoreUnavailable):
            await bench.ledger.complete(forgotten, DONE)
        with pytest.raises(StoreUnavailable):
            await bench.ledger.complete(known, DONE)
        owed = bench.ledger.owed
        server.resume()
        async with Redis.from_url(server.url) as admin:
            await admin.delete(record_name(bench.prefix, KEY))
            await admin.config_set("maxmemory", 1)
        await bench.store.look()
        with pytest.raises(StoreUnavailable, match="refused"):
            await bench.ledger.settle()

        assert ("done", 2, 1) == (await bench.state(OTHER), owed, bench.ledger.owed)
