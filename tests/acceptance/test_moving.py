"""The path by which docs/upgrading.md moves requests to queues with other arguments, while requests come."""

import asyncio

from aio_pika.abc import AbstractChannel
from support.checking import declare_all, layout
from support.envelopes import calls_about, create, od
from support.letters import ready
from support.site import MakeSite, Site, name_of_letters
from support.worker import until

from bridge.bus.topology import Binding, Topology


async def unbind(channel: AbstractChannel, declared: Topology, exchange: str) -> None:
    """Take the bindings of the old queues to an exchange away."""
    amqp = await channel.get_underlay_channel()
    for part in declared.parts():
        if isinstance(part, Binding) and part.exchange == exchange:
            await amqp.queue_unbind(part.queue, part.exchange, routing_key=part.routing_key)


async def send(site: Site, sent: list[str], stop: asyncio.Event) -> None:
    """Send requests with an effect and without a key, so that a copy would have a second one."""
    while not stop.is_set():
        detail = f"moved no {len(sent):04}."
        await site.widget.publish(create(ContactDetail=detail))
        sent.append(detail)
        await asyncio.sleep(0.01)


async def test_requests_move_to_other_queues(make_site: MakeSite, channel: AbstractChannel) -> None:
    """Each request has its effect once, also those that wait in an old queue, or in an old delayed one."""
    prefix = name_of_letters()
    old = layout(prefix, max_length=500)
    await declare_all(channel, old)
    agent, campaign = old.request_queues
    before = await make_site(
        BRIDGE_AMQP__PREFIX=prefix, BRIDGE_AMQP__MAX_LENGTH="500", BRIDGE_AMQP__DECLARE="false"
    )
    sent: list[str] = []
    stop = asyncio.Event()
    sending = asyncio.create_task(send(before, sent, stop))

    await unbind(channel, old, f"{prefix}.requests")
    after = await make_site(
        BRIDGE_AMQP__PREFIX=prefix,
        BRIDGE_AMQP__AGENT_QUEUE=f"{agent}.v2",
        BRIDGE_AMQP__CAMPAIGN_QUEUE=f"{campaign}.v2",
        BRIDGE_AMQP__MAX_LENGTH="600",
        BRIDGE_LCM__BASE_URL=before.simulator.base_url,
    )
    count = len(sent)
    await until(lambda: len(sent) > count + 20, "requests at the new queues")
    await unbind(channel, old, f"{prefix}.requests.unrouted")
    stop.set()
    await sending
    for waiting in ("waits in the old queue.", "waits in a delayed one."):
        queue = campaign if "old" in waiting else old.retry_queue(campaign, 1000)
        await before.widget.publish(create(ContactDetail=waiting), queue=queue)
        sent.append(waiting)
    await until(
        lambda: len(sent) <= sum(len(one.worker.events("request.settled")) for one in (before, after)),
        "every request settled",
    )

    assert dict.fromkeys(sent, 1) == {one: calls_about(before.simulator, one) for one in sent}
    assert 20 < len(after.worker.events("request.settled"))
    for queue in (agent, campaign):
        for each in (queue, *old.retry_queues(queue)):
            assert 0 == await ready(before.widget, each)
    assert 0 == await before.worker.stop()
    for queue in (agent, campaign):
        for each in (queue, *old.retry_queues(queue)):
            await channel.queue_delete(each)
    assert "ContactOD" == (await after.widget.ask(od("testagent"))).body["subtopic"]
    assert [] == after.worker.events("topology.limit_kept")
