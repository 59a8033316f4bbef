"""Whole sites for the tests that look at the bridge from outside."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aio_pika.abc import AbstractChannel
from chaos.proxy import Proxy
from support.connecting import connect
from support.envelopes import dial
from support.letters import everything_in
from support.permitted import url_for_sites
from support.site import Site, open_site
from yarl import URL

from bridge.demo.servers import PrivateRabbit, PrivateRedis


@pytest.fixture(scope="session")
async def site(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """One site for all tests that change nothing about it but the contacts of agents of their own."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("site")
        yield await open_site(stack, url_for_sites(rabbit), redis_server.url, folder, None, {}, ready=True)


@pytest.fixture
async def channel(rabbit: PrivateRabbit) -> AsyncIterator[AbstractChannel]:
    """Open a channel of somebody who may do everything, which a refusal may close."""
    async with await connect(rabbit.url) as connection:
        yield await connection.channel()


@pytest.fixture
async def own_redis() -> AsyncIterator[PrivateRedis]:
    """Run a Redis that may be ended."""
    async with PrivateRedis() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
async def no_letters(site: Site) -> None:
    """Let no file meet the dead letters of another one's tests."""
    await everything_in(site.widget, f"{site.prefix}.dead-letters")


@pytest.fixture
async def relay(site: Site) -> AsyncIterator[Proxy]:
    """Stand between the client and RabbitMQ; faults of LCM end with it."""
    proxy = Proxy(URL(site.settings["BRIDGE_AMQP__URL"]).port or 0)
    await proxy.start()
    yield proxy
    await proxy.stop()
    site.simulator.faults.clear()
    site.simulator.release()


@pytest.fixture
async def letters(site: Site) -> AsyncIterator[Site]:
    """Give the site to a test that has all dead letters for itself; faults of LCM end with it."""
    yield site
    site.simulator.faults.clear()
    await everything_in(site.widget, f"{site.prefix}.dead-letters")


@pytest.fixture(scope="session")
async def stopped(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Declare everything, and stop the worker: what is replayed stays in the queues."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("stopped")
        site = await open_site(stack, url_for_sites(rabbit), redis_server.url, folder, None, {}, ready=True)
        assert 0 == await site.worker.stop()
        yield site


@pytest.fixture
async def idle(stopped: Site) -> AsyncIterator[Site]:
    """Give the site without a worker; its queues are emptied after a test."""
    yield stopped
    for queue in ("dead-letters", "requests.agent", "requests.campaign"):
        await everything_in(stopped.widget, f"{stopped.prefix}.{queue}")


@pytest.fixture
async def goes_on(site: Site) -> AsyncIterator[None]:
    """After each test a good request is answered, on the connections that the worker began with."""
    yield
    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
    lost = {event["connection"] for event in site.worker.events("amqp.connection_lost")}
    assert set() == lost - {"lcm-bridge direct replies", "lcm-bridge suspect replies"}
    assert [] == site.worker.events("consumer.lost")
    assert [] == site.worker.events("consumer.task_failed")
