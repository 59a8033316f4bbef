"""A ledger whose Redis goes away, keeps its answers to itself, is full, and comes back."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from store.ledger_bench import (
    CONTENT,
    DONE,
    KEY,
    REFUSED,
    UNKNOWN,
    LedgerBench,
    Valve,
    ledger_bench,
    open_ledger,
)
from store.store_servers import ACCOUNT, AGENT, contact

from bridge.demo.servers import PrivateRedis
from bridge.messages import RequestKey
from bridge.operations.model import Reserved
from bridge.ports import CacheChange, CutOff, Ended, LedgerKey, Mismatch, Running, StoreUnavailable
from bridge.store import owed

IMPATIENT = {"timeout": 0.1, "retries": 1, "watch_interval": 0.01}
WARM_UP = LedgerKey("ContactOD", KEY.request)
OTHER = LedgerKey("CreateContact", KEY.request)
SKIPPED = CacheChange(agent=AGENT, skipped=ACCOUNT)


@pytest.fixture
async def valve(redis_server: PrivateRedis) -> AsyncIterator[Valve]:
    """Give a way to the Redis of all tests that can be shut."""
    async with Valve(redis_server.port).running() as valve:
        yield valve


@asynccontextmanager
async def impatient(url: str, **settings: Any) -> AsyncIterator[LedgerBench]:
    """Connect a ledger that gives up soon, to a Redis that knows the scripts."""
    async with ledger_bench(url, redis=IMPATIENT, **settings) as bench:
        await warm_up(bench)
        yield bench


async def warm_up(bench: LedgerBench) -> None:
    """Let Redis know the scripts, as it does but for the first seconds of its life."""
    await bench.ledger.complete(await bench.claim(WARM_UP), DONE, CacheChange(agent=AGENT, skipped="other"))
    await bench.ledger.release(await bench.claim(LedgerKey("ContactOD", RequestKey("header", ("k-2",)))))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells of."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_before_the_first_look_nothing_is_promised(redis_server: PrivateRedis) -> None:
    """A claim is refused at once, leaves nothing to be written later, and is counted."""
    bench = open_ledger(redis_server.url, "never")
    with pytest.raises(StoreUnavailable):
        await bench.ledger.claim(KEY, CONTENT)
    await bench.ledger.settle()

    assert 1 == bench.count("unavailable")
    await bench.store.close()


async def test_a_claim_whose_answer_was_lost_is_given_back(valve: Valve) -> None:
    """Redis has written it, and nobody knows: it does not count as cut off later."""
    async with impatient(valve.url) as bench:
        valve.shut = True
        with pytest.raises(StoreUnavailable):
            await bench.ledger.claim(KEY, CONTENT)
        valve.shut = False
        await bench.store.look()
        written = await bench.state()
        await bench.ledger.settle()

        assert ("running", None) == (written, await bench.state())
        await bench.claim()


async def test_a_claim_that_was_cancelled_is_given_back(valve: Valve) -> None:
    """Its request is given up while Redis is asked."""
    async with impatient(valve.url) as bench:
        said = len(valve.said)
        valve.shut = True
        claiming = asyncio.create_task(bench.ledger.claim(KEY, CONTENT))
        await until(lambda: len(valve.said) > said)
        claiming.cancel()
        await asyncio.gather(claiming, return_exceptions=True)
        valve.shut = False
        assert "running" == await bench.state()

        await bench.ledger.settle()
        assert await bench.state() is None


async def test_the_next_claim_does_not_meet_its_own_ghost(valve: Valve) -> None:
    """The lost claim is given back before the key is claimed again, even if nothing was settled yet."""
    async with impatient(valve.url) as bench:
        valve.shut = True
        with pytest.raises(StoreUnavailable):
            await bench.ledger.claim(KEY, CONTENT)
        valve.shut = False
        await bench.store.look()

        await bench.claim()
        await bench.ledger.settle()
        assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)


async def test_a_late_copy_of_a_released_claim_claims_nothing(valve: Valve) -> None:
    """The network delivers a claim again after its release: it would count as cut off for ever."""
    async with ledger_bench(valve.url) as bench:
        await warm_up(bench)
        claim = await bench.claim()
        copy = valve.said[-1]
        assert claim.owner.encode() in copy
        await bench.ledger.release(claim)
        await valve.repeat(copy)
        assert await bench.state() is None

        assert await bench.ledger.complete(await bench.claim(), DONE)
        await valve.repeat(copy)
        assert "done" == await bench.state()


async def test_an_answer_that_is_lost_is_asked_for_again(valve: Valve) -> None:
    """The first connection dies with the answer in it: redis-py asks again, and it is the same claim."""
    async with ledger_bench(valve.url, redis={"timeout": 0.5, "retries": 3}) as bench:
        await warm_up(bench)
        said = len(valve.said)
        valve.shut = True
        claiming = asyncio.create_task(bench.claim())
        await until(lambda: len(valve.said) > said)
        valve.shut = False
        claim = await asyncio.wait_for(claiming, 10)

        assert await bench.ledger.complete(claim, DONE)
        assert 2 <= sum(claim.owner.encode() in data for data in valve.said[said:])


async def test_one_round_trip_each(valve: Valve) -> None:
    """Claim, renewal of all leases, completion with the cache's change, and release: each is one."""
    change = CacheChange(agent=AGENT, shelf="manual", contacts=[contact()], asked=time.time())
    keys = [LedgerKey("CreateContact", RequestKey("header", (str(number),))) for number in range(20)]
    async with ledger_bench(valve.url) as bench:
        await warm_up(bench)
        await bench.ledger.complete(await bench.claim(keys[0]), DONE, change)
        await bench.ledger.release(await bench.claim(keys[1]))
        for key in keys[2:]:
            await bench.claim(key)
        turns = [valve.turns]
        claim = await bench.claim()
        turns.append(valve.turns)
        await bench.ledger.renew_older_than(0)
        turns.append(valve.turns)
        await bench.ledger.complete(claim, DONE, change)
        turns.append(valve.turns)
        assert b"MULTI" in valve.said[-1]  # nobody sees the one without the other
        await bench.ledger.release(await bench.claim(keys[1]))
        turns.append(valve.turns)

    assert [1, 1, 1, 2] == [after - before for before, after in itertools.pairwise(turns)]


