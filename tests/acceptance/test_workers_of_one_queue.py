"""Workers that leave one of the request queues to others, by a prefetch of 0."""

import asyncio
from pathlib import Path

import orjson
import pytest
from metrics.pages import values
from support.command import run_command
from support.envelopes import add_agent, create, dial, od
from support.letters import until_ready
from support.site import MakeSite, Site
from support.worker import BOUND, Worker, running

from bridge.simulator import Fault

AGENTS = {"BRIDGE_AMQP__CAMPAIGN_PREFETCH": "0"}
CAMPAIGNS = {"BRIDGE_AMQP__AGENT_PREFETCH": "0"}
QUICK = {"BRIDGE_REDIS__WATCH_INTERVAL": "0.1"}
OF_A_CONSUMER = [
    *("lcm_bridge_consumers", "lcm_bridge_requests_in_flight", "lcm_bridge_in_flight_limit"),
    *("lcm_bridge_queue_paused", "lcm_bridge_request_wait_seconds_count", "lcm_bridge_queue_messages_limit"),
]


async def shown(worker: Worker, name: str) -> set[str]:
    """Return the queues for which a worker shows a metric."""
    _, page = await worker.get("/metrics")
    return {queue for (queue,) in values(page, name)}


def names(site: Site) -> tuple[str, str]:
    """Return the queues of agents and of campaigns."""
    return f"{site.prefix}.requests.agent", f"{site.prefix}.requests.campaign"


async def test_each_worker_serves_its_own_queue(make_site: MakeSite, tmp_path: Path) -> None:
    """A creation waits until a worker of campaigns is there, which leaves agents' requests alone."""
    site = await make_site(**AGENTS)
    agent, campaign = names(site)

    asked = asyncio.create_task(site.widget.ask(create()))
    await until_ready(site.widget, campaign, 1)
    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
    assert [] == [line for line in site.worker.events("request.settled") if line["queue"] == campaign]
    async with running(
        {**site.settings, **CAMPAIGNS, **dict.fromkeys(AGENTS, "20")}, tmp_path / "second.log"
    ) as second:
        assert "ok" == (await asked).headers["x-bridge-status"]
        assert 0 == await site.worker.stop()
        waiting = asyncio.create_task(site.widget.ask(dial()))
        await until_ready(site.widget, agent, 1)
        assert 0 == await second.stop()
    await site.worker.start()
    assert "ManualDialCall" == (await waiting).body["subtopic"]


@pytest.mark.parametrize(("settings", "served"), [(AGENTS, 0), (CAMPAIGNS, 1)])
async def test_what_a_worker_of_one_queue_tells(
    make_site: MakeSite, settings: dict[str, str], served: int
) -> None:
    """It is ready without the other consumer, shows no metric of it, and knows how much waits in both."""
    site = await make_site(**settings)
    own, others = names(site)[served], names(site)[1 - served]

    assert {own} == {line["queue"] for line in site.worker.events("consumer.registered")}
    assert [others] == [line["queue"] for line in site.worker.events("queue.not_consumed")]
    for metric in OF_A_CONSUMER:
        assert {own} == await shown(site.worker, metric), metric
    async with asyncio.timeout(BOUND):  # the first look at the lengths comes after the consumer
        while {own, others} != await shown(site.worker, "lcm_bridge_requests_held"):
            await asyncio.sleep(0.02)
    assert {own, others} < await shown(site.worker, "lcm_bridge_queue_messages")


async def test_pauses_of_the_other_queue_are_not_its_own(make_site: MakeSite) -> None:
    """By hand or by the breaker: it serves agents on, and says that nothing is paused."""
    site = await make_site(
        **AGENTS,
        **QUICK,
        BRIDGE_RETRY__QUICK="0",
        BRIDGE_BREAKER__MINIMUM_CALLS="3",
        BRIDGE_BREAKER__OPEN_FOR="0.2",
    )
    add_agent(site.simulator, "somebody")
    for queue in ("campaign", "agent"):  # the first is seen when the second is
        ended = await run_command("pause", queue, folder=site.worker.log.parent, settings=site.settings)
        assert 0 == ended.code, ended.errors
    await site.worker.until_logged("consumer.paused")
    _, page = await site.worker.get("/readyz")
    assert {names(site)[0]: ["by hand"]} == orjson.loads(page)["paused"]
    await run_command("resume", "agent", folder=site.worker.log.parent, settings=site.settings)

    site.simulator.faults.put(Fault(kind="status", status=503, count=3))
    failed = [await site.widget.ask(od("somebody")) for _ in range(3)]
    assert ["LCM_UNAVAILABLE"] * 3 == [reply.error_type for reply in failed]
    await site.worker.until_logged("lcm.breaker_opened")
    async with asyncio.timeout(BOUND):
        while not site.worker.events("lcm.breaker_closed"):
            await site.widget.ask(od("somebody"))
            await asyncio.sleep(0.05)

    assert 1 == len(site.worker.events("consumer.paused"))
    assert [] == site.worker.events("lcm.listener_fault")
    assert 0 == await site.worker.stop()
