"""The bridge beside its peers, at the same work: CPU per request, rates, latencies, memory.

Closed loop with as many requests in flight as the prefetch. With an LCM that answers at once the variants
are at their limit, and CPU per request is compared; with one that takes 20 or 200 ms, as real ones do, the
rate is bounded by the window over the latency, and the latencies are compared.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from bench import rounds
from bench.figures import Summary, spread, summarise
from bench.records import Load, Visit, Work
from bench.report import COST_COLUMNS, Report, Table, cost_row, ranged
from bench.stage import Stage
from bench.variants import (
    BARE,
    BRIDGE,
    PREFETCH,
    VARIANTS,
    Running,
    Unavailable,
    Worker,
    running_bridge,
    running_peer,
)

HELP = "the bridge beside its peers at the same work (about 20 minutes)"
WORKS: tuple[Work, ...] = ("read", "side-effect")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which variants, how long and how often."""
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--before", type=Path, help="folder of another version of the bridge, to compare")
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS), help="read, side-effect")
    parser.add_argument("--lcm-ms", nargs="+", type=float, default=[0, 20, 200], help="LCM's latencies")
    parser.add_argument("--rounds", type=int, default=5, help="rounds with LCM at 0 ms")
    parser.add_argument("--slow-rounds", type=int, default=3, help="rounds with a slower LCM")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each visit")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before")
    parser.add_argument("--window", type=int, default=PREFETCH, help="requests in flight")


async def run(stage: Stage, arguments: argparse.Namespace) -> Report:
    """Run it. Raises ProgramFailed."""
    visits: list[Visit] = []
    async with AsyncExitStack() as stack:
        variants = await start(stack, stage, arguments.variants)
        if arguments.before:
            before = Worker(name="before", prefix="before", folder=arguments.before)
            variants.append(await stack.enter_async_context(running_bridge(stage, before)))
        for lcm_ms in arguments.lcm_ms:
            loads = [
                Load(
                    work=work,
                    window=arguments.window,
                    seconds=arguments.seconds,
                    warm_up=arguments.warm_up,
                    lcm_ms=lcm_ms,
                )
                for work in arguments.works
            ]
            times = arguments.slow_rounds if lcm_ms else arguments.rounds
            groups = [[(variant, load) for variant in variants] for load in loads]
            visits += await rounds.run(stage, groups, times)
    names = [variant.name for variant in variants]
    tables, figures = [], []
    for lcm_ms in arguments.lcm_ms:
        for work in arguments.works:
            chosen = [one for one in visits if one.load.work == work and one.load.lcm_ms == lcm_ms]
            sums = by_variant(chosen, names)
            tables += [_table(work, lcm_ms, sums), _servers(work, lcm_ms, chosen, names)]
            figures += [
                {"variant": name, "work": work, "lcm_ms": lcm_ms, **asdict(summary)}
                for name, summary in sums.items()
            ]
    return Report(
        experiment="compare", tables=tables, figures=figures, visits=visits, faults=rounds.faults(visits)
    )


async def start(stack: AsyncExitStack, stage: Stage, names: Sequence[str]) -> list[Running]:
    """Start the variants of these names; say on standard error which cannot be run here.

    Raises ProgramFailed.
    """
    started = []
    for name in names:
        if name == BRIDGE.name:
            started.append(await stack.enter_async_context(running_bridge(stage, Worker())))
            continue
        try:
            started.append(await stack.enter_async_context(running_peer(stage, VARIANTS[name])))
        except Unavailable as missing:
            sys.stderr.write(f"LEFT OUT: {missing}\n")
    return started


def by_variant(visits: Sequence[Visit], names: Sequence[str]) -> dict[str, Summary]:
    """Sum up visits with the same load by variant, compared with (a) where that took part."""
    base = [one for one in visits if one.variant == BARE.name]
    return {name: summarise([one for one in visits if one.variant == name], base) for name in names}


def _table(work: Work, lcm_ms: float, sums: dict[str, Summary]) -> Table:
    notes = ["requests/s per core = 1,000,000 / CPU us; busy: cores that the variant used"]
    return Table(
        title=f"{work}, LCM answers after {lcm_ms:g} ms: median (lowest-highest) of the rounds",
        columns=["variant", *COST_COLUMNS],
        rows=[[name, *cost_row(summary)] for name, summary in sums.items()],
        notes=notes,
    )


def _servers(work: Work, lcm_ms: float, visits: Sequence[Visit], names: Sequence[str]) -> Table:
    servers = list(visits[0].servers_us)
    rows = []
    for name in names:
        own = [one for one in visits if one.variant == name]
        costs = [spread(one.servers_us[server] for one in own) for server in servers]
        rows.append([name, *(ranged(cost, 0) for cost in costs)])
    return Table(
        title=f"{work}, LCM answers after {lcm_ms:g} ms: CPU us/request of what each variant works with",
        columns=["variant", *servers],
        rows=rows,
    )
