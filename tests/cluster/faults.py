"""What goes wrong in clusters: nodes are killed, come back, and are members again when a fault is over."""

import asyncio
import itertools

from chaos.faults import Inject, Site
from cluster.rabbits import RabbitCluster

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


def rolled(times: int = 1) -> Inject:
    """Replace every worker, as a new version is rolled out."""

    async def rolled(site: Site) -> None:
        for _ in range(times):
            await site.fleet.roll()

    return rolled


def rolled_while_the_leader_dies(cluster: RabbitCluster) -> Inject:
    """Replace every worker, and meanwhile kill the node that leads a request queue."""
    kill = leader_killed(cluster)

    async def rolled_while_the_leader_dies(site: Site) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(site.fleet.roll())
            group.create_task(_later(kill, site))

    return rolled_while_the_leader_dies


async def _later(inject: Inject, site: Site) -> None:
    await asyncio.sleep(site.between(0.5, 3))
    await inject(site)
