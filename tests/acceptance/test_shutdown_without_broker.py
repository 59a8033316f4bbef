"""How a worker ends when the broker reads nothing any more: in time, however long its heartbeat is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.alarm import memory_alarm
from support.envelopes import od
from support.permitted import rabbit_with_users, url_for_sites
from support.site import Site, open_site
from support.worker import BOUND, until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

SETTINGS = {
    "BRIDGE_AMQP__HEARTBEAT": "300",
    "BRIDGE_AMQP__PUBLISH_TIMEOUT": "0.5",
    "BRIDGE_CONTACTS__FRESH_FOR": "0",
    "BRIDGE_LCM__TIMEOUT": "4",
    "BRIDGE_SHUTDOWN__GRACE": "5",
}


@pytest.fixture(scope="module")
async def own_rabbit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateRabbit]:
    """Run a RabbitMQ that may be frozen and short of memory."""
    async with rabbit_with_users(tmp_path_factory.mktemp("rabbit") / "users") as server:
        yield server


@pytest.fixture
async def exposed(
    own_rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path
) -> AsyncIterator[Site]:
    """Run a site on that RabbitMQ, which reads again afterwards."""
    async with AsyncExitStack() as stack:
        yield await open_site(
            stack, url_for_sites(own_rabbit), redis_server.url, tmp_path, None, SETTINGS, ready=True
        )
        own_rabbit.resume()


async def hanging_read(site: Site) -> asyncio.Task[object]:
    """Ask for a read whose call hangs in LCM; give the waiting requester."""
    site.simulator.faults.put(Fault(kind="hang", count=1))
    waiting: asyncio.Task[object] = asyncio.create_task(site.widget.ask(od("testagent"), bound=90))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    return waiting


async def test_a_frozen_broker_and_nothing_to_do(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """Nobody confirms the end of anything, and nothing is left to be done: exit 0."""
    own_rabbit.pause()

    assert 0 == await exposed.worker.stop()


async def test_a_frozen_broker_and_a_reply_under_way(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """The reply is never confirmed: exit 1 after the grace, and the next worker answers."""
    asked = await hanging_read(exposed)
    own_rabbit.pause()
    exposed.simulator.release()

    assert 1 == await exposed.worker.stop()

    own_rabbit.resume()
    await exposed.worker.start()
    await asyncio.wait_for(asked, BOUND)


async def test_a_memory_alarm_and_a_reply_under_way(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """The broker takes neither the reply nor the end of the connection: exit 1 after the grace."""
    assert 0 == await exposed.worker.stop()
    asked = asyncio.create_task(exposed.widget.ask(od("testagent"), bound=90))
    queue = f"{exposed.prefix}.requests.agent"
    async with asyncio.timeout(BOUND):
        while not (
            await exposed.widget.channel.declare_queue(queue, passive=True)
        ).declaration_result.message_count:
            await asyncio.sleep(0.02)
    async with memory_alarm(own_rabbit):
        await exposed.worker.start()
        await exposed.worker.until_logged("amqp.blocked")
        assert 1 == await exposed.worker.stop()

    await exposed.worker.start()
    await asyncio.wait_for(asked, BOUND)
