"""How the bridge's throughput grows, and how its queues share it.

Four parts: one process and several; the prefetch against LCM's latency, where requests in flight are rate
times latency (Little's law); agents' requests while the campaign queue is full; and what the servers bear.
"""

import argparse
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from typing import Final

from bench import rounds
from bench.beside import agents
from bench.ceilings import servers
from bench.compare import WORKS
from bench.figures import compared, spread, summarise
from bench.records import Load, Visit
from bench.report import Found, Report, Table, mib, ranged
from bench.stage import Stage
from bench.variants import Worker, running_bridge
from bridge.settings import Amqp

HELP = "throughput by processes and prefetch, agents beside campaigns, the servers (about 15 minutes)"
BY_DEFAULT: Final[int] = Amqp.model_fields["agent_prefetch"].default
"""The prefetch of a process for which nobody sets another."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which parts, how long and how often."""
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each visit")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before")
    parser.add_argument(
        "--processes", nargs="+", type=int, default=[1, 2, 4], help="the first is compared with"
    )
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
    """Compare one process of the bridge with several that share its queues. Raises ProgramFailed."""
    most = max(arguments.processes)
    workers = [
        Worker(
            name=f"{count} process{'es' if count > 1 else ''}",
            prefix=f"lcm{count}",
            prefetch=BY_DEFAULT,
            processes=count,
            cores=stage.cores.all,
        )
        for count in arguments.processes
    ]
    loads = [
        # More in flight than all can have: none ever waits for a request.
        replace(_read(arguments, window=(most + 1) * BY_DEFAULT, lcm_ms=lcm_ms), work=work)
        for lcm_ms in (0.0, *arguments.lcm_ms)
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
            servers = spread(sum(one.servers_us.values()) * one.rate / 1e6 for one in own)
            rows.append(
                [
                    f"{worker.name}, {load.work}, LCM {load.lcm_ms:g} ms",
                    ranged(summary.rate, 0),
                    ranged(gain),
                    f"{worker.processes * BY_DEFAULT / load.lcm_ms * 1000:.0f}" if load.lcm_ms else "",
                    ranged(summary.cpu_us, 0),
                    f"{summary.busy.median:.2f}",
                    f"{servers.median:.2f}",
                    f"{summary.latency_ms['p50'].median:.0f}",
                    f"{summary.latency_ms['p99'].median:.0f}",
                    mib(summary.peak_bytes / worker.processes),
                ]
            )
            figures.append(
                {
                    "processes": worker.processes,
                    "work": load.work,
                    "lcm_ms": load.lcm_ms,
                    "gain": asdict(gain),
                    "servers_busy": asdict(servers),
                    **asdict(summary),
                }
            )
    table = Table(
        title=f"by processes, prefetch {BY_DEFAULT} each: median (lowest-highest)",
        columns=[
            "bridge",
            "requests/s",
            f"over {workers[0].name}",
            "at most: prefetches / LCM",
            "CPU us/request",
            "busy cores",
            "servers and load, busy cores",
            "p50 ms",
            "p99 ms",
            "peak MiB each",
        ],
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


PARTS = {"processes": processes, "prefetch": prefetch, "agents": agents, "servers": servers}


def _read(arguments: argparse.Namespace, *, window: int, lcm_ms: float) -> Load:
    return Load(
        work="read", window=window, seconds=arguments.seconds, warm_up=arguments.warm_up, lcm_ms=lcm_ms
    )


def _rate(one: Visit) -> float:
    return one.rate
