"""The circuit breaker around the client: what it counts, what it refuses, whom it tells."""

import asyncio
from typing import Any

import pytest
from lcm.lcm_servers import (
    OD,
    ONCE,
    SKIP,
    answer,
    answering,
    busy,
    due_in,
    fail,
    failure_of,
    gauge,
    heard,
    lcm_gateway,
    silent_port,
)
from structlog.testing import capture_logs
from support.worker import until

from bridge.demo.ports import free_port
from bridge.failures import InternalError, LcmBadResponse, LcmTimeout, LcmUnavailable, WsError
from bridge.lcm.breaker import State, Verdict
from bridge.lcm.client import CutShort
from bridge.lcm.gateway import judge
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.ports import CallFailed, CallTerms
from bridge.simulator import Fault, Options, Simulator

STAYS_OPEN = {"open_for": 600.0}
QUICK = {"open_for": 0.05, "minimum_calls": 2, "probes": 2}


async def test_after_twenty_failures_lcm_sees_no_more_calls() -> None:
    """The breaker opens by its default settings, says so, and refuses what comes next."""
    metrics = Metrics()
    async with (
        Simulator(busy()).running() as simulator,
        lcm_gateway(simulator.base_url, metrics, breaker=STAYS_OPEN) as gateway,
    ):
        states = heard(gateway)
        with capture_logs() as logs:
            await fail(gateway, 19)
            assert (State.CLOSED, 0) == (gateway.state, gauge(metrics))
            await fail(gateway, 1)
        retried = CallTerms(quick_retries=True, patient=True, side_effect=True)
        refused = [await failure_of(gateway, SKIP, terms) for terms in (ONCE, retried)]

        assert 20 == simulator.calls.total
    assert [State.OPEN] == states
    assert 2 == gauge(metrics)
    opened = [line for line in logs if line["event"] == "lcm.breaker_opened"]
    assert [("warning", 20, 20)] == [(one["log_level"], one["calls"], one["failures"]) for one in opened]
    for failed in refused:
        assert isinstance(failed.failure, LcmUnavailable)
        assert (True, True, False) == (failed.breaker_open, failed.unreached, failed.effect_possible)
        assert "circuit breaker open" in str(failed)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_statuses_that_open_it(code: int) -> None:
    """By these LCM, or the way to it, is failing."""
    async with (
        answering(answer(b"", f"{code} X")).running() as server,
        lcm_gateway(server.url, breaker=STAYS_OPEN) as gateway,
    ):
        await fail(gateway, 20)

        assert State.OPEN is gateway.state


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 415, 500])
async def test_statuses_that_do_not_open_it(code: int) -> None:
    """Whoever says no is there."""
    async with (
        answering(answer(b"<html>", f"{code} X")).running() as server,
        lcm_gateway(server.url, breaker=STAYS_OPEN) as gateway,
    ):
        await fail(gateway, 25)

        assert (State.CLOSED, 25) == (gateway.state, len(server.requests))


@pytest.mark.parametrize("kind", ["fault", "not_json", "wrong_shape", "half"])
async def test_answers_that_do_not_open_it(kind: Any) -> None:
    """Neither a WCF fault nor an answer that cannot be used is an outage."""
    options = Options(faults=(Fault(kind=kind),))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=STAYS_OPEN) as gateway,
    ):
        await fail(gateway, 25)

        assert (State.CLOSED, 25) == (gateway.state, simulator.calls.total)


async def test_a_fault_of_the_bridge_itself_does_not_open_it() -> None:
    """What cannot be written as JSON says nothing about LCM."""
    async with lcm_gateway("http://127.0.0.1:1/x", breaker=STAYS_OPEN) as gateway:
        for _ in range(25):
            await failure_of(gateway, LcmCall("SkipManualDialContact", {"UserID": "\ud800"}))

        assert State.CLOSED is gateway.state


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (CallFailed(LcmUnavailable("x"), effect_possible=False, unreached=True), Verdict.FAILURE),
        (CallFailed(LcmUnavailable("x"), effect_possible=True, status=502), Verdict.FAILURE),
        (CallFailed(LcmTimeout("x"), effect_possible=True), Verdict.FAILURE),
        (CutShort(LcmUnavailable("x"), effect_possible=False, unreached=True), Verdict.NEITHER),
        (CutShort(LcmTimeout("x"), effect_possible=True), Verdict.NEITHER),
        (CallFailed(InternalError("x"), effect_possible=True), Verdict.NEITHER),
        (CallFailed(LcmBadResponse("x"), effect_possible=True), Verdict.NEITHER),
        (CallFailed(LcmBadResponse("x"), effect_possible=True, status=200), Verdict.SUCCESS),
        (CallFailed(WsError("x"), effect_possible=False, status=404), Verdict.SUCCESS),
        (CallFailed(WsError("x"), effect_possible=False, fault=True, status=500), Verdict.SUCCESS),
    ],
)
def test_what_a_failed_call_says_about_lcm(failed: CallFailed, expected: Verdict) -> None:
    """An answer, even a refusal, lets a probe pass; one that broke off or never began decides nothing."""
    assert expected is judge(failed)


