"""What a worker shows while RabbitMQ or Redis is away, and once it is back."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from chaos.proxy import Proxy
from metrics.pages import samples, series, values
from support.envelopes import dial
from support.site import MakeSite, Site
from support.worker import BOUND

from bridge.demo.servers import PrivateRabbit

QUICK = {
    "BRIDGE_AMQP__DEPTH_INTERVAL": "0.1",
    "BRIDGE_AMQP__RECONNECT_WAIT": "0.05",
    "BRIDGE_AMQP__RECONNECT_WAIT_MAX": "0.1",
    "BRIDGE_REDIS__WATCH_INTERVAL": "0.1",
}
NOWHERE = 1
"""A port that nobody listens on."""
TOLD_BY_THE_BROKER = (
    *("lcm_bridge_queue_messages", "lcm_bridge_queue_messages_limit", "lcm_bridge_requests_held"),
)


@pytest.fixture
async def road(rabbit: PrivateRabbit) -> AsyncIterator[Proxy]:
    """Lead to RabbitMQ by a road that can be cut."""
    proxy = Proxy(rabbit.port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


async def page_where(site: Site, holds: Callable[[str], bool]) -> str:
    """Wait until something holds on ``/metrics`` and return the page."""
    async with asyncio.timeout(BOUND):
        while not holds(page := (await site.worker.get("/metrics"))[1]):
            await asyncio.sleep(0.02)
    return page


async def test_rabbitmq_away(make_site: MakeSite, rabbit: PrivateRabbit, road: Proxy) -> None:
    """What only the broker knows is not told while nobody can ask it; the rest says what is."""
    by_road = rabbit.url.replace(f":{rabbit.port}", f":{road.port}")
    site = await make_site(BRIDGE_AMQP__URL=by_road, **QUICK)
    queues = [(f"{site.prefix}.requests.{lane}",) for lane in ("agent", "campaign")]
    there = await page_where(site, lambda page: set(queues) == values(page, TOLD_BY_THE_BROKER[2]).keys())

    road.target = NOWHERE
    road.cut()
    away = await page_where(site, lambda page: not values(page, TOLD_BY_THE_BROKER[0]))
    await site.worker.until_not_ready()
    away = (await site.worker.get("/metrics"))[1]
    road.target = rabbit.port
    back = await page_where(
        site,
        lambda page: (
            set(queues) == values(page, TOLD_BY_THE_BROKER[2]).keys()
            and set(values(page, "lcm_bridge_consumers").values()) == {1.0}
        ),
    )

    connected, reconnects = series("lcm_bridge_amqp_connected"), series("lcm_bridge_amqp_reconnects_total")
    assert [{}, {}, {}] == [values(away, name) for name in TOLD_BY_THE_BROKER]
    assert 0.0 == samples(away)[connected]
    for name, there_is in (("consumers", 1.0), ("queue_paused", 0.0), ("requests_in_flight", 0.0)):
        expected = 0.0 if name == "consumers" else there_is
        assert dict.fromkeys(queues, expected) == values(away, f"lcm_bridge_{name}")
        assert dict.fromkeys(queues, there_is) == values(back, f"lcm_bridge_{name}")
    assert {one for one in samples(there) if one[0].startswith("lcm_bridge")} == {
        one for one in samples(back) if one[0].startswith("lcm_bridge")
    }
    assert 2 <= samples(back)[reconnects]
    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]


async def test_a_missing_delayed_queue(make_site: MakeSite) -> None:
    """Where nothing is declared the other lengths are told, and no limit that the bridge did not declare."""
    declaring = await make_site(**QUICK)
    agent, campaign = (f"{declaring.prefix}.requests.{lane}" for lane in ("agent", "campaign"))
    await page_where(declaring, lambda page: (campaign,) in values(page, "lcm_bridge_requests_held"))
    assert 0 == await declaring.worker.stop()
    await declaring.widget.channel.queue_delete(f"{declaring.prefix}.retry.{agent}.1000")

    site = await make_site(BRIDGE_AMQP__PREFIX=declaring.prefix, BRIDGE_AMQP__DECLARE="false", **QUICK)
    await site.worker.until_logged("topology.not_established")
    page = await page_where(site, lambda page: (campaign,) in values(page, "lcm_bridge_requests_held"))

    assert {(campaign,): 0.0} == values(page, "lcm_bridge_requests_held")
    assert {(agent,), (campaign,), (f"{site.prefix}.dead-letters",)} == values(
        page, "lcm_bridge_queue_messages"
    ).keys()
    assert {} == values(page, "lcm_bridge_queue_messages_limit")
