"""How a call ends, and what is told and recorded of it: the rule of `bridge.once`, on a ledger in Redis."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from store.ledger_bench import ledger_bench, open_ledger
from store.once_stage import BUSY, DONE, REFUSED, SKIP_KEY, SKIPPING, Stage, stage
from structlog.testing import capture_logs

from bridge.demo.servers import PrivateRedis
from bridge.failures import LcmUnavailable, OutcomeUnknown, WsError
from bridge.once import AnsweredElsewhere, Held, content
from bridge.operations.model import Answer
from bridge.ports import CallFailed, CutOff

BROKEN_OFF = CallFailed(LcmUnavailable("no answer"), effect_possible=True)
NO_MOMENT = cast("float", "a fault of ours: no moment")


@pytest.fixture
async def retrying(redis_server: PrivateRedis) -> AsyncIterator[Stage]:
    """Give a worker that may call again what was cut off, as the first call was."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        worker = stage(bench)
        await worker.cut_off()
        yield worker


async def test_what_is_cut_off_now_is_unknown_from_now_on(worker: Stage) -> None:
    """It is recorded so, and the contact, which may be gone, is offered no more."""
    worker.lcm.end = BROKEN_OFF
    ends = [(await worker.skip())[1] for _ in range(2)]
    record = await worker.bench.records.look(SKIP_KEY)

    assert [OutcomeUnknown] * 2 == [type(end) for end in ends]
    assert 1 == len(worker.lcm.asked)
    assert record
    assert ("unknown", True) == (record.state, record.ending is not None)
    assert not await worker.offered()


@pytest.mark.parametrize("message_id", ["m-1", None])
async def test_a_skip_whose_fetching_cannot_be_looked_up_is_held(
    redis_server: PrivateRedis, message_id: str | None
) -> None:
    """The cache is away; the claim is given back."""
    away = open_ledger("redis://127.0.0.1:1/0", "away")
    async with ledger_bench(redis_server.url) as bench:
        worker = stage(bench, cache=away.contacts, require_fetched=True)
        _, end = await worker.skip(message_id=message_id)

        assert isinstance(end, Held)
        assert [] == worker.lcm.asked
        assert await bench.state(SKIP_KEY) is None
    await away.store.close()


@pytest.mark.parametrize(("reply_to", "calls"), [("replies", 1), (None, 2)])
async def test_who_was_told_that_there_was_no_effect_is_told_so_again(
    worker: Stage, reply_to: str | None, calls: int
) -> None:
    """A delivery that the broker repeats gets the same failure if anybody was told; a new request is new."""
    worker.lcm.end = BUSY
    ends = [(await worker.skip(reply_to=reply_to, redelivered=again))[1] for again in (False, True)]
    repeated = len(worker.lcm.asked)
    worker.lcm.end = True

    assert [LcmUnavailable] * 2 == [type(end) for end in ends]
    assert (calls, DONE) == (repeated, (await worker.skip(reply_to=reply_to))[1])


@pytest.mark.parametrize("waits", [("replies", None), (None, "replies")])
async def test_what_another_request_of_the_key_was_told_does_not_end_this_one(
    worker: Stage, waits: tuple[str | None, str | None]
) -> None:
    """Nobody waits for one of the two: the one that failed had no effect, and the other is carried out."""
    worker.lcm.end = BUSY
    await worker.skip(reply_to=waits[0])
    worker.lcm.end = True
    _, end = await worker.skip(reply_to=waits[1], redelivered=True)

    assert DONE == end


async def test_a_second_call_bears_the_key_of_the_first(retrying: Stage) -> None:
    """By it LCM's front recognises the repetition; what is answered is known."""
    case, end = await retrying.skip()

    assert (True, DONE) == (case.doubtful, end)
    assert [SKIP_KEY.digest] == [terms.idempotency_key for terms in retrying.lcm.asked]


async def test_a_refusal_of_the_second_call_is_the_end(retrying: Stage) -> None:
    """LCM's front says so of this very key, for good."""
    retrying.lcm.end = REFUSED
    ends = [(await retrying.skip())[1] for _ in range(2)]

    assert [WsError] * 2 == [type(end) for end in ends]
    assert 1 == len(retrying.lcm.asked)


@pytest.mark.parametrize("deadline", [1.0, NO_MOMENT])
async def test_no_second_call_leaves_it_unknown(retrying: Stage, deadline: float) -> None:
    """It comes too late, or the bridge fails: that this call had no effect says nothing of the first."""
    await retrying.offer()
    with capture_logs():
        _, end = await retrying.skip(deadline=deadline)
    record = await retrying.bench.records.look(SKIP_KEY)

    assert isinstance(end, OutcomeUnknown)
    assert [] == retrying.lcm.asked
    assert record
    assert ("unknown", True) == (record.state, record.ending is not None)
    assert not await retrying.offered()


async def test_a_fault_before_the_call_gives_the_claim_back(worker: Stage) -> None:
    """There was no effect."""
    _, end = await worker.skip(deadline=NO_MOMENT)

    assert isinstance(end, TypeError)
    assert await worker.bench.state(SKIP_KEY) is None
    assert await worker.offered()


async def test_a_fault_during_the_call_makes_it_unknown(worker: Stage) -> None:
    """LCM may have acted; the fault is the cause."""
    worker.lcm.end = fault = RuntimeError("a fault of ours")
    with capture_logs() as lines:
        _, end = await worker.skip()

    assert isinstance(end, OutcomeUnknown)
    assert end.__cause__ is fault
    assert ["request.internal_error"] == [line["event"] for line in lines]
    assert "unknown" == await worker.bench.state(SKIP_KEY)
    assert not await worker.offered()


async def test_a_call_that_is_cancelled_is_cut_off(worker: Stage) -> None:
    """Its lease is renewed no longer."""
    worker.lcm.during = asyncio.Event().wait
    calling = asyncio.create_task(worker.skip())
    async with asyncio.timeout(10):
        while not worker.lcm.asked:
            await asyncio.sleep(0)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await worker.bench.lapse(SKIP_KEY)
    await worker.bench.ledger.renew_older_than(0)

    assert calling.cancelled()
    assert isinstance(await worker.elsewhere.claim(SKIP_KEY, content(SKIPPING)), CutOff)


@pytest.mark.parametrize("lost", [True, False])
async def test_an_answer_after_others_were_told_that_it_is_unknown(worker: Stage, *, lost: bool) -> None:
    """The other delivery of the request was told, so this one is silent; another request gets the truth."""

    async def overtaken() -> None:
        await worker.bench.lapse(SKIP_KEY)
        await worker.elsewhere.claim(SKIP_KEY, content(SKIPPING))

    worker.lcm.during = overtaken
    case, end = await worker.skip(lost=lost)

    assert (AnsweredElsewhere if lost else Answer) is type(end)
    assert ("recorded_late", lost) == (case.ledger, case.error is not None)
    assert "done" == await worker.bench.state(SKIP_KEY)