async def test_completion_waits_for_redis_to_come_back() -> None:
    """It goes away during a call and is back within ``ledger.record_within``: all is as it should be."""
    async with PrivateRedis() as server, impatient(server.url, record_within=30) as bench:
        claim = await bench.claim()
        await server.kill()
        completing = asyncio.create_task(bench.ledger.complete(claim, DONE, SKIPPED))
        await until(lambda: not bench.store.connected)
        meanwhile = await bench.ledger.claim(KEY, CONTENT)
        await server.start()
        await bench.store.look()

        assert await asyncio.wait_for(completing, 20)
        assert Ended(DONE) == meanwhile
        assert "done" == await bench.state()


@pytest.mark.parametrize("within", [0, 0.05])
async def test_what_could_not_be_recorded_is_written_later(within: float) -> None:
    """It says so in time; this process answers repetitions from memory, and the watcher writes it."""
    async with PrivateRedis() as server, impatient(server.url, record_within=within) as bench:
        claim = await bench.claim()
        await bench.contacts.keep(
            AGENT, "manual", [contact()], asked=time.time(), reserved=Reserved("manual", 1, "Yes")
        )
        await server.kill()
        with pytest.raises(StoreUnavailable):
            await bench.ledger.complete(claim, DONE, SKIPPED)
        found = [await bench.ledger.claim(KEY, CONTENT), await bench.ledger.claim(KEY, "other")]
        assert 1 == bench.count("unavailable")
        await server.start()
        watcher = asyncio.create_task(bench.store.watch(bench.contacts.settle, bench.ledger.settle))
        async with asyncio.timeout(20), ledger_bench(server.url, bench.prefix) as other:
            while "done" != await other.state() or await other.contacts.holds(AGENT, ACCOUNT):
                await asyncio.sleep(0.01)
            assert Ended(DONE) == await other.ledger.claim(KEY, CONTENT)
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)

        assert [Ended(DONE), Mismatch()] == found


async def test_an_unknown_outcome_is_remembered_too(valve: Valve) -> None:
    """While it is not recorded, this process says that it was cut off."""
    async with impatient(valve.url, record_within=0) as bench:
        claim = await bench.claim()
        valve.shut = True
        with pytest.raises(StoreUnavailable):
            await bench.ledger.complete(claim, UNKNOWN)
        assert isinstance(await bench.ledger.claim(KEY, CONTENT), CutOff)
        valve.shut = False
        await bench.store.look()
        await bench.ledger.settle()

        assert "unknown" == await bench.state()


async def test_a_release_is_written_later(valve: Valve) -> None:
    """It says that Redis is away, and the key is free when Redis is back."""
    async with impatient(valve.url) as bench:
        claim = await bench.claim()
        valve.shut = True
        with pytest.raises(StoreUnavailable):
            await bench.ledger.release(claim)
        valve.shut = False
        await bench.store.look()
        await bench.ledger.settle()

        assert await bench.state() is None
        assert (2, 1) == (bench.count("released"), bench.count("unavailable"))


