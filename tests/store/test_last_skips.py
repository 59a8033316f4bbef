"""What a worker still owes the contact cache."""

import time
from datetime import UTC

import pytest
from store.ledger_bench import ledger_bench
from store.store_servers import ACCOUNT, AGENT, bench, contact

from bridge.demo.servers import PrivateRedis
from bridge.drain import record_the_last
from bridge.operations.model import Reserved
from bridge.ports import StoreUnavailable
from bridge.settings import Contacts
from bridge.store import contacts
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


async def test_skips_that_are_remembered_are_bounded(
    redis_server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is forgotten: its contact is offered until it expires."""
    monkeypatch.setattr(contacts, "MOST_OWED", 2)
    async with bench(redis_server.url) as cache:
        await cache.keep(*map(contact, "123"))
        cache.store._note(connected=False)  # noqa: SLF001 - as a look that finds it away
        for account in "123":
            with pytest.raises(StoreUnavailable):
                await cache.drop(account)
        await cache.store.look()

        assert (["1"], 2) == (await cache.accounts(), cache.cache.owed)
