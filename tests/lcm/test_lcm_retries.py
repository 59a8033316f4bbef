"""Quick retries: only of what had no effect, only while somebody waits, only within time and budget."""

import asyncio
from typing import Any

import pytest
from lcm.lcm_servers import (
    OD,
    ONCE,
    SKIP,
    RawServer,
    Request,
    answer,
    answering,
    due_in,
    failure_of,
    lcm_gateway,
    silent_port,
)

from bridge.failures import LcmBadResponse, LcmTimeout, LcmUnavailable, WsError
from bridge.lcm.budget import MOST, RetryBudget
from bridge.metrics import Metrics
from bridge.ports import CallTerms
from bridge.simulator import Fault, Options, Simulator

WAITING = CallTerms(quick_retries=True)
WAITING_SKIP = CallTerms(quick_retries=True, side_effect=True)


def status(code: int, count: int | None = None, when: str = "before") -> Options:
    """Give the options of an LCM that answers so many calls by a bare status."""
    fault = {"kind": "status", "status": code, "when": when} | ({"count": count} if count else {})
    return Options(faults=(Fault.from_json(fault),))


def retries(metrics: Metrics, method: str = "SkipManualDialContact") -> float:
    """Give how many quick retries were counted."""
    return metrics.registry.get_sample_value("lcm_bridge_lcm_retries_total", {"method": method}) or 0.0


@pytest.mark.parametrize("code", [429, 503])
async def test_a_side_effect_that_was_turned_away_is_tried_again_and_happens_once(code: int) -> None:
    """Twice busy, then fine: one effect, and both retries are counted under the name on the wire."""
    metrics = Metrics()
    async with (
        Simulator(status(code, count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, metrics) as gateway,
    ):
        assert await gateway.call(SKIP, WAITING_SKIP) is True
        assert (3, 1) == (simulator.calls.total, len(simulator.effects))
    assert 2 == retries(metrics)


async def test_retries_are_counted_by_lcms_method_name() -> None:
    """The label is the same as that of the calls."""
    metrics = Metrics()
    async with (
        answering(answer(b"", "503 No")).running() as server,
        lcm_gateway(server.url, metrics, methods={"SkipManualDialContact": "Skip"}) as gateway,
    ):
        await failure_of(gateway, SKIP, WAITING)

    assert 2 == retries(metrics, "Skip")


@pytest.mark.parametrize("most", [0, 1, 2])
async def test_there_are_at_most_so_many_retries(most: int) -> None:
    """The last failure is what the caller is told, unchanged."""
    metrics = Metrics()
    async with (
        Simulator(status(503)).running() as simulator,
        lcm_gateway(simulator.base_url, metrics, retry={"quick": most}) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, WAITING_SKIP)

        assert 1 + most == simulator.calls.total
    assert (503, False, False) == (failed.status, failed.effect_possible, failed.breaker_open)
    assert most == retries(metrics)


async def test_nobody_waits_so_nothing_is_tried_again() -> None:
    """Without the term there is one try."""
    async with (
        Simulator(status(503)).running() as simulator,
        lcm_gateway(simulator.base_url) as gateway,
    ):
        await failure_of(gateway, SKIP, ONCE)

        assert 1 == simulator.calls.total


@pytest.mark.parametrize("code", [502, 504])
async def test_a_side_effect_is_not_repeated_after_a_gateway_failed(code: int) -> None:
    """Whether LCM acted cannot be told: it did, here, and is called once."""
    async with (
        Simulator(status(code, when="after")).running() as simulator,
        lcm_gateway(simulator.base_url) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, WAITING_SKIP)

        assert (1, 1) == (simulator.calls.total, len(simulator.effects))
    assert (code, True) == (failed.status, failed.effect_possible)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_a_read_is_tried_again_after_each_of_the_statuses(code: int) -> None:
    """A read does no harm twice."""
    async with (
        Simulator(status(code, count=1)).running() as simulator,
        lcm_gateway(simulator.base_url) as gateway,
    ):
        assert isinstance(await gateway.call(OD, WAITING), dict)
        assert 2 == simulator.calls.total


async def test_the_statuses_are_a_setting() -> None:
    """One that is added is retried for a read, one that is left out is not; the failure stays what it is."""
    for code, expected in ((500, 3), (503, 1)):
        async with (
            Simulator(status(code)).running() as simulator,
            lcm_gateway(simulator.base_url, retry={"statuses": [500]}) as gateway,
        ):
            failed = await failure_of(gateway, OD, WAITING)

            assert expected == simulator.calls.total
        assert code == failed.status
        assert isinstance(failed.failure, LcmBadResponse if code == 500 else LcmUnavailable)


async def test_a_side_effect_is_not_repeated_after_a_500_that_is_configured() -> None:
    """The setting adds statuses; it cannot make a doubtful effect certain."""
    async with (
        Simulator(status(500, when="after")).running() as simulator,
        lcm_gateway(simulator.base_url, retry={"statuses": [500]}) as gateway,
    ):
        await failure_of(gateway, SKIP, WAITING_SKIP)

        assert (1, 1) == (simulator.calls.total, len(simulator.effects))


@pytest.mark.parametrize("code", [400, 500])
async def test_a_fault_is_an_answer_and_not_tried_again(code: int) -> None:
    """LCM has said no to this very request; whatever the status, it would say so again."""
    options = Options(faults=(Fault(kind="fault", status=code),))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(simulator.base_url, retry={"statuses": [400, 500]}) as gateway,
    ):
        failed = await failure_of(gateway, OD, WAITING)

        assert 1 == simulator.calls.total
    assert isinstance(failed.failure, WsError)


