"""``python -m cluster.parts``: nodes are killed under load, workers are replaced, and the sums must hold.

``make cluster`` runs every part, and the checks of RabbitMQ's nodes (``checks_*.py``).
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chaos.run import Outcome, run
from chaos.sites import Plan, Servers
from cluster.kills import (
    Windows,
    leader_killed,
    majority_killed,
    master_killed,
    rolled_while_the_leader_dies,
)
from cluster.rabbits import RabbitCluster
from cluster.redises import Replicated, Sharded
from support.permitted import rabbit_with_users

from bridge.demo.servers import PrivateRedis

RATE: Final = 60.0
LATENCY_MS: Final = 100.0
"""Of LCM's calls, while Redis' masters are killed: so that calls are under way in that moment."""
BEHIND: Final = "master killed, replicas behind"
BEHIND_SECONDS: Final = 0.8
QUORUM: Final[dict[str, Any]] = {"x-queue-type": "quorum"}
"""Of the clients' queues: a classic one is away while its node is."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the command line says, and the folder and the servers of all parts."""

    seed: int
    rounds: int
    keep: bool
    folder: Path
    stack: AsyncExitStack


Part = Callable[[Given], Awaitable[tuple[Outcome, list[str]]]]
"""Runs a part; returns what came of it, and what is to be said of it besides."""


async def rabbitmq(given: Given) -> tuple[Outcome, list[str]]:
    """Kill leaders of a request queue, one of three nodes; two at once; and one during a roll."""
    cluster = await given.stack.enter_async_context(RabbitCluster(given.folder / "nodes"))
    redis = await given.stack.enter_async_context(PrivateRedis())
    faults = {
        "leader killed": leader_killed(cluster),
        "two of three nodes killed": majority_killed(cluster),
        "leader killed during a roll": rolled_while_the_leader_dies(cluster),
    }
    plan = Plan(
        seed=given.seed,
        title="rabbitmq",
        servers=Servers(
            prefix="cluster",
            rabbits=cluster.nodes,
            ctl=cluster.ctl,
            redis=redis,
            redis_url=redis.url,
            queue_arguments=QUORUM,
        ),
        rate=RATE,
        rounds=1,
        faults=(*["leader killed"] * given.rounds, *list(faults)[1:]),
        more_faults=faults,
        keep=given.keep,
    )
    return await run(plan, _print), []


async def sentinel(given: Given) -> tuple[Outcome, list[str]]:
    """Kill a master that three Sentinels watch, with two replicas and ``ledger.wait_replicas = 1``."""
    return await _redis("sentinel", Replicated(), 1, given), []


async def forgetful(given: Given) -> tuple[Outcome, list[str]]:
    """Do the same with ``ledger.wait_replicas = 0``: measured, not judged."""
    return await _redis("forgetful", Replicated(), 0, given), []


async def redis_cluster(given: Given) -> tuple[Outcome, list[str]]:
    """Kill one of three masters with a replica each, with ``ledger.wait_replicas = 1``."""
    return await _redis("redis-cluster", Sharded(), 1, given), []


async def _redis(title: str, redis: Replicated | Sharded, wait: int, given: Given) -> Outcome:
    rabbit = await given.stack.enter_async_context(rabbit_with_users(given.folder / "users"))
    await given.stack.enter_async_context(redis)
    faults = {"master killed": master_killed(redis), BEHIND: master_killed(redis, behind=BEHIND_SECONDS)}
    behind = [BEHIND] if isinstance(redis, Replicated) else []
    plan = Plan(
        seed=given.seed,
        title=title,
        servers=Servers(
            prefix=title, rabbits=[rabbit], ctl=rabbit.ctl, redis=redis.nodes[0], redis_url=redis.url
        ),
        settings={"BRIDGE_LEDGER__WAIT_REPLICAS": str(wait)},
        rate=RATE,
        rounds=1,
        latency_ms=LATENCY_MS,
        faults=(*["master killed"] * given.rounds, *behind),
        more_faults=faults,
        explain_unknown=frozenset(faults),
        judged=wait > 0,
        keep=given.keep,
    )
    return await run(plan, _print)


async def rolling(given: Given) -> tuple[Outcome, list[str]]:
    """Replace every worker by another one, which is ready before its predecessor is asked to end."""
    windows = Windows()
    rabbit = await given.stack.enter_async_context(rabbit_with_users(given.folder / "users"))
    redis = await given.stack.enter_async_context(PrivateRedis())
    plan = Plan(
        seed=given.seed,
        title="rolling",
        servers=Servers(prefix="rolling", rabbits=[rabbit], ctl=rabbit.ctl, redis=redis, redis_url=redis.url),
        rate=RATE,
        rounds=given.rounds,
        faults=("left alone", "workers replaced"),
        more_faults={"left alone": windows.leave_alone, "workers replaced": windows.roll},
        keep=given.keep,
    )
    outcome = await run(plan, _print)
    return outcome, windows.report(outcome.times)


PARTS: Final[dict[str, Part]] = {
    "rabbitmq": rabbitmq,
    "sentinel": sentinel,
    "forgetful": forgetful,
    "redis-cluster": redis_cluster,
    "rolling": rolling,
}


async def main() -> int:
    """Run the parts that the command line names; return 1 if a sum of one is not 0."""
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; none: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault is injected")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    told, failed = [], False
    for name in given.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="lcm-bridge-cluster-") as folder:
            async with AsyncExitStack() as stack:
                outcome, more = await PARTS[name](
                    Given(
                        seed=given.seed,
                        rounds=given.rounds,
                        keep=given.keep,
                        folder=Path(folder),
                        stack=stack,
                    )
                )
        judged = name != "forgetful"
        failed |= judged and not outcome.passed
        verdict = ("passed" if outcome.passed else "FAILED") if judged else "measured"
        told += ["", f"{name}: {verdict}", *outcome.times.report(), *more, outcome.sums.line()]
    for line in told:
        _print(line)
    return 1 if failed else 0


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
