"""Interleaves the visits: each round goes through every variant, in another order each time."""

import sys
from collections.abc import Sequence

from bench.figures import rotated
from bench.records import Load, Visit
from bench.stage import Stage
from bench.variants import Running
from bench.visits import visit

Case = tuple[Running, Load]
"""A variant, and the load that it gets."""


async def run(stage: Stage, groups: Sequence[Sequence[Case]], rounds: int) -> list[Visit]:
    """Visit every case of every group in each round; tell each visit on standard error.

    What is compared with each other stands in one group: it is measured within the same minute.
    Raises ProgramFailed.
    """
    visits = []
    for number in range(rounds):
        for group in groups:
            for variant, load in rotated(group, number):
                one = await visit(stage, variant, load, number)
                tell(one, rounds)
                visits.append(one)
    return visits


def tell(one: Visit, rounds: int) -> None:
    """Tell of one visit on standard error."""
    load = one.load
    pace = f"window {load.window}" if load.window else f"{load.rate:g}/s"
    if load.contacts > 1:
        pace += f", {load.contacts} contacts"
    if load.body_bytes:
        pace += f", {load.body_bytes} bytes"
    parts = [f"{one.cpu_us:.0f} us CPU/request", f"{one.rate:.0f}/s"]
    parts += [f"{name} {one.latency_ms[name]:.1f} ms" for name in ("p50", "p99") if name in one.latency_ms]
    parts += [f"FAULT: {fault}" for fault in one.faults]
    sys.stderr.write(
        f"round {one.round + 1}/{rounds}  {one.variant:<16} {load.work:<11} "
        f"LCM {load.lcm_ms:g} ms, {pace}: {', '.join(parts)}\n"
    )
    sys.stderr.flush()


def faults(visits: Sequence[Visit]) -> list[str]:
    """Return what went wrong, one line per fault with the visit in which it did."""
    return [
        f"{one.variant}, {one.load.work}, LCM {one.load.lcm_ms:g} ms, round {one.round + 1}: {fault}"
        for one in visits
        for fault in one.faults
    ]
