"""Skips that Redis did not learn: no longer offered by the process that knows them, and written later."""

import asyncio
import time
from datetime import UTC

import pytest
from store.ledger_bench import ledger_bench
from store.store_servers import ACCOUNT, AGENT, bench, contact, impatient_store, reached

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


async def test_a_skip_while_redis_is_away_is_not_forgotten() -> None:
    """The process that skipped it offers the contact no more; settled, no other process does."""
    async with PrivateRedis() as server:
        store, cache = impatient_store(server.url)
        other_store, other = impatient_store(server.url)
        await reached(store)
        await reached(other_store)
        asked = time.time()
        await cache.keep(AGENT, "manual", [contact()], asked=asked, reserved=RESERVED)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)
        server.resume()
        await reached(store)

        assert [] == await cache.find(AGENT, RESERVED, age="any")
        await cache.settle()
        await other.keep(AGENT, "manual", [contact()], asked=asked, reserved=RESERVED)
        assert [] == await other.find(AGENT, RESERVED, age="any")
        await store.close()
        await other_store.close()


async def test_a_contact_reserved_again_after_its_skip_is_offered() -> None:
    """What LCM gave later than the skip is no longer the contact that was skipped."""
    async with PrivateRedis() as server:
        store, cache = impatient_store(server.url)
        await reached(store)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)
        server.resume()
        await reached(store)

        await cache.keep(AGENT, "manual", [contact()], asked=time.time() + 1, reserved=RESERVED)

        assert [contact()] == await cache.find(AGENT, RESERVED, age="any")
        await store.close()


async def test_skips_that_are_owed_are_settled_without_a_reader() -> None:
    """What the watcher of Redis calls drops them all."""
    async with PrivateRedis() as server:
        store, cache = impatient_store(server.url)
        await reached(store)
        await cache.keep(AGENT, "manual", [contact()], asked=time.time(), reserved=RESERVED)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)
        server.resume()
        await reached(store)

        await cache.settle()

        assert 0 == await store.client.hlen(f"away:{{{AGENT}}}:contacts:manual")
        await store.close()


async def test_skips_and_the_watcher_do_not_meet_badly(redis_server: PrivateRedis) -> None:
    """Many contacts are skipped while the watcher settles what it takes for owed."""
    store, cache = impatient_store(redis_server.url, timeout=5)
    await store.look()
    skips = [asyncio.create_task(cache.drop(AGENT, str(number))) for number in range(200)]

    while not all(skip.done() for skip in skips):
        await cache.settle()
        await asyncio.sleep(0)

    await asyncio.gather(*skips)
    assert 200 == await store.client.zcard(f"away:{{{AGENT}}}:skipped")
    assert 1 == await cache.erase(AGENT)
    await store.close()


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
