"""The circuit breaker half-open: probes, those who wait for them, and how it recovers."""

import asyncio
from typing import Any

import pytest
from lcm.lcm_servers import (
    OD,
    ONCE,
    busy,
    due_in,
    fail,
    failure_of,
    gauge,
    heard,
    lcm_gateway,
)
from structlog.testing import capture_logs
from support.worker import until

from bridge.lcm.breaker import State
from bridge.lcm.gateway import LcmGateway
from bridge.metrics import Metrics
from bridge.ports import CallTerms
from bridge.simulator import Fault, Simulator

QUICK = {"open_for": 0.05, "minimum_calls": 2, "probes": 2}
PATIENT = CallTerms(patient=True)


async def test_it_recovers_and_tells_so() -> None:
    """Open, half-open by time alone, and closed by probes that succeed; each is told and shown."""
    metrics = Metrics()
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, metrics, breaker=QUICK) as gateway,
    ):
        states = heard(gateway)
        with capture_logs() as logs:
            await fail(gateway, 2)
            await until(lambda: len(states) == 2, "half-open without any call")
            assert (1, 2) == (gauge(metrics), simulator.calls.total)
            await gateway.call(OD, ONCE)
            await gateway.call(OD, ONCE)
    assert [State.OPEN, State.HALF_OPEN, State.CLOSED] == states
    assert 0 == gauge(metrics)
    assert ["lcm.breaker_opened", "lcm.breaker_half_open", "lcm.breaker_closed"] == [
        line["event"] for line in logs if line["event"].startswith("lcm.breaker")
    ]


async def test_a_failed_probe_opens_it_again_and_time_lets_the_next_through() -> None:
    """As often as it takes."""
    async with (
        Simulator(busy(count=4)).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=QUICK) as gateway,
    ):
        states = heard(gateway)
        await fail(gateway, 2)
        for changes in (2, 4):
            await until(lambda changes=changes: len(states) == changes, "half-open")  # type: ignore[misc]
            failed = await failure_of(gateway, OD, CallTerms(quick_retries=True))  # a probe is not retried
            assert (503, False) == (failed.status, failed.breaker_open)
        await until(lambda: len(states) == 6, "half-open")

        assert [State.OPEN, State.HALF_OPEN] * 3 == states
        assert 4 == simulator.calls.total


async def half_open_with_hanging_probes(simulator: Simulator, gateway: LcmGateway) -> list[Any]:
    """Bring the gateway so far that both probes hang at LCM; give their tasks."""
    states = heard(gateway)
    await fail(gateway, 2)
    await until(lambda: len(states) == 2, "half-open")
    simulator.faults.put(Fault(kind="hang", count=2))
    probes = [asyncio.create_task(gateway.call(OD, ONCE)) for _ in range(2)]
    await until(lambda: simulator.hung == 2, "both probes are at LCM")
    return probes


async def test_while_the_probes_are_under_way_the_rest_is_refused() -> None:
    """Somebody who waits is told at once, and LCM sees no more than the probes."""
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=QUICK) as gateway,
    ):
        probes = await half_open_with_hanging_probes(simulator, gateway)
        refused = await failure_of(gateway, OD)
        total = simulator.calls.total
        simulator.release()
        await asyncio.gather(*probes)

        assert State.CLOSED is gateway.state
    assert (True, 4) == (refused.breaker_open, total)


async def test_a_cancelled_probe_gives_its_place_back() -> None:
    """The breaker is not wedged by requests that were given up."""
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=QUICK) as gateway,
    ):
        probes = await half_open_with_hanging_probes(simulator, gateway)
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)
        states = [gateway.state]
        for _ in range(2):
            await gateway.call(OD, ONCE)
            states.append(gateway.state)

    assert [State.HALF_OPEN, State.HALF_OPEN, State.CLOSED] == states


async def begun(gateway: LcmGateway, calls: int, terms: CallTerms) -> list[Any]:
    """Begin calls that wait for the probes."""
    waiting = [asyncio.create_task(gateway.call(OD, terms)) for _ in range(calls)]
    await asyncio.sleep(0)  # each runs until it waits
    return waiting


async def test_who_is_patient_goes_on_when_the_probes_succeed() -> None:
    """The calls wait for the verdict and are then made."""
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=QUICK) as gateway,
    ):
        probes = await half_open_with_hanging_probes(simulator, gateway)
        waiting = await begun(gateway, 5, PATIENT)
        assert 4 == simulator.calls.total
        simulator.release()
        results = await asyncio.gather(*probes, *waiting)

        assert 9 == simulator.calls.total
    assert [dict] * 7 == [type(result) for result in results]


async def test_who_is_patient_is_refused_when_a_probe_fails() -> None:
    """LCM is not called for them."""
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, breaker={**QUICK, "open_for": 0.3}) as gateway,
    ):
        probes = await half_open_with_hanging_probes(simulator, gateway)
        waiting = await begun(gateway, 5, PATIENT)
        simulator.release(drop=True)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.gather(*probes, return_exceptions=True)

        assert 4 == simulator.calls.total
    assert [True] * 5 == [getattr(failed, "breaker_open", None) for failed in results]


async def test_who_is_patient_probes_when_a_probe_is_given_up() -> None:
    """A place that is given back goes to those who wait, even if nobody else calls."""
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, breaker=QUICK) as gateway,
    ):
        probes = await half_open_with_hanging_probes(simulator, gateway)
        waiting = await begun(gateway, 3, PATIENT)
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)
        results = await asyncio.gather(*waiting)

        assert State.CLOSED is gateway.state
    assert [dict] * 3 == [type(result) for result in results]


@pytest.mark.parametrize(
    ("whole", "terms"), [(60.0, due_in(0.0, patient=True)), (60.0, None), (0.3, PATIENT)]
)
async def test_patience_ends_with_the_deadline(whole: float, terms: CallTerms | None) -> None:
    """The wait is bounded by the deadline and by ``lcm.timeout``; then it is refused."""
    async with (
        Simulator(busy(count=2)).running() as simulator,
        lcm_gateway(simulator.base_url, timeout=whole, breaker=QUICK) as gateway,
    ):
        probes = await half_open_with_hanging_probes(simulator, gateway)
        failed = await failure_of(gateway, OD, terms or due_in(0.1, patient=True))
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

        assert 4 == simulator.calls.total
    assert (True, False) == (failed.breaker_open, failed.effect_possible)
