"""Whether a request's cost and the bridge's memory grow: with the backlog, contacts, agents, and the body.

Each part compares with its first size, within the round. LCM answers at once.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench import backlog, rounds
from bench.figures import Spread, compared, rotated, spread
from bench.records import Load, Visit
from bench.report import Report, Table, mib, ranged
from bench.stage import Stage
from bench.variants import PREFETCH, Running, Worker, running_bridge
from bench.visits import visit

HELP = "cost and memory by backlog, contacts, agents and body (about 10 minutes; --quick: 7)"
CACHED_FOR = "3600"  # seconds: longer than it is measured
BACKLOGS, QUICK_BACKLOGS = (10_000, 100_000, 500_000), (10_000, 50_000)
CONTACTS = (1, 10, 100)
AGENTS, QUICK_AGENTS = (1, 1_000, 50_000), (1, 1_000, 5_000)
BODIES = (512, 4_096, 16_384, 65_536)
FILLS = 6
"""Attempts to fill the cache, each twice as long as the one before."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size of what grows: how it is called, and its visits, one for each round."""

    name: str
    visits: Sequence[Visit]


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured by one thing that grows, the smallest size first."""

    title: str
    sizes: Sequence[Size]
    notes: Sequence[str] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which parts, how long and how often."""
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="smaller backlogs, fewer agents")
    parser.add_argument("--backlogs", nargs="+", type=int, help="in place of the usual ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each visit")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before")


async def run(stage: Stage, arguments: argparse.Namespace) -> Report:
    """Run it. Raises ProgramFailed."""
    parts = {name: await PARTS[name](stage, arguments) for name in arguments.parts}
    visits = [one for part in parts.values() for size in part.sizes for one in size.visits]
    return Report(
        experiment="growth",
        tables=[_table(part) for part in parts.values()],
        figures={name: _figures(part) for name, part in parts.items()},
        visits=visits,
        faults=rounds.faults(visits),
    )


async def backlogs(stage: Stage, arguments: argparse.Namespace) -> Part:
    """Let a worker start before a queue of so many creations, which stays as long. Raises ProgramFailed."""
    load = replace(_load(arguments), work="side-effect")
    counts = arguments.backlogs or (QUICK_BACKLOGS if arguments.quick else BACKLOGS)
    found: dict[int, list[Visit]] = {count: [] for count in counts}
    for number in range(arguments.rounds):
        for count in rotated(counts, number):
            one = await backlog.visit(stage, Worker(), replace(load, window=count), number)
            rounds.tell(one, arguments.rounds)
            found[count].append(one)
    return Part(
        "creations by backlog, which was there before the worker started and is kept as long",
        [Size(f"{count:,} waiting", visits) for count, visits in found.items()],
    )


async def contacts(stage: Stage, arguments: argparse.Namespace) -> Part:
    """Read replies with more and more contacts. Raises ProgramFailed."""
    loads = {f"{count} contacts": replace(_load(arguments), contacts=count) for count in CONTACTS}
    return Part(
        "reads by contacts in the reply",
        await _one_bridge(stage, arguments, loads),
        ["one contact is GetReservedContactOD, several are GetReservedManualDialContact"],
    )


async def bodies(stage: Stage, arguments: argparse.Namespace) -> Part:
    """Create contacts by larger and larger requests. Raises ProgramFailed."""
    load = replace(_load(arguments), work="side-effect")
    loads = {f"{size / 1024:g} KiB": replace(load, body_bytes=size) for size in BODIES}
    return Part(
        "creations by body of the request",
        await _one_bridge(stage, arguments, loads),
        ["a creation has at least about 0.6 KiB"],
    )


