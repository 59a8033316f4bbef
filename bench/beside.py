"""Agents' requests beside a full campaign queue, in one process with it and in one of their own."""

import argparse
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from typing import Final

from bench import rounds
from bench.figures import Spread, compared, spread
from bench.records import Load, Visit
from bench.report import Found, Table, ranged
from bench.stage import Stage
from bench.variants import PREFETCH, Worker, running_bridge
from bridge.settings import Amqp, Lcm

AGENT, CAMPAIGN = "BRIDGE_AMQP__AGENT_PREFETCH", "BRIDGE_AMQP__CAMPAIGN_PREFETCH"
AS_BY_DEFAULT: Final = {
    AGENT: str(Amqp.model_fields["agent_prefetch"].default),
    CAMPAIGN: str(Amqp.model_fields["campaign_prefetch"].default),
    "BRIDGE_LCM__CONCURRENCY": str(Lcm.model_fields["concurrency"].default),
}
"""The bounds of a worker for which nobody sets others."""
WORKERS: Final = (
    Worker(name="1 worker of both", prefix="both", settings=AS_BY_DEFAULT),
    Worker(
        name="a worker of each", prefix="each", settings=AS_BY_DEFAULT, each=({CAMPAIGN: "0"}, {AGENT: "0"})
    ),
)
START_SECONDS = 6.0
"""Seconds that a load beside another one begins earlier and ends later."""
COLUMNS = ("p50 ms", "p50 over alone", "p99 ms", "p99 over alone", "campaign requests/s", "busy")


async def agents(stage: Stage, arguments: argparse.Namespace) -> Found:
    """Measure agents' requests alone and while the campaign queue is full. Raises ProgramFailed."""
    groups = []
    async with AsyncExitStack() as stack:
        # Two processes on one core take turns, as two kinds of requests do in one process.
        workers = [replace(worker, cores=stage.cores.all) for worker in WORKERS]
        variants = [await stack.enter_async_context(running_bridge(stage, worker)) for worker in workers]
        for lcm_ms in arguments.lcm_ms:
            loads = _loads(arguments, lcm_ms)
            groups.append([(variant, load) for variant in variants for load in loads])
        visits = await rounds.run(stage, groups, arguments.rounds)
    rows, figures = [], []
    for group in groups:
        for variant, load in group:
            own = _of(visits, variant.name, load)
            alone = _of(visits, variant.name, next(one for _, one in group if one.beside is None))
            kept: dict[str, Spread] = {"busy": spread(one.busy for one in own)}
            if load.beside:
                kept["campaign requests/s"] = spread(one.beside["rate"] for one in own if one.beside)
            for key in ("p50", "p99"):
                kept[f"{key} ms"] = spread(one.latency_ms[key] for one in own)
                kept[f"{key} over alone"] = compared(own, alone, _latency(key))
            beside = "beside campaigns" if load.beside else "alone"
            figures.append(
                {"workers": variant.name, "agents": beside, "lcm_ms": load.lcm_ms}
                | {key: asdict(value) for key, value in kept.items()}
            )
            name = f"{variant.name}, {beside}, LCM {load.lcm_ms:g} ms"
            rows.append([name, *(ranged(kept.get(column), 2) for column in COLUMNS)])
    table = Table(
        title=f"agents at {arguments.agent_rate:g}/s, open loop, campaign queue never empty: "
        "median (lowest-highest)",
        columns=["agents' requests", *COLUMNS],
        rows=rows,
        notes=[
            "each queue with the default prefetch; NOT pinned to one core: the workers have cores",
            f"{sorted(stage.cores.all)}, of which RabbitMQ, Redis, the stand-in and the load take their part",
        ],
    )
    return Found(table, figures, visits)


def _loads(arguments: argparse.Namespace, lcm_ms: float) -> list[Load]:
    seconds, warm_up = max(10.0, arguments.seconds), arguments.warm_up
    campaign = Load(
        work="side-effect",
        window=2 * PREFETCH,  # more than its prefetch: some always wait in the queue
        seconds=seconds + warm_up + START_SECONDS,
        warm_up=warm_up,
        lcm_ms=lcm_ms,
    )
    return [
        Load(
            work="read",
            rate=arguments.agent_rate,
            seconds=seconds,
            warm_up=warm_up,
            lcm_ms=lcm_ms,
            beside=beside,
        )
        for beside in (None, campaign)
    ]


def _of(visits: list[Visit], variant: str, load: Load) -> list[Visit]:
    return [one for one in visits if one.variant == variant and one.load == load]


def _latency(percentile: str) -> Callable[[Visit], float]:
    return lambda one: one.latency_ms[percentile]
