"""How the bridge's throughput grows, and how its queues share it.

Three parts: one process and two; the prefetch against LCM's latency, where requests in flight are rate times
latency (Little's law); and agents' requests while the campaign queue is full.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from bench import rounds
from bench.compare import WORKS
from bench.figures import Spread, compared, spread, summarise
from bench.records import Load, Visit
from bench.report import Report, Table, mib, ranged
from bench.stage import Stage
from bench.variants import PREFETCH, Worker, running_bridge
from bridge.settings import Amqp, Lcm

HELP = "throughput by processes and prefetch, agents beside campaigns (about 10 minutes)"
AS_BY_DEFAULT: Final = {
    "BRIDGE_AMQP__AGENT_PREFETCH": str(Amqp.model_fields["agent_prefetch"].default),
    "BRIDGE_AMQP__CAMPAIGN_PREFETCH": str(Amqp.model_fields["campaign_prefetch"].default),
    "BRIDGE_LCM__CONCURRENCY": str(Lcm.model_fields["concurrency"].default),
}
"""The bounds of a worker for which nobody sets others."""
START_SECONDS = 6.0
"""Seconds that a load beside another one begins earlier and ends later."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a part found: its table, its figures as JSON can hold them, its visits."""

    table: Table
    figures: Any
    visits: Sequence[Visit]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which parts, how long and how often."""
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each visit")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before")
    parser.add_argument("--prefetches", nargs="+", type=int, default=[10, 50, 100, 200, 500])
    parser.add_argument("--lcm-ms", nargs="+", type=float, default=[20.0, 200.0], help="LCM's latencies")
    parser.add_argument("--agent-rate", type=float, default=50.0, help="agents' requests/s beside campaigns")


async def run(stage: Stage, arguments: argparse.Namespace) -> Report:
    """Run it. Raises ProgramFailed."""
    found = {name: await PARTS[name](stage, arguments) for name in arguments.parts}
    visits = [one for part in found.values() for one in part.visits]
    return Report(
        experiment="scaling",
        tables=[part.table for part in found.values()],
        figures={name: part.figures for name, part in found.items()},
        visits=visits,
        faults=rounds.faults(visits),
    )


async def processes(stage: Stage, arguments: argparse.Namespace) -> Found:
    """Compare one process of the bridge with two that share its queues. Raises ProgramFailed."""
    workers = [
        Worker(name=name, prefix=f"lcm{count}", processes=count, cores=stage.cores.all)
        for name, count in (("1 process", 1), ("2 processes", 2))
    ]
    loads = [
        # More in flight than both can have: neither ever waits for a request.
        replace(_read(arguments, window=3 * PREFETCH, lcm_ms=lcm_ms), work=work)
        for lcm_ms in (0.0, 200.0)
        for work in WORKS
    ]
    async with AsyncExitStack() as stack:
        variants = [await stack.enter_async_context(running_bridge(stage, worker)) for worker in workers]
        groups = [[(variant, load) for variant in variants] for load in loads]
        visits = await rounds.run(stage, groups, arguments.rounds)
    rows, figures = [], []
    for load in loads:
        same = [one for one in visits if one.load == load]
        base = [one for one in same if one.variant == workers[0].name]
        for worker in workers:
            own = [one for one in same if one.variant == worker.name]
            summary, gain = summarise(own), compared(own, base, _rate)
            rows.append(
                [
                    f"{worker.name}, {load.work}, LCM {load.lcm_ms:g} ms",
                    ranged(summary.rate, 0),
                    ranged(gain),
                    ranged(summary.cpu_us, 0),
                    f"{summary.busy.median:.2f}",
                    mib(summary.peak_bytes),
                ]
            )
            figures.append(
                {
                    "processes": worker.processes,
                    "work": load.work,
                    "lcm_ms": load.lcm_ms,
                    "gain": asdict(gain),
                    **asdict(summary),
                }
            )
    table = Table(
        title=f"one process and two, prefetch {PREFETCH} each: median (lowest-highest)",
        columns=["bridge", "requests/s", "over 1 process", "CPU us/request", "busy", "peak MiB"],
        rows=rows,
        notes=[
            f"NOT pinned to one core: the bridges have cores {sorted(stage.cores.all)}, of which RabbitMQ,",
            "Redis, LCM's stand-in and the load take their part",
        ],
    )
    return Found(table, figures, visits)


async def prefetch(stage: Stage, arguments: argparse.Namespace) -> Found:
    """Measure the rate by prefetch and LCM's latency. Raises ProgramFailed."""
    async with AsyncExitStack() as stack:
        variants = {}
        for number in arguments.prefetches:
            worker = Worker(name=f"prefetch {number}", prefix=f"prefetch-{number}", prefetch=number)
            variants[number] = await stack.enter_async_context(running_bridge(stage, worker))
        groups = [
            [
                (variant, _read(arguments, window=2 * number, lcm_ms=lcm_ms))
                for number, variant in variants.items()
            ]
            for lcm_ms in arguments.lcm_ms
        ]
        visits = await rounds.run(stage, groups, arguments.rounds)
    rows, figures = [], []
    for group in groups:
        for variant, load in group:
            own = [one for one in visits if one.variant == variant.name and one.load == load]
            summary, in_lcm = summarise(own), spread(one.rate * one.load.lcm_ms / 1000 for one in own)
            in_flight = spread(one.rate * one.latency_ms["p50"] / 1000 for one in own)
            number = load.window // 2
            rows.append(
                [
                    f"{variant.name}, LCM {load.lcm_ms:g} ms",
                    ranged(summary.rate, 0),
                    f"{number / load.lcm_ms * 1000:.0f}",
                    f"{in_lcm.median:.0f}",
                    f"{in_flight.median:.0f} of {load.window}",
                    f"{summary.cpu_us.median:.0f}",
                    f"{summary.busy.median:.2f}",
                    f"{summary.latency_ms['p50'].median:.0f}",
                    f"{summary.latency_ms['p99'].median:.0f}",
                    mib(summary.peak_bytes),
                ]
            )
            figures.append(
                {
                    "prefetch": number,
                    "lcm_ms": load.lcm_ms,
                    "in_lcm": asdict(in_lcm),
                    "in_flight": asdict(in_flight),
                    **asdict(summary),
                }
            )
    table = Table(
        title="reads by prefetch, window twice the prefetch: median (lowest-highest)",
        columns=[
            "bridge",
            "requests/s",
            "at most: prefetch / LCM",
            "in LCM: rate x LCM",
            "in flight: rate x p50",
            "CPU us/request",
            "busy",
            "p50 ms",
            "p99 ms",
            "peak MiB",
        ],
        rows=rows,
        notes=["Little's law: requests in flight = rate x latency; half of the window waits in the queue"],
    )
    return Found(table, figures, visits)


