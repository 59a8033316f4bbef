"""What `bridge.testing` says of what the simulator does not take."""

import asyncio
from collections.abc import Callable

import pytest
from simulator.simulator_calls import simulated

from bridge.simulator import Fault
from bridge.testing import SimulatedLcm
from bridge.testing.running import operation_names

WRONG: dict[str, Callable[[SimulatedLcm], object]] = {
    "unknown members: Phone": lambda lcm: lcm.add_contact("ada", Phone="1"),
    "kind must be one of manual, od, not 'odd'": lambda lcm: lcm.add_contact("ada", kind="odd"),
    "latency_ms must be a number from 0": lambda lcm: lcm.be_slow(-1),
    "'CreateContcat' is no operation; the nearest one is CreateContact": lambda lcm: lcm.refuse(
        "CreateContcat"
    ),
    "'SetDNX' is no operation; the nearest one is SetDNC": lambda lcm: lcm.calls("SetDNX"),
    "'Nope' is no operation": lambda lcm: lcm.effects("Nope"),
}


async def test_what_is_not_taken_is_said() -> None:
    """In the simulator's own words; a misspelt operation would make a test that cannot fail."""
    async with simulated() as served:
        lcm = SimulatedLcm(served.simulator.base_url, served.simulator.control_url, operation_names(None))
        for problem, wrong in WRONG.items():
            with pytest.raises(ValueError, match=problem):
                await asyncio.to_thread(wrong, lcm)


async def test_a_fault_of_the_simulator_is_planned() -> None:
    """A plan takes the simulator's own type, too; an operation that LCM never sees was not called."""
    async with simulated() as served:
        lcm = SimulatedLcm(served.simulator.base_url, served.simulator.control_url, operation_names(None))
        await asyncio.to_thread(lcm.plan, Fault(kind="html", method="CreateContact"), {"latency_ms": 1})
        planned = (await served.control("GET", "faults")).json["faults"]

        assert ["html", "none"] == [one["kind"] for one in planned]
        assert [] == await asyncio.to_thread(lcm.calls, "ManualDialCall")
