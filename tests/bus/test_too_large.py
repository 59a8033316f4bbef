"""A message that is larger than RabbitMQ takes: it ends the channel, for everybody who publishes on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from support.open_channels import open_channel

from bridge.bus.publisher import Publisher
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties
from bridge.ports import Confirmation, PublishFailed

BOUND = 30.0
MOST = 1000


@asynccontextmanager
async def most_bytes(rabbit: PrivateRabbit) -> AsyncIterator[None]:
    """Have channels that are opened in a block take no larger messages."""
    usual = await rabbit.ctl("eval", "application:get_env(rabbit, max_message_size, 134217728).")
    await _set_most(rabbit, MOST)
    try:
        yield
    finally:
        await _set_most(rabbit, int(usual))


async def _set_most(rabbit: PrivateRabbit, size: int) -> None:
    for put in ("application:set_env(rabbit, ", "persistent_term:put("):  # where 3.10 has it, and 4
        await rabbit.ctl("eval", f"{put}max_message_size, {size}).")


def message(size: int) -> Outgoing:
    """Build a message to nowhere."""
    properties = Properties(message_id=uuid4().hex)
    return Outgoing(exchange="", routing_key="nowhere", body=b"x" * size, properties=properties)


async def test_a_message_larger_than_the_broker_takes(rabbit: PrivateRabbit) -> None:
    """It is refused for good, others are published, and the next one of its size ends no channel."""
    async with asyncio.timeout(BOUND), most_bytes(rabbit), open_channel(rabbit.url) as opened:
        publisher = Publisher("test", BOUND)
        running = asyncio.create_task(publisher.run(opened.connection))
        try:
            with pytest.raises(PublishFailed, match="more than the broker takes") as first:
                await publisher.publish(message(MOST + 1))
            assert Confirmation.UNROUTABLE is await publisher.publish(message(MOST))
            small = asyncio.create_task(publisher.publish(message(1)))
            with pytest.raises(PublishFailed, match="more than the broker takes") as second:
                await publisher.publish(message(MOST + 1))
            assert Confirmation.UNROUTABLE is await small
        finally:
            running.cancel()
            await asyncio.wait([running])

    assert ["impossible"] * 2 == [first.value.kind, second.value.kind]
