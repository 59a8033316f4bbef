"""What a channel publishes first to a queue whose leader has died, RabbitMQ 3.10 refuses, and so for ever.

Whoever believes that takes the queue for a full one, and gives the reply up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aio_pika.abc import AbstractIncomingMessage
from cluster.rabbits import RabbitCluster, RabbitNode
from support.connecting import connect
from support.envelopes import dial, od
from support.requester import BOUND
from support.site import Site, name_of_letters, open_site

from bridge.demo.servers import PrivateRedis

QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}


@pytest.fixture
async def site(cluster: RabbitCluster, redis_server: PrivateRedis, tmp_path: Path) -> AsyncIterator[Site]:
    """Run a bridge that is connected to the first node alone, where its own queues are led."""
    async with AsyncExitStack() as stack:
        yield await open_site(stack, cluster.nodes[0].url, redis_server.url, tmp_path, None, {}, ready=True)


@asynccontextmanager
async def killed(cluster: RabbitCluster, node: RabbitNode) -> AsyncIterator[None]:
    """Kill a node for the length of a block."""
    await node.kill()
    try:
        yield
    finally:
        await cluster.bring_back(node)


async def declare_on(node: RabbitNode, cluster: RabbitCluster, name: str) -> None:
    """Declare a quorum queue that a node leads, with members on all others."""
    async with await connect(node.url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(name, durable=True, arguments=QUORUM)
        await cluster.replicated(name)
        assert node is await cluster.leader(name)


async def consume(site: Site, name: str) -> asyncio.Queue[AbstractIncomingMessage]:
    """Take what comes to a queue. This begins before its leader dies: later, it would be turned away."""
    taken: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    queue = await site.widget.channel.get_queue(name, ensure=False)
    await queue.consume(taken.put, no_ack=True)
    return taken


async def test_a_reply_to_a_queue_whose_leader_has_died(cluster: RabbitCluster, site: Site) -> None:
    """The reply arrives, by a channel that confirmed others' and is only refused this one."""
    name = f"replies-{name_of_letters()}"
    await declare_on(cluster.nodes[1], cluster, name)
    replies = await consume(site, name)
    await site.widget.ask(od("nobody"))

    async with killed(cluster, cluster.nodes[1]), asyncio.timeout(BOUND):
        await site.widget.publish(od("nobody"), correlation_id="after", reply_to=name)
        reply = await replies.get()

    assert "after" == reply.correlation_id
    assert [] == site.worker.events("request.dead_lettered")


async def test_an_event_to_a_queue_whose_leader_has_died(cluster: RabbitCluster, site: Site) -> None:
    """The event arrives, and the request is no dead letter."""
    name = f"events-{name_of_letters()}"
    await declare_on(cluster.nodes[1], cluster, name)
    events = await consume(site, name)
    await (await site.widget.channel.get_queue(name, ensure=False)).bind(f"{site.prefix}.events", "#")

    async with killed(cluster, cluster.nodes[1]), asyncio.timeout(BOUND):
        await site.widget.publish(dial(), correlation_id="after")
        event = await events.get()

    assert "after" == event.correlation_id
    assert [] == site.worker.events("request.dead_lettered")


async def test_a_reply_to_a_classic_queue_of_a_node_that_is_away(cluster: RabbitCluster, site: Site) -> None:
    """The reply is gone: RabbitMQ 3 takes it for one to no queue, 4 for one to a full queue."""
    name = f"replies-{name_of_letters()}"
    async with await connect(cluster.nodes[1].url) as connection:
        await (await connection.channel()).declare_queue(name, durable=True)
    old = (await cluster.ctl("version")).startswith("3.")

    async with killed(cluster, cluster.nodes[1]):
        await site.widget.publish(od("nobody"), reply_to=name)
        await site.worker.until_logged("request.settled")

    returned = [event["reply_to"] for event in site.worker.events("reply.unroutable")]
    letters = [event["reason"] for event in site.worker.events("request.dead_lettered")]
    assert (([name], []) if old else ([], ["retries-exhausted"])) == (returned, letters)
