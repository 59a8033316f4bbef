"""What goes wrong in clusters: nodes are killed, come back, and are members again when a fault is over."""

import asyncio
import itertools
import time

from chaos.forgetful import repeat
from chaos.sites import Inject, Site
from chaos.times import Times, percentile
from cluster.rabbits import RabbitCluster
from cluster.redises import Replicated, Sharded

RECOVERY_SECONDS = 60.0
MINORITY_SECONDS = 6.0


def leader_killed(cluster: RabbitCluster) -> Inject:
    """SIGKILL to the node that leads a request queue: each time another of the two."""
    turns = itertools.count()

    async def leader_killed(site: Site) -> None:
        node = await cluster.leader(site.request_queues[next(turns) % 2])
        outage = site.books.times.begin("leader of a request queue killed")
        await node.kill()
        await outage.over(RECOVERY_SECONDS)
        await asyncio.sleep(site.between(0.5, 3))
        await cluster.bring_back(node)
        site.books.times.end(outage)
        for queue in site.request_queues:
            await cluster.replicated(queue)

    return leader_killed


def majority_killed(cluster: RabbitCluster) -> Inject:
    """SIGKILL to two of three nodes: the third one serves nobody until one is back."""

    async def majority_killed(site: Site) -> None:
        outage = site.books.times.begin("two of three nodes killed")
        killed = site.rng.sample(cluster.nodes, 2)
        await asyncio.gather(*(node.kill() for node in killed))
        await asyncio.sleep(MINORITY_SECONDS)
        await asyncio.gather(*(node.start() for node in killed))
        await outage.over(RECOVERY_SECONDS)
        await cluster.whole()
        site.books.times.end(outage)
        for queue in site.request_queues:
            await cluster.replicated(queue)

    return majority_killed


def master_killed(redis: Replicated | Sharded, behind: float = 0) -> Inject:
    """SIGKILL to a Redis master, and what was done last is asked for again when a replica has taken over.

    For so many seconds before, the replicas fall ``behind``: as they may where the network between is slow.
    """

    async def master_killed(site: Site) -> None:
        master = site.rng.choice(await redis.masters())
        if behind and isinstance(redis, Replicated):
            await redis.fall_behind()
            await asyncio.sleep(behind)
        outage = site.books.times.begin("Redis master killed", side_effects=True)
        await master.kill()
        await redis.replaced(master)
        await outage.over(RECOVERY_SECONDS)
        await repeat(site)
        await asyncio.sleep(site.between(0.5, 2))
        await redis.bring_back(master)
        site.books.times.end(outage)

    return master_killed


class Windows:
    """Stretches of a run with and without a roll, by which the one is compared with the other."""

    def __init__(self) -> None:
        self.quiet: list[tuple[float, float]] = []
        self.rolling: list[tuple[float, float]] = []

    async def leave_alone(self, site: Site) -> None:
        """Do nothing, for about as long as a roll takes."""
        began = time.monotonic()
        await asyncio.sleep(site.between(5, 7))
        self.quiet.append((began, time.monotonic()))

    async def roll(self, site: Site) -> None:
        """Replace every worker, as a new version is rolled out."""
        began = time.monotonic()
        await site.fleet.roll()
        self.rolling.append((began, time.monotonic()))

    def report(self, times: Times) -> list[str]:
        """Return p50 and p99 of the answered requests during the roll, beside those without one."""
        quiet, rolling = (
            [seconds for window in windows for seconds in times.between(*window)]
            for windows in (self.quiet, self.rolling)
        )
        lines = [
            f"{title}: {len(windows)} times, {sum(last - first for first, last in windows):.0f} s,"
            f" {len(waits)} answered: p50 {1000 * percentile(waits, 0.5):.1f} ms,"
            f" p99 {1000 * percentile(waits, 0.99):.1f} ms, longest {1000 * max(waits, default=0):.0f} ms"
            for title, windows, waits in (
                ("without a roll", self.quiet, quiet),
                ("three workers replaced", self.rolling, rolling),
            )
        ]
        ratios = [percentile(rolling, share) / percentile(quiet, share) for share in (0.5, 0.99)]
        return [*lines, f"ratio: p50 {ratios[0]:.2f}, p99 {ratios[1]:.2f}"]


def rolled_while_the_leader_dies(cluster: RabbitCluster) -> Inject:
    """Replace every worker, and meanwhile kill the node that leads a request queue."""
    kill = leader_killed(cluster)

    async def rolled_while_the_leader_dies(site: Site) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(site.fleet.roll())
            await asyncio.sleep(site.between(0.5, 3))
            await kill(site)

    return rolled_while_the_leader_dies
