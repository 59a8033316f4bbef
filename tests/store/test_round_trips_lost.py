"""Round trips whose answer does not come: Redis dies, hangs or loses it, or this process ends."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from store.ledger_bench import Valve

from bridge.demo.servers import PrivateRedis
from bridge.store.round_trips import LARGE, RoundTripFailed, RoundTrips
from bridge.store.scripts import PlainCall, ScriptCall

COUNT = PlainCall(("INCR", "count"))
BOUND = 5.0


async def test_what_may_have_been_done_before_its_answer_got_lost_is_not_refused(
    redis_server: PrivateRedis,
) -> None:
    """Nobody knows, also where Redis had to be told the scripts in between."""
    once = Retry(NoBackoff(), 1)
    async with Valve(redis_server.port).running() as valve, Redis.from_url(valve.url, retry=once) as client:
        trips = RoundTrips(client, BOUND)
        refuse = ScriptCall(client.register_script("return redis.error_reply('no')"), [], [])
        [refused] = await trips.send([refuse])
        assert isinstance(refused, ResponseError)
        for before in (COUNT, PlainCall(("SCRIPT", "FLUSH"))):
            await trips.send([before])
            valve.instead = lambda: asyncio.sleep(0)
            with pytest.raises(RoundTripFailed) as failed:
                await trips.send([COUNT, refuse])
            assert isinstance(failed.value.__cause__, ResponseError)
        await trips.close()


async def test_a_redis_that_dies_fails_all_who_wait() -> None:
    """Nobody waits for a Redis that is gone, and each is told why."""
    async with PrivateRedis() as server, Redis.from_url(server.url, socket_timeout=BOUND) as client:
        trips = RoundTrips(client, BOUND)
        await trips.send([COUNT])
        await server.kill()
        outcomes = await asyncio.gather(*(trips.send([COUNT]) for _ in range(10)), return_exceptions=True)
        await trips.close()
    assert all(isinstance(outcome, RoundTripFailed) and outcome.__cause__ for outcome in outcomes)


async def test_a_redis_that_hangs_fails_all_who_wait_within_the_bound() -> None:
    """A round trip has a bound of its own, whatever the client's time-outs are."""
    async with PrivateRedis() as server, Redis.from_url(server.url) as client:
        trips = RoundTrips(client, 0.2)
        await trips.send([COUNT])
        server.pause()
        outcomes = await asyncio.gather(*(trips.send([COUNT]) for _ in range(3)), return_exceptions=True)
        server.resume()
        await client.ping()  # a busy machine may take longer than the bound to wake it
        assert all(isinstance(outcome, RoundTripFailed) for outcome in outcomes)
        assert await trips.send([PlainCall(("PING",))]) == [b"PONG"]
        await trips.close()


async def test_who_waits_for_the_next_round_trip_does_not_outwait_a_hanging_redis(
    redis_server: PrivateRedis,
) -> None:
    """Those whose commands were not sent yet are told together with those whose were."""
    large = PlainCall(("ECHO", "x" * LARGE))
    async with Valve(redis_server.port).running() as valve, Redis.from_url(valve.url) as client:
        trips = RoundTrips(client, 0.5)
        await trips.send([COUNT])
        valve.shut = True
        asking = [asyncio.create_task(trips.send([large])) for _ in range(5)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        assert all(task.done() and isinstance(task.exception(), RoundTripFailed) for task in asking)
        assert sum(map(len, valve.said)) < 2 * LARGE
        await trips.close()


@pytest.mark.parametrize("turns", range(12))
async def test_nothing_waits_after_the_end(redis_server: PrivateRedis, turns: int) -> None:
    """Closing ends what is under way, however far it came, and what comes later fails at once."""
    async with Redis.from_url(redis_server.url, socket_timeout=60) as client:
        trips = RoundTrips(client, 60)
        waiting = asyncio.create_task(trips.send([PlainCall(("BLPOP", "nothing", 60))]))
        await asyncio.sleep(0)
        later = asyncio.create_task(trips.send([COUNT]))
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await trips.close()
        for task in (waiting, later, asyncio.create_task(trips.send([COUNT]))):
            with pytest.raises(RoundTripFailed) as failed:
                await task
            assert "closed by this process" in str(failed.value.__cause__)
