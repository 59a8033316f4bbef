"""Quick retries have bounds: their number, the caller's time, and a budget for all calls."""

import asyncio

import pytest
from lcm.lcm_servers import (
    OD,
    SKIP,
    WAITING,
    WAITING_SKIP,
    RawServer,
    Request,
    answer,
    bare_status,
    due_in,
    failure_of,
    lcm_gateway,
    retries,
    silent_port,
)

from bridge.failures import LcmTimeout, LcmUnavailable
from bridge.lcm.budget import MOST, RetryBudget
from bridge.metrics import Metrics
from bridge.ports import CallTerms
from bridge.simulator import Fault, Options, Simulator


@pytest.mark.parametrize("most", [0, 1, 2])
async def test_there_are_at_most_so_many_retries(most: int) -> None:
    """The last failure is what the caller is told, unchanged."""
    metrics = Metrics()
    async with (
        Simulator(bare_status(503)).running() as simulator,
        lcm_gateway(simulator.base_url, metrics, retry={"quick": most}) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, WAITING_SKIP)

        assert 1 + most == simulator.calls.total
    assert (503, False, False) == (failed.status, failed.effect_possible, failed.breaker_open)
    assert most == retries(metrics)


async def test_no_retry_begins_that_would_end_the_wait_after_the_deadline() -> None:
    """With waits far beyond the deadline, the first failure is the last."""
    async with (
        Simulator(bare_status(503)).running() as simulator,
        lcm_gateway(simulator.base_url, retry={"quick_wait": 1e9}) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, due_in(5.0, quick_retries=True))

        assert 1 == simulator.calls.total
    assert 503 == failed.status


async def test_all_tries_together_take_no_longer_than_one_may() -> None:
    """``lcm.timeout`` bounds the whole, since a shutdown waits for it: no retry lies beyond."""
    async with (
        Simulator(bare_status(503)).running() as simulator,
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
        Simulator(bare_status(503)).running() as simulator,
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
