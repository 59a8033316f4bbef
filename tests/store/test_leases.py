"""The leases of the claims that a process holds: renewed while their calls run, and no longer."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from store.ledger_bench import CONTENT, DONE, KEY, LedgerBench, ledger_bench
from structlog.testing import capture_logs

from bridge.demo.servers import PrivateRedis
from bridge.messages import RequestKey
from bridge.ports import CutOff, LedgerKey
from bridge.store import leases
from bridge.store.records import record_name

OTHER = LedgerKey("CreateContact", KEY.request)


@pytest.fixture
async def bench(redis_server: PrivateRedis) -> AsyncIterator[LedgerBench]:
    """Give a ledger."""
    async with ledger_bench(redis_server.url, lease=15, retention=1000, unknown_retention=5000) as bench:
        yield bench


async def test_every_third_of_a_lease_those_are_renewed_that_have_run_for_it(
    redis_server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a lease outlives two renewals that fail; young claims cost nothing."""
    slept: list[float] = []
    states: list[str | None] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        states.append(await long.state())
        if len(slept) == 3:
            raise asyncio.CancelledError

    def monotonic() -> float:
        return time.monotonic() + (1 if len(slept) == 1 else 100)

    async with ledger_bench(redis_server.url, lease=300) as long:
        await long.claim()
        await long.lapse()
        monkeypatch.setattr(leases, "asyncio", SimpleNamespace(sleep=sleep))
        monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=monotonic))
        with pytest.raises(asyncio.CancelledError):
            await long.ledger.renew()

    assert [100.0] * 3 == slept
    assert ["unknown", "unknown", "running"] == states


async def test_more_than_go_in_one_round_trip_are_all_renewed(
    bench: LedgerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest goes in the next ones; and again the next time."""
    monkeypatch.setattr(leases, "AT_ONCE", 2)
    keys = [LedgerKey("CreateContact", RequestKey("header", (str(number),))) for number in range(5)]
    for key in keys:
        await bench.claim(key)
    for _ in range(2):
        for key in keys:
            await bench.lapse(key)
        await bench.ledger.renew_older_than(0)

        assert ["running"] * 5 == [await bench.state(key) for key in keys]


async def test_what_was_lost_is_told_once_and_renewed_no_longer(bench: LedgerBench) -> None:
    """Somebody noticed that the lease had run out: it stays cut off."""
    await bench.claim()
    await bench.lapse()
    await bench.ledger.claim(KEY, CONTENT)
    with capture_logs() as lines:
        for _ in range(2):
            await bench.ledger.renew_older_than(0)

    assert [("ledger.claim_lost", "UNKNOWN")] == [(line["event"], line["found"]) for line in lines]
    assert "unknown" == await bench.state()


async def test_what_has_ended_is_renewed_no_longer(bench: LedgerBench) -> None:
    """Recorded or given back, also in the very round trip of the renewal: nothing was lost."""
    await bench.ledger.complete(await bench.claim(), DONE)
    await bench.ledger.release(await bench.claim(OTHER))
    claim = await bench.claim(OTHER)
    with capture_logs() as lines:
        await asyncio.gather(bench.ledger.complete(claim, DONE), bench.ledger.renew_older_than(0))
        await bench.ledger.renew_older_than(0)

    assert [] == lines


async def test_what_is_not_known_to_have_ended_is_kept_for_a_person(bench: LedgerBench) -> None:
    """Renewed, and found cut off: its record stays for ``ledger.unknown_retention`` from then on."""
    claim = await bench.claim()
    name, kept = record_name(bench.prefix, KEY), []
    for lapsed in (False, True):
        await bench.store.client.pexpire(name, 100_000)
        if lapsed:
            await bench.lapse()
            assert isinstance(await bench.another_ledger().claim(claim.key, CONTENT), CutOff)
        else:
            await bench.ledger.renew_older_than(0)
        kept.append(await bench.seconds_kept())

    assert [True, True] == [4900 < seconds <= 5000 for seconds in kept]
