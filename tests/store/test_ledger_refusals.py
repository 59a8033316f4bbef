"""A Redis that is there and refuses: a permission is missing, its memory is full, nobody answers a wait."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from store.ledger_bench import CONTENT, DONE, KEY, REFUSED, SKIPPED, LedgerBench, ledger_bench
from store.store_servers import ACCOUNT, AGENT, contact
from structlog.testing import capture_logs

from bridge.demo.servers import PrivateRedis
from bridge.endings import Ending
from bridge.failures import WsError
from bridge.messages import RequestKey
from bridge.ports import Claim, CutOff, LedgerKey, Running, StoreUnavailable
from bridge.store.connection import NothingWritten
from bridge.store.records import record_name

OTHER = LedgerKey("CreateContact", RequestKey("header", ("other",)))


@asynccontextmanager
async def without(url: str, command: str, bench: LedgerBench, **settings: Any) -> AsyncIterator[LedgerBench]:
    """Connect to the records of a ledger as a user of Redis who may not give a command."""
    user = f"without-{command}"
    async with Redis.from_url(url) as admin:
        await admin.acl_setuser(
            user, enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=[f"-{command}"]
        )
    url = url.replace("redis://", f"redis://{user}:any@")
    async with ledger_bench(url, bench.prefix, **settings) as limited:
        yield limited


@pytest.mark.parametrize("wait_replicas", [0, 1])
async def test_a_claim_that_is_refused_is_not_owed(redis_server: PrivateRedis, wait_replicas: int) -> None:
    """It was not written, whether or not replicas are waited for."""
    async with (
        ledger_bench(redis_server.url) as bench,
        without(redis_server.url, "hset", bench, wait_replicas=wait_replicas) as limited,
    ):
        with pytest.raises(NothingWritten, match="refused"):
            await limited.ledger.claim(KEY, CONTENT)

        assert (True, 0) == (limited.store.connected, limited.ledger.owed)
        assert 1 == limited.count("unavailable")


async def test_a_renewal_that_is_refused_is_told(redis_server: PrivateRedis) -> None:
    """No lease counts as renewed that is not."""
    async with (
        ledger_bench(redis_server.url) as bench,
        without(redis_server.url, "script", bench) as limited,
        Redis.from_url(redis_server.url) as admin,
    ):
        await bench.claim()  # Redis knows the script
        await limited.claim(OTHER)
        await admin.acl_setuser("without-script", commands=["-pexpire"])
        with pytest.raises(StoreUnavailable, match="refused"):
            await limited.ledger.renew_older_than(0)


async def test_a_wait_that_is_refused_waited_for_nobody(redis_server: PrivateRedis) -> None:
    """As by a primary that is one no more: no replica is known to have the claim."""
    async with (
        ledger_bench(redis_server.url) as bench,
        without(redis_server.url, "wait", bench, wait_replicas=1) as limited,
    ):
        with pytest.raises(StoreUnavailable, match="only 0 Redis replicas"):
            await limited.ledger.claim(KEY, CONTENT)

        assert await bench.state() is None


async def test_a_wait_of_no_time_is_not_for_ever(redis_server: PrivateRedis) -> None:
    """To Redis 0 milliseconds are."""
    async with ledger_bench(redis_server.url, wait_replicas=1, wait_timeout=0.0001) as bench:
        with pytest.raises(StoreUnavailable, match="only 0 Redis replicas"):
            await bench.ledger.claim(KEY, CONTENT)


async def test_an_ending_that_no_replica_has_changes_the_cache(
    redis_server: PrivateRedis,
) -> None:
    """It is told at once, and owed; what changes with it needs no replica."""
    async with (
        ledger_bench(redis_server.url) as bench,
        ledger_bench(redis_server.url, bench.prefix, wait_replicas=1, wait_timeout=0.001) as waiting,
    ):
        await bench.contacts.keep(AGENT, "manual", [contact()], asked=time.time(), reserved=None)
        assert await waiting.ledger.complete(await bench.claim(), DONE, SKIPPED)

        assert not await bench.contacts.holds(AGENT, ACCOUNT)
        assert ("done", 1) == (await bench.state(), waiting.ledger.owed)


async def test_a_full_redis_learns_that_a_second_call_had_no_effect() -> None:
    """``ledger.unknown_outcome = retry``: given back, it is cut off as before."""
    async with (
        PrivateRedis(appendonly=False) as server,
        ledger_bench(server.url, unknown_outcome="retry") as bench,
        Redis.from_url(server.url) as admin,
    ):
        await bench.claim()
        await bench.lapse()
        claim = await bench.claim()
        await admin.config_set("maxmemory", 1)
        await bench.ledger.release(claim)

        assert "unknown" == await bench.state()


async def test_an_ending_that_finds_its_record_occupied_is_told_of(redis_server: PrivateRedis) -> None:
    """Somebody else's claim is there, or what cannot be read; what was recorded is not told of."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.claim()
        stranger = Claim(KEY, "stranger")
        with capture_logs() as lines:
            await bench.ledger.complete(stranger, Ending(WsError("no")))
            await bench.store.client.set(record_name(bench.prefix, OTHER), "foreign", ex=1000)
            await bench.ledger.complete(Claim(OTHER, "stranger"), DONE)
        assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)

    assert {"ledger.record_occupied"} == {line["event"] for line in lines}
    assert ["somebody else's claim is there", "the record is unreadable"] == [line["error"] for line in lines]
    assert [record_name(bench.prefix, key) for key in (KEY, OTHER)] == [line["record"] for line in lines]


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


async def test_a_refused_cache_does_not_hinder_the_record(redis_server: PrivateRedis) -> None:
    """Something else stands where the agent's contacts should be: how the call ended is recorded."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.store.client.set(f"{bench.prefix}:{{{AGENT}}}:contacts:manual", "foreign", ex=1000)
        assert await bench.ledger.complete(await bench.claim(), DONE, SKIPPED)

        assert "done" == await bench.state()
        errors = {"outcome": "error"}
        assert 1 == bench.metrics.registry.get_sample_value("lcm_bridge_contact_cache_total", errors)
