"""The broker has a memory alarm and takes no publishes: replies wait, and each goes out once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from chaos.proxy import Proxy
from support.alarm import memory_alarm
from support.checking import CATALOGUE, SECONDS, settings, states
from support.command import run_command
from support.envelopes import calls_about, od
from support.permitted import rabbit_with_users, url_for_sites, url_of
from support.requester import Reply
from support.site import Site, open_site
from support.worker import BOUND, until

from bridge.cli.check import rabbitmq
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

SETTINGS = {
    "BRIDGE_AMQP__AGENT_PREFETCH": "10",
    "BRIDGE_AMQP__CAMPAIGN_PREFETCH": "10",
    "BRIDGE_REDIS__WATCH_INTERVAL": "0.1",
    "BRIDGE_AMQP__PUBLISH_TIMEOUT": "0.5",
    "BRIDGE_AMQP__RECONNECT_WAIT": "0.05",
    "BRIDGE_AMQP__RECONNECT_WAIT_MAX": "0.1",
    "BRIDGE_CONTACTS__FRESH_FOR": "0",
    "BRIDGE_LCM__TIMEOUT": "19",
    "BRIDGE_SHUTDOWN__GRACE": "20",
}
BLOCKED = "lcm_bridge_amqp_blocked"
NOWHERE = 1
"""A port that nobody listens on."""


@pytest.fixture(scope="module")
async def own_rabbit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateRabbit]:
    """Run a RabbitMQ that may be short of memory."""
    async with rabbit_with_users(tmp_path_factory.mktemp("rabbit") / "users") as server:
        yield server


@pytest.fixture
async def road(own_rabbit: PrivateRabbit) -> AsyncIterator[Proxy]:
    """Lead the worker to that RabbitMQ by a road that can be cut."""
    proxy = Proxy(own_rabbit.port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


@pytest.fixture
async def blocked_site(
    own_rabbit: PrivateRabbit, road: Proxy, redis_server: PrivateRedis, tmp_path: Path
) -> AsyncIterator[Site]:
    """Run a site on that RabbitMQ."""
    by_road = url_of(own_rabbit, "bridge").replace(f":{own_rabbit.port}", f":{road.port}")
    settings = SETTINGS | {"BRIDGE_AMQP__URL": by_road}
    async with AsyncExitStack() as stack:
        yield await open_site(
            stack, url_for_sites(own_rabbit), redis_server.url, tmp_path, None, settings, ready=True
        )


async def ask_thirty(site: Site) -> list[asyncio.Task[Reply]]:
    """Ask thirty times while LCM hangs; as many calls as the prefetch are under way then."""
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD"))
    asked = [asyncio.create_task(site.widget.ask(od("delayed"), bound=90)) for _ in range(30)]
    await until(lambda: site.simulator.hung == 10, "ten calls that hang")
    return asked


def release(site: Site) -> None:
    """Have LCM answer, also whatever comes now."""
    site.simulator.faults.clear()
    site.simulator.release()


async def brake(site: Site, way: str) -> None:
    """Pause or resume the campaign queue."""
    ended = await run_command(way, "campaign", folder=site.worker.log.parent, settings=site.settings)
    assert 0 == ended.code, ended.output


async def until_length(site: Site, queue: str, *, messages: int = 0, consumers: int = 0) -> None:
    """Wait until a queue holds so many messages and has so many consumers."""
    async with asyncio.timeout(BOUND):
        while True:
            found = (await site.widget.channel.declare_queue(queue, passive=True)).declaration_result
            if (messages, consumers) == (found.message_count, found.consumer_count):
                return
            await asyncio.sleep(0.02)


async def test_check_names_the_alarm(own_rabbit: PrivateRabbit) -> None:
    """A broker that takes no publishes fails the check, which looks at all else beside it."""
    async with memory_alarm(own_rabbit):
        found = await rabbitmq.check(settings(amqp={"url": own_rabbit.url}), CATALOGUE, SECONDS)

    assert {("alarm", "")} == states(found, "failed"), found
    assert {"declare", "consume"} <= {one.check for one in found}


async def test_replies_wait_for_the_end_of_the_alarm(own_rabbit: PrivateRabbit, blocked_site: Site) -> None:
    """They are tried again and again, and yet each is written once; no request beyond the prefetch begins."""
    site = blocked_site
    # The broker blocks whoever publishes first: one reply goes out before the others are even asked for.
    campaign = f"{site.prefix}.requests.campaign"
    await brake(site, "pause")
    await site.worker.until_logged("consumer.paused")
    await until_length(site, campaign, consumers=0)
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD"))
    asked = [asyncio.create_task(site.widget.ask(od("first"), bound=90))]
    await until(lambda: site.simulator.hung == 1, "a call that hangs")
    asked += [
        asyncio.create_task(site.widget.ask(od("delayed"), queue=campaign, bound=90)) for _ in range(30)
    ]
    await until_length(site, campaign, messages=30)
    async with memory_alarm(own_rabbit):
        release(site)
        await site.worker.until_logged("amqp.blocked")
        await brake(site, "resume")
        await site.worker.until_logged("publish.failed", 30)

        assert 1.0 == await site.worker.metric(BLOCKED)
        assert 10 == calls_about(site.simulator, "delayed")
        assert 200 == (await site.worker.get("/livez"))[0]
        await until(
            lambda: any(
                "the broker is blocked" in event["error"] for event in site.worker.events("publish.failed")
            ),
            "a reply that is not even written",
        )

    await asyncio.wait_for(asyncio.gather(*asked), 60)
    await site.worker.until_logged("amqp.unblocked")
    await until(lambda: len(site.worker.events("request.settled")) == 31, "all settled requests")

    assert 0.0 == await site.worker.metric(BLOCKED)
    assert [] == site.widget.unexpected
    assert 30 == calls_about(site.simulator, "delayed")
    assert 0 == await site.worker.stop()


async def test_a_connection_that_is_lost_is_blocked_no_more(
    own_rabbit: PrivateRabbit, blocked_site: Site, road: Proxy
) -> None:
    """The gauge tells of an alarm on any connection that replies go by, and of none that has gone."""
    site = blocked_site
    assert f"{BLOCKED} 0.0" in (await site.worker.get("/metrics"))[1].splitlines()
    direct = await site.widget.channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
    await direct.consume(site.widget.take, no_ack=True)
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD"))
    asked = asyncio.create_task(site.widget.ask(od("direct"), reply_to=direct.name, bound=90))
    await until(lambda: site.simulator.hung == 1, "a call that hangs")
    async with memory_alarm(own_rabbit):
        release(site)
        await site.worker.until_logged("amqp.blocked")
        told = [await site.worker.metric(BLOCKED)]
        road.target = NOWHERE
        road.cut()
        await site.worker.until_not_ready()  # with the first connection that is lost
        async with asyncio.timeout(BOUND):
            while await site.worker.metric(BLOCKED):
                await asyncio.sleep(0.02)
        road.target = own_rabbit.port
        await site.worker.until_logged("amqp.blocked", 2)
        told.append(await site.worker.metric(BLOCKED))

    await asyncio.wait_for(asked, 60)
    assert [1.0, 1.0] == told
    assert ["lcm-bridge suspect replies"] * 2 == [
        event["connection"] for event in site.worker.events("amqp.blocked")
    ]
    assert 0 == await asyncio.wait_for(site.worker.stop(), BOUND)


async def test_a_worker_ends_in_time_during_an_alarm(own_rabbit: PrivateRabbit, blocked_site: Site) -> None:
    """What it cannot tell is answered by its successor."""
    site = blocked_site
    asked = await ask_thirty(site)
    async with memory_alarm(own_rabbit):
        release(site)
        await site.worker.until_logged("amqp.blocked")
        assert 1 == await site.worker.stop()

    await site.worker.start()
    await asyncio.wait_for(asyncio.gather(*asked), 60)
    assert 0 == await asyncio.wait_for(site.worker.stop(), BOUND)