async def agents(stage: Stage, arguments: argparse.Namespace) -> Found:
    """Measure agents' requests alone and while the campaign queue is full. Raises ProgramFailed."""
    lcm_ms = arguments.lcm_ms[0]
    seconds, warm_up = max(10.0, arguments.seconds), arguments.warm_up
    campaign = Load(
        work="side-effect",
        window=2 * PREFETCH,  # as many again wait in the queue: it is never empty
        seconds=seconds + warm_up + START_SECONDS,
        warm_up=warm_up,
        lcm_ms=lcm_ms,
    )
    loads = {
        name: Load(
            work="read",
            rate=arguments.agent_rate,
            seconds=seconds,
            warm_up=warm_up,
            lcm_ms=lcm_ms,
            beside=beside,
        )
        for name, beside in (("alone", None), ("beside a full campaign queue", campaign))
    }
    async with running_bridge(stage, Worker(settings=AS_BY_DEFAULT)) as bridge:
        group = [(bridge, load) for load in loads.values()]
        visits = await rounds.run(stage, [group], arguments.rounds)
    by_name = {name: [one for one in visits if one.load == load] for name, load in loads.items()}
    rows, figures = [], {}
    for name, own in by_name.items():
        kept: dict[str, Spread] = {"busy": spread(one.busy for one in own)}
        if own[0].beside:
            kept["campaign requests/s"] = spread(one.beside["rate"] for one in own if one.beside)
        for key in ("p50", "p99"):
            kept[f"{key} ms"] = spread(one.latency_ms[key] for one in own)
            kept[f"{key} over alone"] = compared(own, by_name["alone"], _latency(key))
        figures[name] = {key: asdict(value) for key, value in kept.items()}
        rows.append([name, *(ranged(kept.get(column), 2) for column in AGENT_COLUMNS)])
    table = Table(
        title=f"agents at {arguments.agent_rate:g}/s, open loop, LCM {lcm_ms:g} ms: median (lowest-highest)",
        columns=["agents' requests", *AGENT_COLUMNS],
        rows=rows,
        notes=["one process, both queues with a prefetch of their own"],
    )
    return Found(table, figures, visits)


AGENT_COLUMNS = ("p50 ms", "p50 over alone", "p99 ms", "p99 over alone", "campaign requests/s", "busy")
PARTS = {"processes": processes, "prefetch": prefetch, "agents": agents}


def _read(arguments: argparse.Namespace, *, window: int, lcm_ms: float) -> Load:
    return Load(
        work="read", window=window, seconds=arguments.seconds, warm_up=arguments.warm_up, lcm_ms=lcm_ms
    )


def _rate(one: Visit) -> float:
    return one.rate


def _latency(percentile: str) -> Callable[[Visit], float]:
    return lambda one: one.latency_ms[percentile]
