"""What a request costs RabbitMQ and Redis, and what Redis keeps of it.

A server's CPU per request says how many requests a core of it bears. The echo, which answers without LCM and
Redis, drives RabbitMQ alone: one quorum queue on one node, with one consumer and with several.
"""

import argparse
from contextlib import AsyncExitStack
from dataclasses import asdict

from bench import rounds
from bench.compare import WORKS
from bench.figures import spread, summarise
from bench.records import Load, Visit
from bench.report import Found, Table, ranged
from bench.stage import Stage
from bench.variants import VARIANTS, Worker, running_bridge, running_peer
from bench.visits import visit

ECHO = VARIANTS["echo"]


async def servers(stage: Stage, arguments: argparse.Namespace) -> Found:
    """Measure what a request costs RabbitMQ and Redis. Raises ProgramFailed."""
    window = 2 * Worker().prefetch
    loads = [
        Load(work=work, window=window, seconds=arguments.seconds, warm_up=arguments.warm_up) for work in WORKS
    ]
    visits: list[Visit] = []
    kept: dict[tuple[str, str], list[dict[str, float]]] = {}
    async with AsyncExitStack() as stack:
        variants = [await stack.enter_async_context(running_bridge(stage, Worker()))]
        variants += [
            await stack.enter_async_context(running_peer(stage, ECHO, count)) for count in arguments.processes
        ]
        for number in range(arguments.rounds):
            for load in loads:
                for variant in variants:
                    before = await _redis(stage)
                    one = await visit(stage, variant, load, number)
                    after = await _redis(stage)
                    rounds.tell(one, arguments.rounds)
                    visits.append(one)
                    per_request = {key: (after[key] - before[key]) / one.sent for key in after}
                    kept.setdefault((variant.name, load.work), []).append(per_request)
    rows, figures = [], []
    for (name, work), redis in kept.items():
        own = [one for one in visits if one.variant == name and one.load.work == work]
        summary = summarise(own)
        costs = {key: spread(one.servers_us[key] for one in own) for key in ("rabbitmq", "redis")}
        commands, held = (spread(one[key] for one in redis) for key in ("commands", "bytes"))
        rows.append(
            [
                f"{name}, {work}",
                ranged(summary.rate, 0),
                ranged(costs["rabbitmq"], 0),
                ranged(costs["redis"], 0),
                f"{commands.median:.1f}",
                f"{held.median:.0f}",
            ]
        )
        figures.append(
            {
                "variant": name,
                "work": work,
                "servers_us": {key: asdict(cost) for key, cost in costs.items()},
                "redis_commands": asdict(commands),
                "redis_bytes": asdict(held),
                **asdict(summary),
            }
        )
    table = Table(
        title="what a request costs the servers, LCM answers at once: median (lowest-highest)",
        columns=[
            "variant",
            "requests/s",
            "RabbitMQ us/request",
            "Redis us/request",
            "Redis commands/request",
            "Redis bytes kept/request",
        ],
        rows=rows,
        notes=[
            "the servers and the load share one core; commands that a script runs are counted too",
            "the echo x N is N consumers of one quorum queue",
        ],
    )
    return Found(table, figures, visits)


async def _redis(stage: Stage) -> dict[str, float]:
    """Return how many commands Redis ran so far, and the bytes that it holds."""
    info = await stage.redis.info()
    return {"commands": float(info["total_commands_processed"]), "bytes": float(info["used_memory"])}