async def test_refused_connections_open_it() -> None:
    """Nobody listens."""
    async with lcm_gateway(f"http://127.0.0.1:{free_port()}/", breaker=STAYS_OPEN) as gateway:
        await fail(gateway, 20)

        assert State.OPEN is gateway.state


async def test_cut_connections_open_it() -> None:
    """LCM takes the call and hangs up."""
    options = Options(faults=(Fault(kind="reset"),))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=STAYS_OPEN) as gateway,
    ):
        await fail(gateway, 20)

        assert State.OPEN is gateway.state


@pytest.mark.parametrize(("deadline", "expected"), [(0.9, State.OPEN), (0.2, State.CLOSED)])
async def test_a_timeout_counts_where_lcm_had_half_of_its_time(deadline: float, expected: State) -> None:
    """A requester's own tight deadline is no failure of LCM, but an LCM that hangs is one."""
    options = Options(faults=(Fault(kind="hang"),))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(simulator.base_url, timeout=1.0, breaker={**STAYS_OPEN, "minimum_calls": 1}) as gateway,
    ):
        failed = await failure_of(gateway, OD, due_in(deadline))

        assert (expected, 1) == (gateway.state, simulator.calls.total)
    assert isinstance(failed.failure, LcmTimeout)


@pytest.mark.parametrize(
    ("connect", "deadline", "expected"),
    [(0.05, 5.0, State.OPEN), (0.05, 1.0, State.OPEN), (5.0, 0.05, State.CLOSED)],
)
async def test_a_connection_that_does_not_come_about_counts_where_it_had_its_time(
    connect: float, deadline: float, expected: State
) -> None:
    """``lcm.connect_timeout`` is time enough; a deadline before that is the requester's matter."""
    async with (
        silent_port() as port,
        lcm_gateway(
            f"http://127.0.0.1:{port}/",
            connect_timeout=connect,
            breaker={**STAYS_OPEN, "minimum_calls": 3},
        ) as gateway,
    ):
        for _ in range(3):
            assert (await failure_of(gateway, OD, due_in(deadline))).unreached

        assert expected is gateway.state


async def test_calls_that_get_no_place_do_not_open_it() -> None:
    """The bridge's own bound on calls under way says nothing about LCM."""
    options = Options(faults=(Fault(kind="hang"),))
    async with (
        Simulator(options).running() as simulator,
        lcm_gateway(
            simulator.base_url, concurrency=1, timeout=60.0, breaker={**STAYS_OPEN, "minimum_calls": 3}
        ) as gateway,
    ):
        first = asyncio.create_task(gateway.call(OD, ONCE))
        await until(lambda: simulator.hung == 1, "the first call hangs")
        waiting = await asyncio.gather(*[failure_of(gateway, OD, due_in(0.05)) for _ in range(10)])
        simulator.release()
        await first

        assert (State.CLOSED, 1) == (gateway.state, simulator.calls.total)
    assert [True] * 10 == [failed.unreached for failed in waiting]


async def test_late_results_from_before_the_opening_do_not_close_it() -> None:
    """Calls that were under way when it opened end well, and it stays open."""
    async with (
        Simulator(Options(faults=(Fault(kind="hang", count=5),))).running() as simulator,
        lcm_gateway(simulator.base_url, timeout=60.0, breaker={**STAYS_OPEN, "minimum_calls": 2}) as gateway,
    ):
        early = [asyncio.create_task(gateway.call(OD, ONCE)) for _ in range(5)]
        await until(lambda: simulator.hung == 5, "five calls hang")
        simulator.faults.put(Fault(kind="status", status=503))
        states = heard(gateway)
        await fail(gateway, 2)
        simulator.release()
        await asyncio.gather(*early)

        assert (State.OPEN, [State.OPEN]) == (gateway.state, states)


async def test_a_listener_that_fails_disturbs_neither_calls_nor_other_listeners() -> None:
    """It is logged; the call's own failure is what its caller is told."""

    def broken(_: State) -> None:
        raise ZeroDivisionError

    async with (
        Simulator(busy()).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=STAYS_OPEN) as gateway,
    ):
        gateway.listen(broken)
        states = heard(gateway)
        with capture_logs() as logs:
            await fail(gateway, 20)

    assert [State.OPEN] == states
    assert 1 == [line["event"] for line in logs].count("lcm.listener_fault")


async def test_a_closed_gateway_tells_nothing_more() -> None:
    """Its timer ends with it."""
    async with (
        Simulator(busy()).running() as simulator,
        lcm_gateway(simulator.base_url, breaker={**QUICK, "open_for": 0.2}) as gateway,
    ):
        states = heard(gateway)
        await fail(gateway, 2)
    timer = gateway._timer  # noqa: SLF001 - that nothing comes is not seen from outside
    assert timer is not None
    assert timer.cancelled()
    assert [State.OPEN] == states
