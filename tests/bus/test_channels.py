"""The life of a channel on a connection that goes on, against a real broker."""

import asyncio
import gc
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from pamqp import commands, frame
from support.open_channels import Opened, open_channel

from bridge.bus.confirms import PublishChannel
from bridge.demo.servers import PrivateRabbit
from bridge.losses import cancellation_as_error
from bridge.messages import Outgoing, Properties

BOUND = 20.0


@pytest.fixture
async def opened(rabbit: PrivateRabbit) -> AsyncIterator[Opened]:
    """Open a channel."""
    async with open_channel(rabbit.url) as one:
        yield one


async def test_channels_that_have_ended_leave_nothing(opened: Opened) -> None:
    """A full reply queue costs a channel a second, on a connection that may live for months."""

    async def open_and_close(times: int) -> int:
        for _ in range(times):
            one = await opened.connection.channel(confirms=True)
            await one.close()
        gc.collect()
        return len(gc.get_objects())

    async with asyncio.timeout(BOUND):
        before = await open_and_close(5)
        after = await open_and_close(50)

    assert after - before < 50 * 10


async def test_a_connection_that_is_lost_while_it_is_blocked(opened: Opened) -> None:
    """Whoever asks for a channel meanwhile is told, and does not wait for the end of an alarm for ever."""
    blocked = frame.marshal(commands.Connection.Blocked("short of memory"), 0)
    opened.connection._opened.socket.reader.feed_data(blocked)  # noqa: SLF001 - as if the broker said so
    async with asyncio.timeout(BOUND):
        while not opened.connection.blocked:
            await asyncio.sleep(0)
        asked = asyncio.create_task(opened.connection.channel(confirms=True))
        await asyncio.sleep(0)
        opened.socket.abort()

        with pytest.raises(CONNECTION_EXCEPTIONS), cancellation_as_error():
            await asked


async def test_a_message_under_way_on_a_channel_that_retires_and_is_given_up(opened: Opened) -> None:
    """It is confirmed, and nothing stands still until then: the channel is open while others go on."""
    changed = asyncio.Event()
    channel = PublishChannel(opened.channel, BOUND, changed)
    properties = Properties(message_id=uuid4().hex)
    one = Outgoing(exchange="", routing_key="nowhere", body=b"", properties=properties, mandatory=False)
    confirm = channel.traffic.publish(one, properties)

    channel.give_up()
    retiring = asyncio.create_task(channel.retire(1.0))
    await asyncio.sleep(0)

    assert not channel.traffic.ended
    await retiring
    assert await confirm
