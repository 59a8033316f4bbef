"""Commands of concurrent requests share round trips, and one request's trouble is no other's."""

import asyncio
import errno
import itertools
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, ResponseError
from store.ledger_bench import DONE, Valve, ledger_bench, warm_up
from store.store_servers import AGENT, contact

from bridge.demo.servers import PrivateRedis
from bridge.messages import RequestKey
from bridge.ports import CacheChange, LedgerKey
from bridge.store.round_trips import LARGE, MOST, RoundTripFailed, RoundTrips
from bridge.store.scripts import PlainCall, ScriptCall

COUNT = PlainCall(("INCR", "count"))
BOUND = 5.0


@pytest.fixture
async def client(redis_server: PrivateRedis) -> AsyncIterator[Redis]:
    """Give a client of a Redis that has not counted yet."""
    async with Redis.from_url(redis_server.url, socket_timeout=BOUND) as client:
        await client.delete("count")
        yield client


@pytest.fixture
async def trips(client: Redis) -> AsyncIterator[RoundTrips]:
    """Give what is tested; it is closed afterwards."""
    trips = RoundTrips(client, BOUND)
    yield trips
    await trips.close()


async def reads(client: Redis) -> int:
    """Return how often the server has read from a socket."""
    return int((await client.info("stats"))["total_reads_processed"])


async def test_concurrent_calls_share_a_round_trip(client: Redis, trips: RoundTrips) -> None:
    """Whatever is asked in one turn of the loop reaches Redis in one write, each with its own answer."""
    await trips.send([COUNT])
    before = await reads(client)
    answers = await asyncio.gather(*(trips.send([COUNT]) for _ in range(100)))
    assert (await reads(client)) - before <= 1 + 1  # the write, and this very question
    assert sorted(answers) == [[number] for number in range(2, 102)]


async def test_more_than_fit_into_one_round_trip_are_all_answered(trips: RoundTrips) -> None:
    """The size of a round trip is bounded, not the number of those who ask."""
    answers = await asyncio.gather(*(trips.send([COUNT]) for _ in range(2 * MOST + 1)))
    assert sorted(answers) == [[number] for number in range(1, 2 * MOST + 2)]


async def test_a_round_trip_has_a_number_of_requests_at_most(redis_server: PrivateRedis) -> None:
    """So many go together, and one more goes after them."""
    async with Valve(redis_server.port).running() as valve, Redis.from_url(valve.url) as client:
        trips = RoundTrips(client, BOUND)
        await trips.send([COUNT])
        before = valve.turns
        await asyncio.gather(*(trips.send([COUNT]) for _ in range(MOST)))
        full = valve.turns
        await asyncio.gather(*(trips.send([COUNT]) for _ in range(MOST + 1)))
        assert (1, 2) == (full - before, valve.turns - full)
        await trips.close()


async def test_each_learns_how_many_replicas_have_what_it_wrote(client: Redis) -> None:
    """One WAIT answers all: its answer is the last of each request's, whatever else was answered."""
    trips = RoundTrips(client, BOUND, ("WAIT", 1, 1))
    one, two = await asyncio.gather(trips.send([COUNT]), trips.send([COUNT, COUNT]))
    await trips.close()
    assert ([1, 0], [2, 3, 0]) == (one, two)


async def test_a_refused_call_has_its_error_in_its_place(trips: RoundTrips) -> None:
    """What Redis refuses fails alone; what was asked beside it is done."""
    wrong = PlainCall(("HGET", "count", "field"))
    (counted,), (refused,), (again,) = await asyncio.gather(
        trips.send([COUNT]), trips.send([wrong]), trips.send([COUNT])
    )
    assert (1, 2) == (counted, again)
    assert isinstance(refused, ResponseError)


async def test_what_cannot_be_encoded_fails_alone(trips: RoundTrips) -> None:
    """Text that is not Unicode is refused before it is sent, and the others are answered."""
    lone = PlainCall(("SET", "key", "\ud800"))
    outcomes = await asyncio.gather(trips.send([lone]), trips.send([COUNT]), return_exceptions=True)
    assert isinstance(outcomes[0], UnicodeEncodeError)
    assert outcomes[1] == [1]


async def test_a_cancelled_request_harms_no_other(client: Redis, trips: RoundTrips) -> None:
    """Whoever stops waiting before the round trip begins is left out of it."""
    leaving, staying = (asyncio.create_task(trips.send([COUNT])) for _ in range(2))
    await asyncio.sleep(0)  # both have asked, nothing is sent
    leaving.cancel()
    assert await staying == [1]
    assert await client.get("count") == b"1"
    assert leaving.cancelled()


async def test_no_round_trip_is_made_for_nobody(redis_server: PrivateRedis) -> None:
    """Not even one that waits for replicas, if all have stopped waiting."""
    async with Valve(redis_server.port).running() as valve, Redis.from_url(valve.url) as client:
        trips = RoundTrips(client, BOUND, ("WAIT", 0, 1))
        await trips.send([COUNT])
        before = valve.turns
        leaving = asyncio.create_task(trips.send([COUNT]))
        await asyncio.sleep(0)  # it has asked, nothing is sent
        leaving.cancel()
        await asyncio.wait([leaving])
        await trips.send([COUNT])
        assert 1 == valve.turns - before
        await trips.close()


