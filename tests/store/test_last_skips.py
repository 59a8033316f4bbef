"""What a worker that ends still owes the contact cache."""

import time
from datetime import UTC

import pytest
from store.ledger_bench import ledger_bench
from store.store_servers import ACCOUNT, AGENT, contact

from bridge.demo.servers import PrivateRedis
from bridge.drain import record_the_last
from bridge.operations.model import Reserved
from bridge.ports import StoreUnavailable
from bridge.settings import Contacts
from bridge.store.contacts import ContactStore

RESERVED = Reserved("manual", 1, "Yes")


async def test_a_skip_that_redis_did_not_learn_is_written_at_the_end(redis_server: PrivateRedis) -> None:
    """No other worker gives the contact to the agent, though no record of the ledger is owed."""
    async with ledger_bench(redis_server.url) as bench:
        cache, others = (
            ContactStore(bench.store, Contacts(), prefix=bench.prefix, zone=UTC) for _ in range(2)
        )
        await cache.keep(AGENT, "manual", [contact()], asked=time.time() - 1, reserved=RESERVED)
        assert [contact()] == await others.find(AGENT, RESERVED, age="any")
        bench.store._note(connected=False)  # noqa: SLF001 - as a look that finds it away
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)

        await record_the_last(bench.store, bench.ledger, cache)

        assert [] == await others.find(AGENT, RESERVED, age="any")
        assert 0 == cache.owed
