"""Publishes, confirms and deliveries of one channel, against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.exceptions import ChannelInvalidStateError, ChannelNotFoundEntity
from pamqp.common import FieldTable
from support.open_channels import Opened, open_channel

from bridge.bus.content import Arrival
from bridge.bus.traffic import Nacked
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties

BOUND = 20.0


@pytest.fixture
async def opened(rabbit: PrivateRabbit) -> AsyncIterator[Opened]:
    """Open a channel."""
    async with open_channel(rabbit.url) as one:
        yield one


async def make_queue(opened: Opened, arguments: FieldTable | None = None) -> str:
    """Declare a queue that goes with the connection."""
    name = uuid4().hex
    await opened.channel.amqp.queue_declare(name, exclusive=True, arguments=arguments)
    return name


def publish(
    opened: Opened, queue: str, body: bytes = b"", *, exchange: str = "", mandatory: bool = True
) -> asyncio.Future[bool]:
    """Publish a message with an id of its own."""
    properties = Properties(message_id=uuid4().hex)
    outgoing = Outgoing(
        exchange=exchange, routing_key=queue, body=body, properties=properties, mandatory=mandatory
    )
    return opened.channel.traffic.publish(outgoing, properties)


async def test_bodies_of_any_size_there_and_back(opened: Opened) -> None:
    """Empty, of one frame to the byte, and of many; in their order, each confirmed."""
    queue = await make_queue(opened)
    arrived: asyncio.Queue[Arrival] = asyncio.Queue()
    await opened.channel.traffic.consume(queue, arrived.put_nowait)
    bodies = [b"x" * size for size in (0, 1, 131_063, 131_064, 131_065, 1_000_000)]

    confirms = [publish(opened, queue, body) for body in bodies]
    async with asyncio.timeout(BOUND):
        assert [True] * len(bodies) == await asyncio.gather(*confirms)
        found = [await arrived.get() for _ in bodies]

    assert bodies == [one.body for one in found]
    assert list(range(1, len(bodies) + 1)) == [one.tag for one in found]


async def test_each_of_many_learns_its_own(opened: Opened) -> None:
    """Confirmed one by one or many at once: taken, returned and not mandatory are told apart."""
    queue = await make_queue(opened)
    arrived: asyncio.Queue[Arrival] = asyncio.Queue()
    await opened.channel.traffic.consume(queue, arrived.put_nowait)

    confirms = [
        (publish(opened, queue), publish(opened, "nowhere"), publish(opened, "nowhere", mandatory=False))
        for _ in range(500)
    ]
    async with asyncio.timeout(BOUND):
        assert [[True, False, True]] * 500 == [[await one for one in three] for three in confirms]


async def test_several_with_one_id(opened: Opened) -> None:
    """What comes back is never told to be taken; and what comes after it with its id is told the truth."""
    queue, properties = await make_queue(opened), Properties(message_id="the same")

    def publish_same(to: str) -> asyncio.Future[bool]:
        outgoing = Outgoing(exchange="", routing_key=to, body=b"", properties=properties)
        return opened.channel.traffic.publish(outgoing, properties)

    async with asyncio.timeout(BOUND):
        for _ in range(50):
            several = [publish_same(to) for to in (queue, "nowhere", queue, "nowhere")]
            _, first, _, second = await asyncio.gather(*several)
            assert (False, False) == (first, second)
            assert await publish_same(queue)
            assert not await publish_same("nowhere")


async def test_a_refusal(opened: Opened) -> None:
    """A full queue that refuses: the one publish fails, the next to another queue does not."""
    full = await make_queue(opened, {"x-max-length": 1, "x-overflow": "reject-publish"})
    queue = await make_queue(opened)

    async with asyncio.timeout(BOUND):
        assert await publish(opened, full)
        while True:  # one more than the length may get in
            try:
                await publish(opened, full)
            except Nacked:
                break
        assert await publish(opened, queue)


async def test_a_channel_that_the_broker_closes(opened: Opened) -> None:
    """All who wait fail with the broker's reason, at once; the connection and its other channels live."""
    other = await opened.connection.channel(confirms=True)
    queue = await make_queue(opened)

    confirms = [publish(opened, queue, exchange=uuid4().hex) for _ in range(20)]
    async with asyncio.timeout(BOUND):
        results = await asyncio.gather(*confirms, return_exceptions=True)

    assert {ChannelNotFoundEntity} == {type(one) for one in results}
    with pytest.raises(ChannelInvalidStateError):
        publish(opened, queue)
    assert opened.connection.alive
    assert await publish(opened._replace(channel=other), queue)


async def test_the_next_channel_has_the_number(opened: Opened) -> None:
    """Closed and opened anew, again and again, with publishes under way: each ends and is its own."""
    queue = await make_queue(opened)
    current = opened
    for _ in range(10):
        under_way = [publish(current, queue) for _ in range(20)]
        await current.channel.close()
        async with asyncio.timeout(BOUND):
            results = await asyncio.gather(*under_way, return_exceptions=True)
        assert all(one is True or isinstance(one, CONNECTION_EXCEPTIONS) for one in results), results
        current = opened._replace(channel=await opened.connection.channel(confirms=True))
        assert opened.channel.amqp.number == current.channel.amqp.number
        async with asyncio.timeout(BOUND):
            assert await publish(current, queue)


async def test_a_connection_that_dies(opened: Opened) -> None:
    """All who wait fail, and whoever comes after them."""
    queue = await make_queue(opened)
    confirms = [publish(opened, queue) for _ in range(20)]
    opened.socket.abort()

    async with asyncio.timeout(BOUND):
        results = await asyncio.gather(*confirms, return_exceptions=True)

    assert all(isinstance(one, CONNECTION_EXCEPTIONS) for one in results), results
    with pytest.raises((ConnectionError, ChannelInvalidStateError)):
        publish(opened, queue)


async def test_a_fault_in_the_callback(opened: Opened) -> None:
    """It is the one delivery's: the next is delivered, on the same connection."""
    queue = await make_queue(opened)
    arrived: asyncio.Queue[Arrival] = asyncio.Queue()

    def deliver(arrival: Arrival) -> None:
        if arrival.body == b"odd":
            raise ValueError("odd")
        arrived.put_nowait(arrival)

    await opened.channel.traffic.consume(queue, deliver)
    async with asyncio.timeout(BOUND):
        await asyncio.gather(publish(opened, queue, b"odd"), publish(opened, queue, b"good"))
        assert b"good" == (await arrived.get()).body


async def test_a_cancelled_waiter(opened: Opened) -> None:
    """Its confirm comes and is nobody's; the next one's is its own."""
    queue = await make_queue(opened)
    publish(opened, queue).cancel()

    async with asyncio.timeout(BOUND):
        assert await publish(opened, queue)
