"""What becomes of a side effect by what the ledger says: the rule of `bridge.once`, on a ledger in Redis."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from operations.core_requests import SKIP, translated
from store.ledger_bench import ledger_bench, open_ledger
from store.once_stage import DONE, REFUSED, SKIP_KEY, SKIPPING, Stage, stage

from bridge import once
from bridge.demo.servers import PrivateRedis
from bridge.endings import Ending
from bridge.failures import IdempotencyMismatch, LcmUnavailable, OutcomeUnknown, WsError
from bridge.once import Held, StillRunning, content
from bridge.operations.model import Answer


async def test_what_is_claimed_is_carried_out_and_recorded(worker: Stage) -> None:
    """LCM is called once, without a key that it does not honour, and the contact leaves the cache."""
    case, end = await worker.skip()

    assert DONE == end
    assert [None] == [terms.idempotency_key for terms in worker.lcm.asked]
    assert (True, False, False) == (case.effect_done, case.doubtful, case.replayed)
    assert {"claim", "lcm", "record"} == set(case.took)
    assert "done" == await worker.bench.state(SKIP_KEY)
    assert not await worker.offered()


async def test_what_has_ended_is_told_again(worker: Stage) -> None:
    """The same answer, without a call; a contact that is offered again leaves the cache once more."""
    await worker.skip()
    await worker.offer(later=True)
    case, end = await worker.skip()

    assert DONE == end
    assert (True, True, True) == (case.effect_done, case.doubtful, case.replayed)
    assert 1 == len(worker.lcm.asked)
    assert not await worker.offered()


async def test_told_again_that_nothing_stays_reserved_nothing_is_offered(worker: Stage) -> None:
    """An operation that does not name the contact takes out all of its kind, each time."""
    forgetting = SKIPPING._replace(skips=None, forgets="manual")
    await worker.skip(forgetting)
    await worker.offer(later=True)
    offered = await worker.offered()
    await asyncio.sleep(0.01)  # the offer is of a moment ago
    await worker.skip(forgetting)

    assert (True, False) == (offered, await worker.offered())


async def test_a_refusal_is_told_again(worker: Stage) -> None:
    """It is stored; the contact is offered on, since the skip had no effect."""
    worker.lcm.end = REFUSED
    ends = [await worker.skip() for _ in range(2)]

    assert [(WsError, "Campaign is closed")] * 2 == [(type(end), str(end)) for _, end in ends]
    assert [(False, False), (True, False)] == [(case.replayed, case.effect_done) for case, _ in ends]
    assert 1 == len(worker.lcm.asked)
    assert await worker.offered()


async def test_what_was_cut_off_is_unknown(worker: Stage) -> None:
    """Nobody calls again, and the contact, which may be gone, is offered no more."""
    await worker.cut_off()
    case, end = await worker.skip()

    assert isinstance(end, OutcomeUnknown)
    assert case.doubtful
    assert [] == worker.lcm.asked
    assert not await worker.offered()


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ({"headers": {"idempotency-key": "k-1"}}, "the header idempotency-key"),
        ({"message_id": "m-1"}, "its message_id"),
        ({"message_id": None, "correlation_id": "c-1"}, "its reply_to and correlation_id"),
    ],
)
async def test_other_content_is_refused(worker: Stage, key: dict[str, Any], named: str) -> None:
    """Without a call; and told which key it is."""
    await worker.skip(**key)
    _, end = await worker.skip(translated("SkipManualDialContact", SKIP | {"OutcomeId": 7}), **key)

    assert isinstance(end, IdempotencyMismatch)
    assert f"({named})" in str(end)
    assert 1 == len(worker.lcm.asked)


def test_the_order_of_members_is_no_content() -> None:
    """Two spellings of the same data are the same."""
    turned = SKIPPING._replace(content=dict(reversed(SKIPPING.content.items())))

    assert list(turned.content) != list(SKIPPING.content)
    assert content(SKIPPING) == content(turned)


async def test_one_that_still_runs_is_waited_for(worker: Stage) -> None:
    """Its end is the answer; that somebody waited is counted once, however often it looks."""
    claim = await worker.claimed_elsewhere()
    waiting = asyncio.create_task(worker.skip())
    await worker.until_counted("waited")
    await worker.elsewhere.complete(claim, Ending({"response": "theirs"}))
    case, end = await waiting

    assert Answer({"response": "theirs"}) == end
    assert (True, 1) == (case.replayed, worker.bench.count("waited"))
    assert [] == worker.lcm.asked


async def test_that_it_had_no_effect_is_told_to_who_waited_for_it(worker: Stage) -> None:
    """The broker's second copy of a request gets what the first was told."""
    claim = await worker.claimed_elsewhere()
    waiting = asyncio.create_task(worker.skip(redelivered=True))
    await worker.until_counted("waited")
    await worker.elsewhere.release(claim, LcmUnavailable("LCM takes no calls now"))
    _, end = await waiting

    assert isinstance(end, LcmUnavailable)
    assert [] == worker.lcm.asked


