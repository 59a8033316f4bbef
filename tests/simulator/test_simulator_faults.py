"""Faults on the wire, before and after the effect."""

import asyncio

import aiohttp
import pytest
from simulator.simulator_calls import CREATE, SKIP, Caller, simulated

from bridge.simulator import Fault, Options
from bridge.simulator.faults import FaultPlan

OD = {"UserID": "testagent"}


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "fault", "message": "Deadlock"}, 500, "Deadlock"),
        ({"kind": "fault", "status": 400}, 400, "ExceptionType"),
        ({"kind": "html"}, 502, "<html"),
        ({"kind": "html", "status": 504}, 504, "<html"),
        ({"kind": "status"}, 503, ""),
        ({"kind": "status", "status": 429}, 429, ""),
        ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, 302, ""),
        ({"kind": "not_json"}, 200, "not JSON"),
        ({"kind": "wrong_shape"}, 200, "unexpected"),
        ({"result": -1}, 200, '{"d": -1}'),
        ({"result": None}, 200, '{"d": null}'),
        ({"kind": "drip", "drip_ms": 0}, 200, '{"d": null}'),
    ],
)
async def test_faults_replace_the_answer(fault: dict[str, object], status: int, text: str) -> None:
    """Before the effect each kind is answered in place of the call, and nothing happens."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", fault)
        answer = await lcm.post("SkipManualDialContact", SKIP)

    assert status == answer.status
    assert text in answer.text
    assert 0 == len(lcm.simulator.effects)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["half", "reset"])
async def test_cut_connections(kind: str, when: str) -> None:
    """A half answer and a reset are errors for the caller; the effect is there with "after" only."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": kind, "when": when})
        with pytest.raises(aiohttp.ClientError):
            await lcm.post("SkipManualDialContact", SKIP)

    assert (1 if when == "after" else 0) == len(lcm.simulator.effects)


async def test_a_huge_answer_has_the_asked_size() -> None:
    """A huge answer is as long as it was asked to be."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "huge", "size_bytes": 3_000_000})
        answer = await lcm.post("SkipManualDialContact", SKIP)

    assert 3_000_000 == len(answer.text)


async def test_a_dripped_answer_after_the_effect_is_whole() -> None:
    """A dripped answer is the real one, byte by byte."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "drip", "drip_ms": 0, "when": "after"})
        answer = await lcm.post("SkipManualDialContact", SKIP)

    assert {"d": True} == answer.json
    assert 1 == len(lcm.simulator.effects)


async def _hung(lcm: Caller, number: int) -> None:
    async with asyncio.timeout(10):
        while (await lcm.control("GET", "state")).json["hung"] != number:
            pass


async def test_a_hung_call_goes_on_when_released() -> None:
    """A call that hangs before its effect has it once it is released, and then answers."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "hang"})
        call = asyncio.create_task(lcm.post("SkipManualDialContact", SKIP))
        await _hung(lcm, 1)
        before = len(lcm.simulator.effects)
        released = await lcm.control("POST", "release")
        answer = await call

    assert {"released": 1} == released.json
    assert (0, 1) == (before, len(lcm.simulator.effects))
    assert {"d": True} == answer.json


async def test_a_hung_call_can_be_dropped() -> None:
    """A hung call that is dropped has no effect, and its caller loses the connection."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "hang"})
        call = asyncio.create_task(lcm.post("SkipManualDialContact", SKIP))
        await _hung(lcm, 1)
        await lcm.control("POST", "release", {"drop": True})
        with pytest.raises(aiohttp.ClientError):
            await call

    assert 0 == len(lcm.simulator.effects)


async def test_a_caller_who_leaves_does_not_stop_the_effect() -> None:
    """As with the real thing, a call whose caller has gone away is still carried out."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "hang"})
        call = asyncio.create_task(lcm.post("SkipManualDialContact", SKIP))
        await _hung(lcm, 1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await lcm.control("POST", "release")
        await _hung(lcm, 0)

    assert 1 == len(lcm.simulator.effects)


async def test_a_hung_call_does_not_keep_the_simulator_from_stopping() -> None:
    """Stopping cuts what hangs after its effect; the effect stays."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "hang", "when": "after"})
        call = asyncio.create_task(lcm.post("SkipManualDialContact", SKIP))
        await _hung(lcm, 1)
        await lcm.simulator.stop()
        with pytest.raises(aiohttp.ClientError):
            await call

    assert 1 == len(lcm.simulator.effects)


async def test_a_fault_can_be_for_one_method_and_some_calls() -> None:
    """`method` takes the wire name or the operation, `count` the next calls of it; then all is well."""
    async with simulated() as lcm:
        await lcm.control("PUT", "faults", {"kind": "status", "method": "CreateContact", "count": 2})
        other = await lcm.post("GetReservedContactOD", OD)
        statuses = [(await lcm.post("AddContact", CREATE)).status for _ in range(3)]
        plan = (await lcm.control("GET", "faults")).json["faults"]

    assert 200 == other.status
    assert [503, 503, 200] == statuses
    assert [(0, 2)] == [(fault["left"], fault["played"]) for fault in plan]


async def test_several_faults_are_played_in_order() -> None:
    """The first fault that is drawn is played; those after it wait for their turn."""
    async with simulated() as lcm:
        faults = [{"kind": "status", "count": 1}, {"kind": "html", "count": 1}]
        await lcm.control("PUT", "faults", {"faults": faults})
        statuses = [(await lcm.post("GetReservedContactOD", OD)).status for _ in range(3)]

    assert [503, 502, 200] == statuses


async def test_deleting_the_faults_ends_them() -> None:
    """Without a plan nothing goes wrong."""
    async with simulated(Options(faults=(Fault(kind="status"),))) as lcm:
        before = await lcm.post("GetReservedContactOD", OD)
        await lcm.control("DELETE", "faults")
        after = await lcm.post("GetReservedContactOD", OD)

    assert (503, 200) == (before.status, after.status)


def test_the_same_seed_gives_the_same_faults() -> None:
    """Which calls are hit, and how long they wait, follows the seed."""

    def drawn(seed: int) -> list[tuple[float, bool]]:
        plan = FaultPlan((Fault(kind="status", error_rate=0.5, latency_ms=5, jitter_ms=10),), seed=seed)
        return [
            (verdict.delay_seconds, verdict.fault is None) for verdict in (plan.draw() for _ in range(50))
        ]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert {True, False} == {spared for _, spared in drawn(1)}
    assert all(0.005 <= delay <= 0.015 for delay, _ in drawn(1))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "explode"},
        {"latency": 5},
        {"latency_ms": "5"},
        {"error_rate": 2},
        {"count": 0},
        {"count": True},
        "fault",
    ],
)
async def test_a_wrong_fault_is_refused(fault: object) -> None:
    """A misspelt member or an impossible value is a 400, and the plan stays as it was."""
    async with simulated() as lcm:
        answer = await lcm.control("PUT", "faults", fault)

    assert 400 == answer.status
    assert "fault" in answer.json["error"]
    assert () == lcm.simulator.faults.planned