async def agents(stage: Stage, arguments: argparse.Namespace) -> Part:
    """Answer reads from the cache, with more and more agents in it. Raises ProgramFailed."""
    counts = QUICK_AGENTS if arguments.quick else AGENTS
    load = replace(_load(arguments), asks_lcm="never", keep_redis=True)
    used: dict[int, int] = {}
    await stage.redis.flushall()
    async with AsyncExitStack() as stack:
        group = []
        for count in counts:
            worker = Worker(
                name=f"{count:,} agents",
                prefix=f"agents-{count}",
                settings={"BRIDGE_CONTACTS__FRESH_FOR": CACHED_FOR},
            )
            bridge = await stack.enter_async_context(running_bridge(stage, worker))
            before = await _redis_bytes(stage)
            filling = await _fill(stage, bridge, replace(load, agents=count))
            used[count] = await _redis_bytes(stage) - before
            group.append((bridge, replace(load, agents=count)))
            if filling.faults:
                return Part("reads from the cache by agents in it", [Size(worker.name, [filling])])
        visits = await rounds.run(stage, [group], arguments.rounds)
    return Part(
        "reads from the cache by agents in it (LCM is not asked)",
        [Size(bridge.name, [one for one in visits if one.variant == bridge.name]) for bridge, _ in group],
        [f"Redis took {size / count:,.0f} bytes per agent for {count:,}" for count, size in used.items()],
    )


PARTS = {"backlog": backlogs, "contacts": contacts, "agents": agents, "body": bodies}


def _load(arguments: argparse.Namespace) -> Load:
    return Load(work="read", window=PREFETCH, seconds=arguments.seconds, warm_up=arguments.warm_up)


async def _one_bridge(stage: Stage, arguments: argparse.Namespace, loads: dict[str, Load]) -> list[Size]:
    async with running_bridge(stage, Worker()) as bridge:
        group = [(bridge, load) for load in loads.values()]
        visits = await rounds.run(stage, [group], arguments.rounds)
    return [Size(name, [one for one in visits if one.load == load]) for name, load in loads.items()]


async def _fill(stage: Stage, bridge: Running, load: Load) -> Visit:
    """Have each agent's contact cached. Raises ProgramFailed."""
    sys.stderr.write(f"filling the cache with {load.agents} agents\n")
    load = replace(load, asks_lcm="sometimes", warm_up=0.0, seconds=1.0 + load.agents / 1000)
    for _ in range(FILLS):
        one = await visit(stage, bridge, load)
        if one.faults or one.sent >= load.agents:
            return one
        load = replace(load, seconds=2 * load.seconds)
    return replace(one, faults=[f"{one.sent} of {load.agents} agents were asked for in {load.seconds:g} s"])


async def _redis_bytes(stage: Stage) -> int:
    return int((await stage.redis.info("memory"))["used_memory"])


def _cpu(one: Visit) -> float:
    return one.cpu_us


def _sums(part: Part) -> list[tuple[Size, dict[str, Spread]]]:
    first = part.sizes[0].visits
    return [
        (
            size,
            {
                "cpu_us": spread(one.cpu_us for one in size.visits),
                "ratio": compared(size.visits, first, _cpu),
                "rate": spread(one.rate for one in size.visits),
                "busy": spread(one.busy for one in size.visits),
                "peak_bytes": spread(one.peak_bytes for one in size.visits),
                "resident_bytes": spread(one.resident_bytes for one in size.visits),
            },
        )
        for size in part.sizes
    ]


def _figures(part: Part) -> list[dict[str, Any]]:
    return [
        {"size": size.name, **{name: asdict(value) for name, value in sums.items()}}
        for size, sums in _sums(part)
    ]


def _table(part: Part) -> Table:
    rows = [
        [
            size.name,
            ranged(sums["cpu_us"], 0),
            ranged(sums["ratio"]),
            f"{sums['rate'].median:.0f}",
            f"{sums['busy'].median:.2f}",
            mib(sums["peak_bytes"].high),
            mib(sums["resident_bytes"].median),
        ]
        for size, sums in _sums(part)
    ]
    return Table(
        title=f"{part.title}: median (lowest-highest)",
        columns=["", "CPU us/request", "over the first", "requests/s", "busy", "peak MiB", "MiB afterwards"],
        rows=rows,
        notes=part.notes,
    )
