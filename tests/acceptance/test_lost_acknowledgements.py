"""Many acknowledgements are under way when the connection dies: none of them waits, and none raises."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import uuid4

import pytest
from support.open_channels import open_channel

from bridge.bus.delivery import ChannelSettler
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties

MANY = 40


@pytest.mark.parametrize("settle", [ChannelSettler.ack, partial(ChannelSettler.requeue, failed=True)])
async def test_settling_ends_when_the_connection_dies(
    rabbit: PrivateRabbit, settle: Callable[[ChannelSettler], Awaitable[None]]
) -> None:
    """What cannot be written any more is given up, and the delivery known to be lost."""
    async with open_channel(rabbit.url) as opened:
        queue = uuid4().hex
        await opened.channel.amqp.queue_declare(queue, exclusive=True)
        tags: asyncio.Queue[int] = asyncio.Queue()
        await opened.channel.traffic.consume(queue, lambda arrival: tags.put_nowait(arrival.tag))
        for _ in range(MANY):
            message = Outgoing(exchange="", routing_key=queue, body=b"", properties=Properties())
            opened.channel.traffic.publish(message, Properties(message_id=uuid4().hex))
        async with asyncio.timeout(20):
            settlers = [ChannelSettler(opened.channel.traffic, await tags.get()) for _ in range(MANY)]
        opened.socket.abort()
        for settler in settlers:
            await settle(settler)
        async with asyncio.timeout(20):
            await opened.channel.lost.wait()

        assert all(settler.lost for settler in settlers)
        await settle(settlers[0])
