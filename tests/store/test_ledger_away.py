"""A ledger whose Redis goes away and comes back: what is told meanwhile, and what is written later."""

import asyncio
import time

import pytest
from store.ledger_bench import (
    CONTENT,
    DONE,
    KEY,
    SKIPPED,
    UNKNOWN,
    Valve,
    impatient_ledger,
    ledger_bench,
    open_ledger,
)
from store.store_servers import ACCOUNT, AGENT, contact, reached, until

from bridge.demo.servers import PrivateRedis
from bridge.messages import RequestKey
from bridge.operations.model import Reserved
from bridge.ports import CutOff, Ended, LedgerKey, Mismatch, Running, StoreUnavailable
from bridge.store import owed

OTHER = LedgerKey("CreateContact", KEY.request)


async def test_before_the_first_look_nothing_is_promised(redis_server: PrivateRedis) -> None:
    """A claim is refused at once, leaves nothing to be written later, and is counted."""
    bench = open_ledger(redis_server.url, "never")
    with pytest.raises(StoreUnavailable):
        await bench.ledger.claim(KEY, CONTENT)
    await bench.ledger.settle()

    assert 1 == bench.count("unavailable")
    await bench.store.close()


async def test_completion_waits_for_redis_to_come_back() -> None:
    """It goes away during a call and is back within ``ledger.record_within``: all is as it should be."""
    async with PrivateRedis() as server, impatient_ledger(server.url, record_within=30) as bench:
        claim = await bench.claim()
        await server.kill()
        completing = asyncio.create_task(bench.ledger.complete(claim, DONE, SKIPPED))
        await until(lambda: not bench.store.connected)
        meanwhile = await bench.ledger.claim(KEY, CONTENT)
        await server.start()
        await reached(bench.store)

        assert await asyncio.wait_for(completing, 20)
        assert Ended(DONE) == meanwhile
        assert "done" == await bench.state()


@pytest.mark.parametrize("within", [0, 0.05])
async def test_what_could_not_be_recorded_is_written_later(within: float) -> None:
    """It says so in time; this process answers repetitions from memory, and the watcher writes it."""
    async with PrivateRedis() as server, impatient_ledger(server.url, record_within=within) as bench:
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
    async with impatient_ledger(valve.url, record_within=0) as bench:
        claim = await bench.claim()
        valve.shut = True
        with pytest.raises(StoreUnavailable):
            await bench.ledger.complete(claim, UNKNOWN)
        assert isinstance(await bench.ledger.claim(KEY, CONTENT), CutOff)
        valve.shut = False
        await reached(bench.store)
        await bench.ledger.settle()

        assert "unknown" == await bench.state()


async def test_a_release_is_written_later(valve: Valve) -> None:
    """It says that Redis is away, and the key is free when Redis is back."""
    async with impatient_ledger(valve.url) as bench:
        claim = await bench.claim()
        valve.shut = True
        with pytest.raises(StoreUnavailable):
            await bench.ledger.release(claim)
        valve.shut = False
        await reached(bench.store)
        await bench.ledger.settle()

        assert await bench.state() is None
        assert (2, 1) == (bench.count("released"), bench.count("unavailable"))


async def test_what_is_remembered_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], valve: Valve
) -> None:
    """Beyond the bound the oldest is forgotten, with an error; its claim will count as cut off."""
    monkeypatch.setattr(owed, "MOST_OWED", 2)
    keys = [LedgerKey("CreateContact", RequestKey("header", (str(number),))) for number in range(3)]
    async with impatient_ledger(valve.url, record_within=0) as bench:
        claims = [await bench.claim(key) for key in keys]
        valve.shut = True
        await bench.store.look()
        for claim in claims:
            with pytest.raises(StoreUnavailable):
                await bench.ledger.complete(claim, DONE)
        valve.shut = False
        await reached(bench.store)
        await bench.ledger.settle()

        assert ["running", "done", "done"] == [await bench.state(key) for key in keys]
    assert 1 == capsys.readouterr().out.count("ledger.record_forgotten")


async def test_renewal_survives_an_outage(valve: Valve, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes on by itself, tells of an outage once, and renews when Redis is back."""
    async with impatient_ledger(valve.url, lease=1) as bench:
        await bench.claim()
        valve.shut = True
        renewing = asyncio.create_task(bench.ledger.renew())
        said = ""
        async with asyncio.timeout(10):
            while "ledger.leases_not_renewed" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().out
        valve.shut = False
        await reached(bench.store)
        await bench.lapse()
        async with asyncio.timeout(10):
            while "running" != await bench.state():
                await asyncio.sleep(0.01)
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)

    assert 1 == (said + capsys.readouterr().out).count("ledger.leases_not_renewed")


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