async def test_scripts_that_redis_forgot_are_told_again(client: Redis, trips: RoundTrips) -> None:
    """After SCRIPT FLUSH the same calls are answered, each carried out once."""
    script = client.register_script("return redis.call('INCR', KEYS[1])")
    call = ScriptCall(script, ["count"], [])
    await client.script_flush()
    answers = await asyncio.gather(trips.send([call]), trips.send([COUNT]), trips.send([call, call]))
    assert sorted(number for answer in answers for number in answer) == [1, 2, 3, 4]


async def test_a_redis_that_forgets_scripts_again_is_not_told_for_ever(
    client: Redis, trips: RoundTrips
) -> None:
    """The second refusal is the answer."""
    script = client.register_script("return 1")
    flush = PlainCall(("SCRIPT", "FLUSH"))
    flushed, refused = await trips.send([flush, ScriptCall(script, [], [])])
    assert b"OK" == flushed
    assert isinstance(refused, NoScriptError)


async def test_scripts_that_redis_does_not_take_fail_those_in_the_round_trip_alone(
    client: Redis, trips: RoundTrips
) -> None:
    """Who waits for the next one is answered."""
    broken = asyncio.create_task(trips.send([ScriptCall(client.register_script("not Lua"), [], [])]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it is under way
    assert [1] == await trips.send([COUNT])
    with pytest.raises(RoundTripFailed) as failed:
        await broken
    assert isinstance(failed.value.__cause__, ResponseError)


async def test_a_fault_of_ours_fails_those_in_the_round_trip_alone(redis_server: PrivateRedis) -> None:
    """It does not mean that Redis is away."""
    faults = [ValueError("a fault")]

    async def connected(connection: AbstractConnection) -> None:
        await connection.on_connect()
        if faults:
            raise faults.pop()

    async with Redis.from_url(redis_server.url, redis_connect_func=connected) as client:
        trips = RoundTrips(client, BOUND)
        failing = asyncio.create_task(trips.send([COUNT]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is under way
        assert [b"PONG"] == await trips.send([PlainCall(("PING",))])
        with pytest.raises(RoundTripFailed) as failed:
            await failing
        assert isinstance(failed.value.__cause__, ValueError)
        await trips.close()


async def test_a_transaction_is_answered_call_by_call(trips: RoundTrips) -> None:
    """Calls that belong together run together; the error of one stands in its place."""
    wrong = PlainCall(("HGET", "count", "field"))
    first, refused, last = await trips.send([COUNT, wrong, COUNT], transaction=True)
    assert (1, 2) == (first, last)
    assert isinstance(refused, ResponseError)


async def test_a_full_redis_takes_calls_that_belong_together_one_by_one() -> None:
    """It refuses transactions; what frees memory, or needs none, is done."""
    async with PrivateRedis(appendonly=False) as server, Redis.from_url(server.url) as client:
        trips = RoundTrips(client, BOUND)
        await trips.send([COUNT])
        await client.config_set("maxmemory", 1)
        refused, deleted = await trips.send([COUNT, PlainCall(("DEL", "count"))], transaction=True)
        await trips.close()
    assert isinstance(refused, ResponseError)
    assert 1 == deleted


async def test_what_was_never_used_can_be_closed(client: Redis) -> None:
    """There is nothing to end."""
    trips = RoundTrips(client, BOUND)
    await trips.close()
    with pytest.raises(RoundTripFailed):
        await trips.send([COUNT])


async def test_a_connection_that_times_out_between_the_answers_answers_nobody(
    trips: RoundTrips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system says after the first answer (ETIMEDOUT) is no answer to the second."""
    read, times = asyncio.StreamReader.read, iter(range(99))

    async def timing_out(reader: asyncio.StreamReader, _: int = -1) -> bytes:
        if next(times) == 1:
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")
        return await read(reader, len(b"+1\r\n"))

    await trips.send([COUNT])
    monkeypatch.setattr(asyncio.StreamReader, "read", timing_out)
    outcomes = await asyncio.gather(*(trips.send([COUNT]) for _ in range(2)), return_exceptions=True)
    monkeypatch.undo()

    assert all(isinstance(outcome, RoundTripFailed) for outcome in outcomes)


async def test_large_commands_do_not_go_together(redis_server: PrivateRedis) -> None:
    """A round trip is bounded in bytes, so that its time is enough for it."""
    large = PlainCall(("ECHO", "x" * LARGE))
    async with Valve(redis_server.port).running() as valve, Redis.from_url(valve.url) as client:
        trips = RoundTrips(client, BOUND)
        await trips.send([COUNT])
        before = valve.turns
        await asyncio.gather(*(trips.send([large]) for _ in range(3)))
        assert 3 == valve.turns - before
        await trips.close()


async def test_each_step_of_a_side_effect_is_one_round_trip(valve: Valve) -> None:
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