async def test_what_is_remembered_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], valve: Valve
) -> None:
    """Beyond the bound the oldest is forgotten, with an error; its claim will count as cut off."""
    monkeypatch.setattr(owed, "MOST_OWED", 2)
    keys = [LedgerKey("CreateContact", RequestKey("header", (str(number),))) for number in range(3)]
    async with impatient(valve.url, record_within=0) as bench:
        claims = [await bench.claim(key) for key in keys]
        valve.shut = True
        await bench.store.look()
        for claim in claims:
            with pytest.raises(StoreUnavailable):
                await bench.ledger.complete(claim, DONE)
        valve.shut = False
        await bench.store.look()
        await bench.ledger.settle()

        assert ["running", "done", "done"] == [await bench.state(key) for key in keys]
    assert 1 == capsys.readouterr().out.count("ledger.record_forgotten")


async def test_renewal_survives_an_outage(valve: Valve, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes on by itself, tells of an outage once, and renews when Redis is back."""
    async with impatient(valve.url, lease=1) as bench:
        await bench.claim()
        valve.shut = True
        renewing = asyncio.create_task(bench.ledger.renew())
        said = ""
        async with asyncio.timeout(10):
            while "ledger.leases_not_renewed" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().out
        valve.shut = False
        await bench.store.look()
        await bench.lapse()
        async with asyncio.timeout(10):
            while "running" != await bench.state():
                await asyncio.sleep(0.01)
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)

    assert 1 == (said + capsys.readouterr().out).count("ledger.leases_not_renewed")


async def test_a_full_redis_takes_no_claims_and_still_learns_endings() -> None:
    """Out of memory with noeviction: nothing new is begun, and what runs is renewed, ended, released."""
    keys = [LedgerKey("CreateContact", RequestKey("header", (str(number),))) for number in range(4)]
    async with PrivateRedis(appendonly=False) as server, ledger_bench(server.url) as bench:
        claims = [await bench.claim(key) for key in keys]
        await bench.lapse(keys[0])
        await bench.lapse(keys[1])
        async with Redis.from_url(server.url) as admin:
            await admin.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable, match="refused"):
            await bench.ledger.claim(KEY, CONTENT)
        bench.ledger.abandon(claims[1])
        await bench.ledger.renew_older_than(0)
        found = [await bench.ledger.claim(key, CONTENT) for key in keys[:2]]
        assert await bench.ledger.complete(claims[2], REFUSED, SKIPPED)
        await bench.ledger.release(claims[3])

        assert [Running, CutOff] == [type(each) for each in found]
        assert ["running", "unknown", "done", None] == [await bench.state(key) for key in keys]
        assert bench.store.connected


async def test_a_claim_survives_a_restart() -> None:
    """With the append-only file nothing that was confirmed is forgotten: the reply least of all."""
    kept = PrivateRedis(arguments=["--appendfsync", "always"])
    async with kept as server, ledger_bench(server.url) as bench:
        await bench.ledger.complete(await bench.claim(OTHER), DONE)
        claim = await bench.claim()
        await server.kill()
        await server.start()
        await bench.store.look()

        assert Ended(DONE) == await bench.ledger.claim(OTHER, CONTENT)
        assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)
        assert await bench.ledger.complete(claim, DONE)


async def test_a_refused_cache_does_not_hinder_the_record(valve: Valve) -> None:
    """Something else stands where the agent's contacts should be: how the call ended is recorded."""
    async with ledger_bench(valve.url) as bench:
        await bench.store.client.set(f"{bench.prefix}:{{{AGENT}}}:contacts:manual", "foreign", ex=1000)
        assert await bench.ledger.complete(await bench.claim(), DONE, SKIPPED)

        assert "done" == await bench.state()
        errors = {"outcome": "error"}
        assert 1 == bench.metrics.registry.get_sample_value("lcm_bridge_contact_cache_total", errors)


async def test_one_catch_up_does_not_starve_another(redis_server: PrivateRedis) -> None:
    """The watcher lets each write what it missed, whatever the one before it met."""
    ran: list[str] = []

    async def failing() -> None:
        ran.append("failing")
        raise StoreUnavailable("refused")

    async def second() -> None:
        ran.append("second")

    async with impatient(redis_server.url) as bench:
        watcher = asyncio.create_task(bench.store.watch(failing, second))
        await until(lambda: ran[:4] == ["failing", "second"] * 2)
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