async def test_who_drains_waits_no_longer(worker: Stage) -> None:
    """Another worker gets the request; a key that is free is claimed all the same."""
    await worker.claimed_elsewhere()
    waiting = asyncio.create_task(worker.skip())
    await worker.until_counted("waited")
    worker.draining.set()
    ends = [(await waiting)[1], (await worker.skip())[1], (await worker.skip(message_id="m-2"))[1]]

    assert [StillRunning, StillRunning, Answer] == [type(end) for end in ends]
    assert 1 == len(worker.lcm.asked)


async def test_an_owner_is_waited_for_no_longer_than_a_call_may_take(
    redis_server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its longest call, the recording of that, and twice its lease: 30 + 3 + 2 * 15 seconds."""
    moments = iter(range(0, 1000, 15))
    read: list[int] = []

    def monotonic() -> int:
        read.append(next(moments))
        return read[-1]

    pauses: list[int] = []

    async def paused() -> None:
        pauses.append(read[-1])
        await asyncio.Event().wait()

    async with ledger_bench(redis_server.url, record_within=3, lease=15) as bench:
        worker = stage(bench, longest_call=30.0)
        await worker.claimed_elsewhere()
        monkeypatch.setattr(worker.draining, "wait", paused)
        monkeypatch.setattr(once, "time", SimpleNamespace(monotonic=monotonic, time=time.time))
        _, end = await worker.skip()

    assert isinstance(end, StillRunning)
    assert [45, 60, 75] == read[-3:]
    assert 4 == len(pauses)  # it does not look without one


@pytest.mark.parametrize(
    ("when", "redelivered", "proceeds"),
    [("hold", False, False), ("hold", True, False), ("proceed", False, True), ("proceed", True, False)],
)
async def test_without_its_ledger_only_a_first_delivery_may_proceed(
    when: str, *, redelivered: bool, proceeds: bool
) -> None:
    """What may have been delivered before is held, and in doubt; what proceeds is told to be unrecorded."""
    bench = open_ledger("redis://127.0.0.1:1/0", "away", when_unavailable=when)
    worker = stage(bench)
    case, end = await worker.skip(redelivered=redelivered)
    await bench.store.close()

    assert (Answer if proceeds else Held) is type(end)
    assert (redelivered, "unrecorded" if proceeds else None) == (case.doubtful, case.ledger)
    assert int(proceeds) == len(worker.lcm.asked)


async def test_a_ledger_that_goes_away_while_it_is_waited_for_holds_the_request(
    redis_server: PrivateRedis,
) -> None:
    """Somebody carries it out, so it must not proceed."""
    async with ledger_bench(redis_server.url, when_unavailable="proceed") as bench:
        worker = stage(bench)
        await worker.claimed_elsewhere()
        waiting = asyncio.create_task(worker.skip())
        await worker.until_counted("waited")
        await bench.store.close()  # whoever asks learns that the connection is gone
        _, end = await waiting

    assert isinstance(end, Held)
    assert [] == worker.lcm.asked


async def test_what_has_no_key_is_carried_out_unprotected(worker: Stage) -> None:
    """But not when it may have been: nobody knows what came of it."""
    first, answer = await worker.skip(message_id=None)
    second, unknown = await worker.skip(message_id=None, redelivered=True)

    assert (DONE, OutcomeUnknown) == (answer, type(unknown))
    assert ["unprotected"] * 2 == [first.ledger, second.ledger]
    assert (1, 2) == (len(worker.lcm.asked), worker.bench.count("unprotected"))