@pytest.mark.parametrize("kind", ["not_json", "wrong_shape", "half", "reset"])
async def test_what_may_have_had_an_effect_is_not_tried_again(kind: Any) -> None:
    """Neither an answer that cannot be used nor a cut connection is a reason to call again."""
    options = Options(faults=(Fault(kind=kind, when="after"),))
    async with Simulator(options).running() as simulator, lcm_gateway(simulator.base_url) as gateway:
        await failure_of(gateway, SKIP, WAITING_SKIP)

        assert (1, 1) == (simulator.calls.total, len(simulator.effects))


async def test_a_timeout_is_not_tried_again() -> None:
    """The time is over, and the effect is open."""
    options = Options(faults=(Fault(kind="hang"),))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(simulator.base_url, timeout=0.2) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, WAITING_SKIP)

        assert 1 == simulator.calls.total
    assert isinstance(failed.failure, LcmTimeout)


async def test_an_lcm_that_was_not_reached_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A side effect that never left is sent when LCM listens again; the waits double and have full jitter."""
    raw = answering(answer(b'{"d": true}'))
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, start_serving=False)
    port = server.sockets[0].getsockname()[1]
    waits: list[tuple[float, float]] = []
    listening: list[asyncio.Task[None]] = []

    def jitter(low: float, high: float) -> float:
        waits.append((low, high))
        if len(waits) == 2:
            listening.append(asyncio.create_task(server.start_serving()))
        return 0.0

    monkeypatch.setattr("random.uniform", jitter)
    async with lcm_gateway(f"http://127.0.0.1:{port}/", retry={"quick_wait": 0.1}) as gateway:
        try:
            assert await gateway.call(SKIP, WAITING_SKIP) is True
        finally:
            server.close()
            await asyncio.gather(*listening)

    assert [(0, 0.1), (0, 0.2)] == waits
    assert 1 == len(raw.requests)


async def test_no_retry_begins_that_would_end_the_wait_after_the_deadline() -> None:
    """With waits far beyond the deadline, the first failure is the last."""
    async with (
        Simulator(status(503)).running() as simulator,
        lcm_gateway(simulator.base_url, retry={"quick_wait": 1e9}) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, due_in(5.0, quick_retries=True))

        assert 1 == simulator.calls.total
    assert 503 == failed.status


async def test_all_tries_together_take_no_longer_than_one_may() -> None:
    """``lcm.timeout`` bounds the whole, since a shutdown waits for it: no retry lies beyond."""
    async with (
        Simulator(status(503)).running() as simulator,
        lcm_gateway(simulator.base_url, timeout=1.0, retry={"quick_wait": 1e9}) as gateway,
    ):
        await failure_of(gateway, SKIP, WAITING)

        assert 1 == simulator.calls.total


@pytest.mark.parametrize(("whole", "deadline"), [(2.0, None), (60.0, 2.0)])
async def test_a_retry_gets_only_the_time_that_is_left(whole: float, deadline: float | None) -> None:
    """The first try took 0.4 of two seconds before it was turned away; the second hangs, for the rest."""
    busy = Fault(kind="status", status=503, latency_ms=400, count=1)
    options = Options(faults=(busy, Fault(kind="hang")))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(simulator.base_url, timeout=whole) as gateway,
    ):
        failed = await failure_of(gateway, OD, due_in(deadline, quick_retries=True) if deadline else WAITING)

        assert 2 == simulator.calls.total
    assert isinstance(failed.failure, LcmTimeout)
    assert float(str(failed).split()[-2]) <= 1.6


@pytest.mark.parametrize("terms", [due_in(-5.0), due_in(-5.0, quick_retries=True)])
async def test_nothing_is_sent_after_the_deadline(terms: CallTerms) -> None:
    """A call without time had no effect and never left."""
    metrics = Metrics()
    async with Simulator().running() as simulator, lcm_gateway(simulator.base_url, metrics) as gateway:
        failed = await failure_of(gateway, SKIP, terms)

        assert 0 == simulator.calls.total
    assert isinstance(failed.failure, LcmUnavailable)
    assert (True, False, False) == (failed.unreached, failed.effect_possible, failed.breaker_open)
    assert 0 == retries(metrics)


async def test_a_cancelled_wait_for_a_retry_ends_the_call() -> None:
    """Whoever gives up between two tries makes no second one."""
    answered = asyncio.Event()

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", "503 No"))
        answered.set()

    async with (
        RawServer(handler).running() as server,
        lcm_gateway(server.url, retry={"quick_wait": 9.0}, timeout=60.0) as gateway,
    ):
        call = asyncio.create_task(gateway.call(SKIP, WAITING))
        await answered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        assert 1 == len(server.requests)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 100), (0.5, 100 + 10 + 49), (1.0, 200)])
async def test_the_budget_bounds_the_calls_in_an_outage(share: float, expected: int) -> None:
    """A hundred calls become at most a share more, beyond the ten retries that were saved up."""
    async with (
        Simulator(status(503)).running() as simulator,
        lcm_gateway(
            simulator.base_url, retry={"budget": share, "quick": 1}, breaker={"minimum_calls": 100_000}
        ) as gateway,
    ):
        for _ in range(100):
            await failure_of(gateway, SKIP, WAITING)

        assert expected == simulator.calls.total


def test_the_budget_saves_up_no_more_than_its_bound() -> None:
    """After any number of calls that succeed there are ten retries, not more."""
    budget = RetryBudget(0.25)
    for _ in range(1000):
        budget.earn()

    assert MOST == sum(budget.take() for _ in range(100))
    for _ in range(3):
        budget.earn()
    assert budget.take() is False
    budget.earn()
    assert [True, False] == [budget.take(), budget.take()]


def test_a_budget_of_nothing_allows_nothing() -> None:
    """Not even what others start with."""
    budget = RetryBudget(0.0)
    budget.earn()

    assert budget.take() is False


async def test_a_connection_that_does_not_come_about_is_tried_again_within_the_time() -> None:
    """Each try may wait for its connection, and the whole is bounded."""
    metrics = Metrics()
    async with (
        silent_port() as port,
        lcm_gateway(f"http://127.0.0.1:{port}/", metrics, connect_timeout=0.05) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, WAITING_SKIP)

    assert (True, False) == (failed.unreached, failed.effect_possible)
    assert 2 == retries(metrics)
