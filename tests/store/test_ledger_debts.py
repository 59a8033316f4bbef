"""What the ledger owes Redis is written as soon as it can be, each by itself."""

import gc
import time
import weakref

import pytest
from redis.asyncio import Redis
from store.ledger_bench import DONE, KEY, ledger_bench
from store.store_servers import ACCOUNT, AGENT, contact

from bridge.demo.servers import PrivateRedis
from bridge.messages import RequestKey
from bridge.ports import CacheChange, Claim, LedgerKey, StoreUnavailable
from bridge.store import ledger, owed
from bridge.store.owed import Entry, Owed
from bridge.store.records import record_name
from bridge.store.scripts import ScriptCall

OTHER = LedgerKey("CreateContact", RequestKey("header", ("other",)))
IMPATIENT = {"timeout": 0.2, "retries": 0, "watch_interval": 0.01}


async def test_one_that_redis_refuses_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full Redis takes no new record, and still the ending of one that it has, which goes after it."""
    monkeypatch.setattr(ledger, "AT_ONCE", 1)
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


async def test_a_release_that_redis_never_saw_is_written_later() -> None:
    """Until then nobody can tell whose the claim is; a repetition in between is not told that."""
    async with PrivateRedis() as server, ledger_bench(server.url, redis=IMPATIENT) as bench:
        claim = await bench.claim()
        await server.kill()
        with pytest.raises(StoreUnavailable):
            await bench.ledger.release(claim)
        with pytest.raises(StoreUnavailable):
            await bench.claim()
        await server.start()
        await bench.store.look()
        written = await bench.state()
        await bench.ledger.settle()

        assert ("running", None) == (written, await bench.state())


async def test_a_skip_that_was_recorded_is_not_dropped_again(redis_server: PrivateRedis) -> None:
    """What LCM gives afterwards stays."""
    async with ledger_bench(redis_server.url) as bench:
        skipped = CacheChange(agent=AGENT, skipped=ACCOUNT)
        assert await bench.ledger.complete(await bench.claim(), DONE, skipped)
        await bench.contacts.keep(AGENT, "manual", [contact()], asked=time.time() + 1, reserved=None)
        await bench.contacts.settle()

        assert await bench.contacts.holds(AGENT, ACCOUNT)


def owing(debts: Owed, number: int) -> Entry:
    """Owe something for a claim of that number."""
    claim = Claim(LedgerKey("CreateContact", RequestKey("header", (str(number),))), "owner")
    debts.put(entry := Entry(claim, "", None, ScriptCall(None, [], [])))  # type: ignore[arg-type]  # never run
    return entry


def test_of_a_claim_only_the_latest_is_owed() -> None:
    """What was put before is forgotten, and that it is written strikes nothing newer out."""
    debts = Owed()
    first, second = owing(debts, 1), owing(debts, 1)
    debts.forget(first)

    assert [second] == debts.all() == debts.of(second.claim.key)


def test_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """By when it was put last."""
    monkeypatch.setattr(owed, "MOST_OWED", 2)
    debts = Owed()
    for number in (1, 2):
        owing(debts, number)
    again, third = owing(debts, 1), owing(debts, 3)

    assert [again, third] == debts.all()


def test_what_is_written_leaves_nothing_behind() -> None:
    """A process lives for weeks."""
    debts = Owed()
    entry = owing(debts, 1)
    key = weakref.ref(entry.claim.key)
    debts.forget(entry)
    del entry
    gc.collect()

    assert key() is None
