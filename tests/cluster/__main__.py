"""``python -m cluster``: nodes of clusters are killed under load, workers are replaced, and the sums hold."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
import tempfile

from chaos.run import Outcome, Plan, Servers, run
from cluster.faults import leader_killed, majority_killed, rolled_while_the_leader_dies
from cluster.rabbits import RabbitCluster

from bridge.demo.servers import PrivateRedis

Part = Callable[[int], Awaitable[bool]]
QUORUM = {"x-queue-type": "quorum"}


async def rabbitmq(seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="lcm-bridge-cluster-") as folder:
        async with (
            RabbitCluster(Path(folder)) as cluster,
            PrivateRedis(arguments=("--appendfsync", "always")) as redis,
        ):
            servers = Servers(
                prefix="cluster",
                rabbits=cluster.nodes,
                ctl=cluster.ctl,
                redis=redis,
                redis_url=redis.url,
                queue_arguments=QUORUM,
            )
            faults = {
                "leader killed": leader_killed(cluster),
                "two of three nodes killed": majority_killed(cluster),
                "leader killed during a roll": rolled_while_the_leader_dies(cluster),
            }
            plan = Plan(
                seed=seed,
                title="RabbitMQ cluster",
                servers=servers,
                rounds=int(sys.argv[2]) if len(sys.argv) > 2 else 3,
                rate=60,
                faults=("leader killed",),
                more_faults=faults,
                keep=True,
            )
            if len(sys.argv) > 3:
                plan = replace(plan, faults=tuple(sys.argv[3].split(",")))
            outcome = await run(plan, _print)
    return outcome.passed


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(rabbitmq(int(sys.argv[1]))) else 1)
