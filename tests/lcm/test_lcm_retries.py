"""Quick retries: only of what had no effect, and only while somebody waits."""

import asyncio
from typing import Any

import pytest
from lcm.lcm_servers import (
    OD,
    ONCE,
    SKIP,
    WAITING,
    WAITING_SKIP,
    answer,
    answering,
    bare_status,
    failure_of,
    lcm_gateway,
    retries,
)

from bridge.failures import LcmBadResponse, LcmTimeout, LcmUnavailable, WsError
from bridge.metrics import Metrics
from bridge.simulator import Fault, Options, Simulator


@pytest.mark.parametrize("code", [429, 503])
async def test_a_side_effect_that_was_turned_away_is_tried_again_and_happens_once(code: int) -> None:
    """Twice busy, then fine: one effect, and both retries are counted under the name on the wire."""
    metrics = Metrics()
    async with (
        Simulator(bare_status(code, count=2)).running() as simulator,
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


async def test_nobody_waits_so_nothing_is_tried_again() -> None:
    """Without the term there is one try."""
    async with (
        Simulator(bare_status(503)).running() as simulator,
        lcm_gateway(simulator.base_url) as gateway,
    ):
        await failure_of(gateway, SKIP, ONCE)

        assert 1 == simulator.calls.total


@pytest.mark.parametrize("code", [502, 504])
async def test_a_side_effect_is_not_repeated_after_a_gateway_failed(code: int) -> None:
    """Whether LCM acted cannot be told: it did, here, and is called once."""
    async with (
        Simulator(bare_status(code, when="after")).running() as simulator,
        lcm_gateway(simulator.base_url) as gateway,
    ):
        failed = await failure_of(gateway, SKIP, WAITING_SKIP)

        assert (1, 1) == (simulator.calls.total, len(simulator.effects))
    assert (code, True) == (failed.status, failed.effect_possible)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_a_read_is_tried_again_after_each_of_the_statuses(code: int) -> None:
    """A read does no harm twice."""
    async with (
        Simulator(bare_status(code, count=1)).running() as simulator,
        lcm_gateway(simulator.base_url) as gateway,
    ):
        assert isinstance(await gateway.call(OD, WAITING), dict)
        assert 2 == simulator.calls.total


async def test_the_statuses_are_a_setting() -> None:
    """One that is added is retried for a read, one that is left out is not; the failure stays what it is."""
    for code, expected in ((500, 3), (503, 1)):
        async with (
            Simulator(bare_status(code)).running() as simulator,
            lcm_gateway(simulator.base_url, retry={"statuses": [500]}) as gateway,
        ):
            failed = await failure_of(gateway, OD, WAITING)

            assert expected == simulator.calls.total
        assert code == failed.status
        assert isinstance(failed.failure, LcmBadResponse if code == 500 else LcmUnavailable)


async def test_a_side_effect_is_not_repeated_after_a_500_that_is_configured() -> None:
    """The setting adds statuses; it cannot make a doubtful effect certain."""
    async with (
        Simulator(bare_status(500, when="after")).running() as simulator,
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
