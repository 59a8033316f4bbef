"""The end of a connection or a channel while something is under way, against a real broker."""

import asyncio
import errno
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from chaos.proxy import Proxy
from pydantic import SecretStr
from support.connecting import connect
from support.direct_replies import direct_address
from support.open_channels import Opened, open_channel
from support.permitted import url_of
from yarl import URL

from bridge.bus.connection import Connection
from bridge.bus.frames import SocketConnection
from bridge.bus.link import Link, Work
from bridge.bus.publisher import Publisher
from bridge.bus.sender import BusSender
from bridge.bus.topology import Topology
from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties
from bridge.ports import Confirmation, PublishFailed
from bridge.settings import Amqp

BOUND = 20.0


def message(queue: str, body: bytes = b"") -> Outgoing:
    """Return a message that need not find a queue, with an id of its own."""
    properties = Properties(message_id=uuid4().hex)
    return Outgoing(exchange="", routing_key=queue, body=body, properties=properties, mandatory=False)


@asynccontextmanager
async def running(publisher: Publisher, opened: Opened) -> AsyncIterator[None]:
    """Run a publisher on a connection for the length of a block."""
    task = asyncio.create_task(publisher.run(opened.connection))
    try:
        while not publisher.open:
            await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_no_route_while_the_broker_reads_too_slowly(rabbit: PrivateRabbit) -> None:
    """Whoever waits to write is told that it failed, as for any other end of a connection."""
    publisher = Publisher("replies", timeout=1.0)
    async with asyncio.timeout(BOUND), open_channel(rabbit.url) as opened, running(publisher, opened):
        large = message("nowhere", bytes(1_000_000))
        confirms = [opened.channel.traffic.publish(large, large.properties) for _ in range(100)]
        waiting = asyncio.create_task(publisher.publish(message("nowhere")))
        while not opened.channel.traffic.full or publisher._ready() is not None:  # noqa: SLF001 - told to nobody
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        opened.socket.get_protocol().connection_lost(OSError(errno.EHOSTUNREACH, "No route to host"))
        opened.socket.abort()

        with pytest.raises(PublishFailed):
            await waiting
        await asyncio.gather(*confirms, return_exceptions=True)


async def test_nothing_is_written_on_a_socket_that_has_ended(rabbit: PrivateRabbit) -> None:
    """A reply waits for the next channel, before the library finds out too, and its address is no suspect."""
    settings = Amqp(url=SecretStr(url_of(rabbit, "bridge")))
    sender = BusSender(Topology(settings, (), (), ()), timeout=BOUND)
    held: list[Connection] = []
    connection = await connect(rabbit.url)
    async with (
        asyncio.timeout(BOUND),
        connection,
        kept(settings, sender.direct.run_known, held),
        kept(settings, sender.direct.run_suspects, held),
    ):
        replies: asyncio.Queue[bytes] = asyncio.Queue()
        address = await direct_address(await connection.channel(), replies)
        while not (sender.direct._known.open and sender.direct._suspects.open):  # noqa: SLF001 - told to nobody
            await asyncio.sleep(0.01)
        for one in held:
            one._opened.socket._writer.transport.abort()  # noqa: SLF001 - to break it

        assert await sender.publish(message(address, b"the reply")) is Confirmation.CONFIRMED
        assert b"the reply" == await replies.get()


async def test_what_comes_late_for_a_channel(rabbit: PrivateRabbit) -> None:
    """Closed without the broker's answer, it still takes its frames, at which the library would stop."""
    proxy = Proxy(rabbit.port)
    await proxy.start()
    arrived: asyncio.Queue[int] = asyncio.Queue()
    url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/?heartbeat=1"
    async with asyncio.timeout(BOUND), open_channel(rabbit.url) as feeder, open_channel(url) as opened:
        queue = uuid4().hex
        await feeder.channel.amqp.queue_declare(queue, durable=True)
        await opened.channel.traffic.consume(queue, lambda one: arrived.put_nowait(one.tag))
        proxy.stall()
        sent = [message(queue) for _ in range(50)]
        await asyncio.gather(*(feeder.channel.traffic.publish(one, one.properties) for one in sent))
        await opened.channel.close()
        proxy.flow()
        for _ in sent:
            await arrived.get()
        await feeder.channel.amqp.queue_delete(queue)
    await proxy.stop()


async def test_a_message_that_was_not_confirmed_in_time(rabbit: PrivateRabbit) -> None:
    """It is not kept: a queue without a leader confirms nothing for as long as that lasts."""
    proxy = Proxy(rabbit.port)
    await proxy.start()
    publisher = Publisher("replies", timeout=0.1)
    url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/"
    async with asyncio.timeout(BOUND), open_channel(url) as opened, running(publisher, opened):
        proxy.stall()
        for _ in range(3):
            with pytest.raises(PublishFailed):
                await publisher.publish(message("the one that is looked for"))
        gc.collect()
        found = [one for one in gc.get_objects() if isinstance(one, Outgoing)]
        proxy.flow()
    await proxy.stop()

    assert "the one that is looked for" not in [one.routing_key for one in found]


async def test_a_connection_that_could_not_be_opened() -> None:
    """It is closed then: left open, it would close itself when it is collected, in a task of nobody's."""
    connection = SocketConnection(URL(f"amqp://guest:guest@127.0.0.1:{free_port()}/"))
    with pytest.raises(ConnectionError):
        await connection.connect()

    assert connection.is_closed


@asynccontextmanager
async def kept(settings: Amqp, work: Work, held: list[Connection]) -> AsyncIterator[None]:
    """Keep a connection for the length of a block, and note each that is opened."""

    async def noted(connection: Connection) -> None:
        held.append(connection)
        await work(connection)

    task = asyncio.create_task(Link("test", settings, noted, lambda: None).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
