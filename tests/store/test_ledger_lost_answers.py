"""A Redis that did what it was asked, whose answer got lost, and which was asked again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from store.ledger_bench import CONTENT, DONE, KEY, REFUSED, Valve, ledger_bench, warm_up
from store.store_servers import until

from bridge.demo.servers import PrivateRedis
from bridge.ports import LedgerKey, StoreUnavailable
from bridge.store.connection import NothingWritten

OTHER = LedgerKey("ContactOD", KEY.request)


@pytest.fixture
async def server() -> AsyncIterator[PrivateRedis]:
    """Give a Redis that may be demoted."""
    async with PrivateRedis() as server:
        yield server


@pytest.fixture
async def valve(server: PrivateRedis) -> AsyncIterator[Valve]:
    """Give a way to it that loses answers."""
    async with Valve(server.port).running() as valve:
        yield valve


async def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_claimed(
    server: PrivateRedis, valve: Valve
) -> None:
    """The claim was written, its repetition met a demoted master: it is given back, not left to run out."""
    async with Redis.from_url(server.url) as admin, ledger_bench(valve.url) as bench:
        await bench.ledger.release(await bench.claim(OTHER))  # Redis knows the scripts
        valve.instead = lambda: admin.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreUnavailable) as caught:
            await bench.ledger.claim(KEY, CONTENT)
        assert not isinstance(caught.value, NothingWritten)
        assert "running" == await bench.state()
        assert 1 == bench.ledger.owed

        await admin.replicaof("NO", "ONE")
        await bench.store.look()
        await bench.ledger.settle()
        await bench.claim()


async def test_what_a_person_settles_is_told_as_done_though_the_answer_is_lost(valve: Valve) -> None:
    """Reopened and settled: the repetition finds what it wrote itself."""
    async with ledger_bench(valve.url) as bench:
        await bench.ledger.complete(await bench.claim(), REFUSED)
        assert not await bench.records.reopen(OTHER)  # Redis knows the script
        valve.instead = lambda: asyncio.sleep(0)
        assert await bench.records.reopen(KEY)
        assert "open" == await bench.state()

        await bench.records.settle_by_hand(OTHER, DONE)  # Redis knows the script
        valve.instead = lambda: asyncio.sleep(0)
        assert "done" == await bench.records.settle_by_hand(KEY, DONE)


async def test_a_second_claim_whose_answer_is_lost_is_doubtful(redis_server: PrivateRedis) -> None:
    """Asked again, Redis says once more that it was cut off before."""
    async with (
        Valve(redis_server.port).running() as valve,
        ledger_bench(valve.url, unknown_outcome="retry") as bench,
    ):
        await bench.claim()
        await bench.lapse()
        valve.instead = lambda: asyncio.sleep(0)
        claim = await bench.claim()

        assert claim.doubtful
        assert 2 == sum(claim.owner.encode() in data for data in valve.said)


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
