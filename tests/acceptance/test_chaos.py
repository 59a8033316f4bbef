"""The chaos suite in short: some faults under load, and the sums hold. `make chaos` is the long form.

It runs as a process of its own, as `make chaos` does: its clients' connections die in every way.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.rabbitmq

ROOT = Path(__file__).parents[2]
BOUND = 110.0
FAULTS = (
    "same request twice",
    "worker killed",
    "all connections cut",
    "lcm cuts off",
    "redis connections cut",
    "redis killed",
    "broker killed",
    "worker terminated",
    "requester gone",
    "empty queue deleted",
)


async def chaos(*arguments: str) -> tuple[int | None, str]:
    """Run the suite and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "chaos", "--seed", "1", "--rounds", "1", "--pause", "0.4", *arguments),
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), BOUND)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode()


async def test_nothing_is_lost_done_twice_or_told_wrongly() -> None:
    """Workers, broker, Redis and LCM fail one after the other; every request ends as promised."""
    code, printed = await chaos("--requests", "600", "--rate", "40", "--faults", ",".join(FAULTS))

    zeros = " / lost 0 / unexpected 0 / effects twice 0 / conflicting replies 0 / untrue replies 0\n"
    assert zeros in printed, printed
    assert 0 == code, printed


async def test_the_sums_tell_of_a_worker_that_skips_the_claim() -> None:
    """The suite can fail: without the ledger's claim, repeated requests have their effects twice."""
    code, printed = await chaos("--requests", "100", "--break", "skip-claim", "--workers", "1")

    assert 1 == code, printed
    assert " / effects twice 0 / " not in printed
