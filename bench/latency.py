"""What a request waits beside LCM, at half of the load that the bare peer sustains.

Open loop: requests are sent at their times whether or not earlier ones were answered, and latency counts from
the time that a request was due. The load that (a) sustains is measured first, in a closed loop.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial

from bench import rounds
from bench.compare import WORKS, start
from bench.figures import Spread, compared, spread
from bench.processes import ProgramFailed
from bench.records import Load, Visit
from bench.report import Report, Table, ranged
from bench.stage import Stage
from bench.variants import BARE, BRIDGE, PREFETCH, VARIANTS

HELP = "latency at half of the load that the bare peer sustains (about 5 minutes)"
PERCENTILES = ("p50", "p99")
SUSTAINED = 0.98
"""Share of the rate that must be answered for a visit to count as sustained."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which variants, how much load, how long and how often."""
    chosen = [BRIDGE.name, BARE.name]
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=chosen)
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS), help="read, side-effect")
    parser.add_argument("--lcm-ms", type=float, default=20.0, help="LCM's latency")
    parser.add_argument("--share", type=float, default=0.5, help="of the load that (a) sustains")
    parser.add_argument("--rate", type=float, default=0.0, help="requests/s in place of that share")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="measured in each visit")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long requests of one variant took, spreads over the rounds, by percentile in milliseconds.

    `added_ms` is what was added to LCM's own latency. The ratios are over (a)'s of the same round.
    """

    rate: Spread
    busy: Spread
    sustained: bool
    ms: dict[str, Spread]
    ratio: dict[str, Spread]
    added_ms: dict[str, Spread]
    added_ratio: dict[str, Spread]


async def run(stage: Stage, arguments: argparse.Namespace) -> Report:
    """Run it. Raises ProgramFailed, also when (a) is needed and cannot be run here."""
    async with AsyncExitStack() as stack:
        variants = await start(stack, stage, arguments.variants)
        bare = [variant for variant in variants if variant.name == BARE.name]
        if not bare:
            raise ProgramFailed(f"latency is compared with {BARE.name}: it must be among --variants")
        closed = [
            Load(
                work=work,
                window=PREFETCH,
                seconds=arguments.seconds,
                warm_up=arguments.warm_up,
                lcm_ms=arguments.lcm_ms,
            )
            for work in arguments.works
        ]
        visits: list[Visit] = []
        rates = dict.fromkeys(arguments.works, arguments.rate)
        if not arguments.rate:
            sys.stderr.write(f"what {BARE.name} sustains:\n")
            visits = await rounds.run(stage, [[(bare[0], load)] for load in closed], 3)
            for work in rates:
                sustained = spread(one.rate for one in visits if one.load.work == work)
                rates[work] = round(arguments.share * sustained.median)
        loads = [replace(load, window=0, rate=rates[load.work]) for load in closed]
        groups = [[(variant, load) for variant in variants] for load in loads]
        found = await rounds.run(stage, groups, arguments.rounds)
    sums = {
        work: by_variant([one for one in found if one.load.work == work], [one.name for one in variants])
        for work in rates
    }
    return Report(
        experiment="latency",
        tables=[_table(work, rates[work], arguments.lcm_ms, sums[work]) for work in rates],
        figures={
            "rates": rates,
            "waits": {work: {name: asdict(waits) for name, waits in sums[work].items()} for work in rates},
        },
        visits=[*visits, *found],
        faults=rounds.faults([*visits, *found]),
    )


def by_variant(visits: Sequence[Visit], names: Sequence[str]) -> dict[str, Waits]:
    """Sum up visits with the same load by variant. Raises ValueError when (a) is not among them."""
    base = [one for one in visits if one.variant == BARE.name]
    return {name: waits_of([one for one in visits if one.variant == name], base) for name in names}


def waits_of(visits: Sequence[Visit], base: Sequence[Visit]) -> Waits:
    """Sum up the rounds of one variant, compared with `base`. Raises ValueError as `figures.ratios`."""
    return Waits(
        rate=spread(one.rate for one in visits),
        busy=spread(one.busy for one in visits),
        sustained=all(one.rate >= SUSTAINED * one.load.rate for one in visits),
        ms={key: spread(one.latency_ms[key] for one in visits) for key in PERCENTILES},
        ratio={key: compared(visits, base, partial(_ms, key)) for key in PERCENTILES},
        added_ms={key: spread(_added_ms(key, one) for one in visits) for key in PERCENTILES},
        added_ratio={key: compared(visits, base, partial(_added_ms, key)) for key in PERCENTILES},
    )


def _ms(percentile: str, one: Visit) -> float:
    return one.latency_ms[percentile]


def _added_ms(percentile: str, one: Visit) -> float:
    return one.latency_ms[percentile] - one.load.lcm_ms


def _table(work: str, rate: float, lcm_ms: float, sums: Mapping[str, Waits]) -> Table:
    columns = ["variant", "requests/s", "busy"]
    columns += [f"{key} ms" for key in PERCENTILES]
    columns += [f"added to LCM's, {key} ms" for key in PERCENTILES]
    columns += [f"added, {key}: ratio to (a)" for key in PERCENTILES]
    rows = [
        [
            name,
            f"{waits.rate.median:.0f}",
            f"{waits.busy.median:.2f}",
            *(f"{waits.ms[key].median:.1f}" for key in PERCENTILES),
            *(ranged(waits.added_ms[key], 1) for key in PERCENTILES),
            *(ranged(waits.added_ratio[key]) for key in PERCENTILES),
        ]
        for name, waits in sums.items()
    ]
    late = [name for name, waits in sums.items() if not waits.sustained]
    return Table(
        title=f"{work}, open loop at {rate:g}/s, LCM answers after {lcm_ms:g} ms: median (lowest-highest)",
        columns=columns,
        rows=rows,
        notes=[
            "latency counts from the time that a request was due",
            *(f"{name} did not sustain it: its latencies grow with the run" for name in late),
        ],
    )
