"""A worker that finds exchanges and queues declared otherwise than its settings say."""

import json
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from pamqp.common import FieldTable
from pydantic import SecretStr
from support.checking import CATALOGUE, SECONDS, declare_all, settings, the
from support.envelopes import create, od
from support.site import MakeSite, Site, name_of_letters
from support.worker import until

from bridge.app import topology
from bridge.bus.topology import Topology
from bridge.cli.check import rabbitmq
from bridge.cli.check.finding import Finding

QUICK = {"BRIDGE_AMQP__DEPTH_INTERVAL": "0.2"}
QUORUM: FieldTable = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


async def as_declared_before(channel: AbstractChannel, prefix: str, **amqp: Any) -> Topology:
    """Declare what a worker with other settings declared."""
    whole = settings(amqp={"prefix": prefix, **amqp})
    layout = topology(whole, CATALOGUE)
    await declare_all(channel, layout)
    return layout


async def checked(site: Site) -> list[Finding]:
    """Return what ``lcm-bridge check`` says of this site's broker."""
    given = {"url": SecretStr(site.settings["BRIDGE_AMQP__URL"]), "prefix": site.prefix}
    return await rabbitmq.check(settings(amqp=given), CATALOGUE, SECONDS)


async def missing(site: Site) -> list[str]:
    """Return what /readyz says is missing."""
    _, page = await site.worker.get("/readyz")
    return list(json.loads(page)["missing"])


async def test_other_limits_are_kept(make_site: MakeSite, channel: AbstractChannel) -> None:
    """A version with other limits serves from the queues that are there; one line tells of each limit."""
    prefix = name_of_letters()
    layout = await as_declared_before(channel, prefix, max_length=500, delivery_limit=6_000)

    site = await make_site(BRIDGE_AMQP__PREFIX=prefix, **QUICK)
    reply = await site.widget.ask(od("testagent"))
    kept = {one["argument"]: one for one in site.worker.events("topology.limit_kept")}

    assert "ContactOD" == reply.body["subtopic"]
    assert 2 == len(site.worker.events("topology.limit_kept")) == len(kept)
    queues = {*layout.request_queues, *(q for one in layout.request_queues for q in layout.retry_queues(one))}
    assert queues == set(kept["x-max-length"]["queues"])
    assert ("500", "1000000") == (kept["x-max-length"]["there"], kept["x-max-length"]["wanted"])
    assert "amqp.max_length" in kept["x-max-length"]["error"]
    assert {"6000"} == {kept["x-delivery-limit"]["there"]}
    assert 500.0 == await site.worker.metric(
        f'lcm_bridge_queue_messages_limit{{queue="{layout.request_queues[0]}"}}'
    )
    names = {line["event"] for line in site.worker.events()}
    assert not {"consumer.failed", "publisher.failed", "topology.not_established"} & names


async def test_a_queue_deleted_by_hand_comes_back_as_the_settings_say(
    make_site: MakeSite, channel: AbstractChannel
) -> None:
    """Whoever changes a limit needs only delete the queues; the log says when all are as they shall be."""
    prefix = name_of_letters()
    layout = await as_declared_before(channel, prefix, max_length=500)
    site = await make_site(BRIDGE_AMQP__PREFIX=prefix, **QUICK)

    for queue in layout.request_queues:
        for each in (queue, *layout.retry_queues(queue)):
            await channel.queue_delete(each)
    await site.worker.until_logged("topology.as_set")
    await site.worker.until_ready()

    again = await checked(site)
    assert "as the settings say" in the(again, "declare").found
    assert "ContactOD" == (await site.widget.ask(od("testagent"))).body["subtopic"]


async def test_what_would_break_a_promise_is_refused(make_site: MakeSite, channel: AbstractChannel) -> None:
    """Alive, not ready, nothing consumed or bound, a line for each thing; it serves when they are gone."""
    prefix = name_of_letters()
    agent, letters = f"{prefix}.requests.agent", f"{prefix}.dead-letters"
    delayed = f"{prefix}.retry.{prefix}.requests.campaign.1000"
    await channel.declare_queue(agent, durable=True)
    await channel.declare_queue(letters, durable=True, arguments={**QUORUM, "x-max-length": 10})
    await channel.declare_queue(delayed, durable=True, arguments=QUORUM)
    await channel.declare_exchange(f"{prefix}.events", "direct", durable=True)

    site = await make_site(ready=False, BRIDGE_AMQP__PREFIX=prefix, **QUICK)
    await site.worker.until_logged("topology.declared_otherwise", 4)
    for _ in range(20):  # requests from another time wait, and nobody takes them
        await site.widget.publish(od("testagent"), queue=agent)
    await site.widget.publish(create())  # the campaign queue is there, and not bound
    told = {
        name: line
        for line in site.worker.events("topology.declared_otherwise")
        for name in line.get("queues") or line["exchanges"]
    }

    assert {agent, letters, delayed, f"{prefix}.events"} == told.keys()
    assert "x-max-length is 10 on the broker, and the bridge needs none" == told[letters]["error"]
    assert "docs/upgrading.md" in told[agent]["next"]
    assert 200 == (await site.worker.get("/livez"))[0]
    assert {f"queue {agent}: {told[agent]['error']}", f"consumer of {agent}"} <= set(await missing(site))
    again = await checked(site)
    assert {True} == {line["error"] in the(again, "declare", name).found for name, line in told.items()}
    queue = await channel.get_queue(agent)
    campaign = await channel.get_queue(f"{prefix}.requests.campaign")
    assert [20, 0] == [one.declaration_result.message_count for one in (queue, campaign)]
    assert [0, 0] == [one.declaration_result.consumer_count for one in (queue, campaign)]
    assert 4 == len(site.worker.events("topology.declared_otherwise"))
    assert not {"consumer.failed", "publisher.failed", "topology.not_established"} & {
        line["event"] for line in site.worker.events()
    }

    for name in (agent, letters, delayed):
        await channel.queue_delete(name)
    await channel.exchange_delete(f"{prefix}.events")
    await site.worker.until_ready()
    assert "ContactOD" == (await site.widget.ask(od("testagent"))).body["subtopic"]


async def test_a_worker_that_serves_goes_on(make_site: MakeSite, channel: AbstractChannel) -> None:
    """Somebody puts another queue in the place of one: requests are answered, and it is told once."""
    site = await make_site(**QUICK)
    delayed = f"{site.prefix}.retry.{site.prefix}.requests.agent.600000"
    while not site.worker.events("topology.declared_otherwise"):  # the worker may be quicker
        await channel.queue_delete(delayed)
        try:
            other = await channel.get_underlay_channel()
            await other.queue_declare(delayed, durable=True, arguments={"x-queue-type": "classic"})
        except aio_pika.exceptions.ChannelPreconditionFailed:
            await channel.reopen()
            continue
        await site.worker.until_logged("topology.declared_otherwise")

    await site.worker.until_not_ready()
    assert "ContactOD" == (await site.widget.ask(od("testagent"))).body["subtopic"]
    assert delayed in " ".join(await missing(site))
    assert [[delayed]] == [line["queues"] for line in site.worker.events("topology.declared_otherwise")]
    await channel.queue_delete(delayed)
    await site.worker.until_ready()
    await until(lambda: bool(site.worker.events("topology.as_set")), "all as set")
