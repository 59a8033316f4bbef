"""The publisher of parked requests, against a real broker: signed, confirmed, and nothing lost on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity
from pydantic import SecretStr
from support.permitted import url_of
from support.requester import next_message
from support.site import name_of_letters
from support.worker import BOUND, until

from bridge.bus.link import Link
from bridge.bus.sender import BusSender
from bridge.bus.topology import Topology
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties
from bridge.ports import Confirmation, PublishFailed
from bridge.settings import Amqp


@asynccontextmanager
async def running(sender: BusSender, settings: Amqp) -> AsyncIterator[None]:
    """Keep a connection for a sender for the length of a block."""
    link = Link("parking", settings, sender.run, lambda: None)
    task = asyncio.create_task(link.run())
    try:
        await until(lambda: sender.open, "an open channel")
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=BOUND)


@pytest.fixture
def layout(rabbit: PrivateRabbit) -> Topology:
    """Describe a topology under a prefix of its own."""
    settings = Amqp(url=SecretStr(url_of(rabbit, "bridge")), prefix=name_of_letters(), publish_timeout=5.0)
    return Topology(settings, ["A"], ["B"], [600_000])


def parked(queue: str, *, message_id: str = "same") -> Outgoing:
    """Build a message for a delayed queue."""
    return Outgoing(
        exchange="",
        routing_key=queue,
        body=b"{}",
        properties=Properties(message_id=message_id),
        signed=True,
    )


async def publish_until_confirmed(sender: BusSender, outgoing: Outgoing) -> int:
    """Publish as the bridge does: again while it may yet succeed. Give the number of failures."""
    for failures in range(100):
        try:
            confirmation = await sender.publish(outgoing)
        except PublishFailed as error:
            if error.kind != "unconfirmed":
                raise
        else:
            assert Confirmation.CONFIRMED is confirmation
            return failures
    raise AssertionError("never confirmed")


async def test_it_bears_the_connections_own_user(channel: AbstractChannel, layout: Topology) -> None:
    """Which the broker validates."""
    sender = BusSender(layout, 5.0)
    queue = layout.retry_queue(layout.settings.agent_queue, 600_000)
    async with running(sender, layout.settings):
        await publish_until_confirmed(sender, parked(queue))

    assert "bridge" == (await next_message(await channel.get_queue(queue))).user_id


async def test_nothing_is_lost_when_the_queue_is_deleted(channel: AbstractChannel, layout: Topology) -> None:
    """A message that comes back is a failure, the queue is declared anew, and the next try succeeds."""
    sender = BusSender(layout, 5.0)
    queue = layout.retry_queue(layout.settings.agent_queue, 600_000)
    async with running(sender, layout.settings):
        await publish_until_confirmed(sender, parked(queue))
        await channel.queue_delete(queue)

        failures = await asyncio.gather(
            *(
                publish_until_confirmed(sender, parked(queue, message_id=str(number // 2)))
                for number in range(20)
            )
        )

        assert sum(failures) > 0
        found = await channel.declare_queue(queue, passive=True)
        assert 20 <= (found.declaration_result.message_count or 0)


async def test_equal_ids_do_not_wait_for_each_other(channel: AbstractChannel, layout: Topology) -> None:
    """A stranger who gives one id to many requests has nobody wait: all are under way together."""
    sender = BusSender(layout, 5.0)
    queue = layout.retry_queue(layout.settings.campaign_queue, 600_000)
    async with running(sender, layout.settings):
        await publish_until_confirmed(sender, parked(queue))
        publishing = [asyncio.create_task(sender.publish(parked(queue))) for _ in range(5)]
        await asyncio.sleep(0)
        under_way = len(sender._parked._channel.traffic.under_way)  # type: ignore[union-attr]  # noqa: SLF001 - nobody else knows
        await asyncio.gather(*publishing)

    assert 5 == under_way
    found = await channel.declare_queue(queue, passive=True)
    assert 6 == found.declaration_result.message_count


async def test_equal_ids_are_told_apart(channel: AbstractChannel, layout: Topology) -> None:
    """Several hundred, with and without the same id, all arrive, each once."""
    sender = BusSender(layout, 5.0)
    queue = layout.retry_queue(layout.settings.campaign_queue, 600_000)
    async with running(sender, layout.settings):
        await publish_until_confirmed(sender, parked(queue))
        await asyncio.gather(
            *(sender.publish(parked(queue, message_id=f"id{number % 60}")) for number in range(300))
        )

    found = await channel.declare_queue(queue, passive=True)
    assert 301 == found.declaration_result.message_count


async def test_parking_where_nothing_is_declared(channel: AbstractChannel, rabbit: PrivateRabbit) -> None:
    """With amqp.declare=false a queue that is missing is told of, and not made."""
    settings = Amqp(url=SecretStr(url_of(rabbit, "bridge")), prefix=name_of_letters(), declare=False)
    layout = Topology(settings, ["A"], ["B"], [600_000])
    sender = BusSender(layout, 0.3)
    queue = layout.retry_queue(settings.agent_queue, 600_000)
    async with running(sender, settings):
        assert Confirmation.UNROUTABLE is await sender.publish(parked(queue))

    with pytest.raises(ChannelNotFoundEntity):
        await channel.declare_queue(queue, passive=True)
