"""What the bridge declares on RabbitMQ, and what it does where it may not declare or finds it otherwise."""

import json

import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelPreconditionFailed
from pamqp.common import FieldTable
from support import permitted
from support.envelopes import add_contact, calls_about, create, dial, od
from support.requester import next_message
from support.site import MakeSite, Site
from support.worker import until

from bridge.demo.servers import PrivateRabbit
from bridge.simulator import Fault


def request_queue_arguments(prefix: str) -> FieldTable:
    """Return the arguments of a request queue as the contract lists them."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": f"{prefix}.dead-letters",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": 1_000_000,
        "x-delivery-limit": 1_000_000,
    }


async def test_exchanges_are_of_the_kinds_in_the_contract(site: Site, channel: AbstractChannel) -> None:
    """Declaring the four exchanges again with the contract's kinds and arguments is taken as equal."""
    prefix = site.prefix
    unrouted: FieldTable = {"alternate-exchange": f"{prefix}.requests.unrouted"}

    await channel.declare_exchange(f"{prefix}.requests", "topic", durable=True, arguments=unrouted)
    await channel.declare_exchange(f"{prefix}.requests.unrouted", "fanout", durable=True)
    await channel.declare_exchange(f"{prefix}.events", "topic", durable=True)
    await channel.declare_exchange(f"{prefix}.dead-letters", "fanout", durable=True)


async def test_queues_have_the_arguments_in_the_contract(site: Site, channel: AbstractChannel) -> None:
    """Declaring the three queues again with the contract's arguments is taken as equal."""
    arguments = request_queue_arguments(site.prefix)
    letters: FieldTable = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}

    for name in ("requests.agent", "requests.campaign"):
        await channel.declare_queue(f"{site.prefix}.{name}", durable=True, arguments=arguments)
    await channel.declare_queue(f"{site.prefix}.dead-letters", durable=True, arguments=letters)


@pytest.mark.parametrize("delay", [1_000, 5_000, 30_000, 120_000, 600_000])
@pytest.mark.parametrize("name", ["requests.agent", "requests.campaign"])
async def test_delayed_queues_lead_back(site: Site, channel: AbstractChannel, name: str, delay: int) -> None:
    """Each request queue has one for every default delay, with the contract's arguments."""
    queue = f"{site.prefix}.{name}"
    arguments = request_queue_arguments(site.prefix) | {
        "x-message-ttl": delay,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
    }

    # Passively first: a queue that is missing would be made by the declaration itself.
    await channel.declare_queue(f"{site.prefix}.retry.{queue}.{delay}", passive=True)
    await channel.declare_queue(f"{site.prefix}.retry.{queue}.{delay}", durable=True, arguments=arguments)


async def test_a_queue_with_another_argument_is_another_queue(site: Site, channel: AbstractChannel) -> None:
    """The broker refuses a declaration that differs, so the two tests above can fail."""
    arguments = request_queue_arguments(site.prefix) | {"x-max-length": 5}

    with pytest.raises(ChannelPreconditionFailed):
        await channel.declare_queue(f"{site.prefix}.requests.agent", durable=True, arguments=arguments)


async def test_the_prefix_keeps_two_bridges_apart(site: Site, make_site: MakeSite) -> None:
    """A request to one prefix is answered by that bridge from its own LCM and its own cache."""
    other = await make_site()
    mine = add_contact(site.simulator, "apart", kind="od")
    theirs = add_contact(other.simulator, "apart", kind="od")

    replies = [await one.widget.ask(od("apart")) for one in (site, other)]

    assert [mine, theirs] == [reply.response["AccountNumber"] for reply in replies]
    assert [1, 1] == [calls_about(one.simulator, "apart") for one in (site, other)]


async def test_without_declaring_what_is_missing_is_named(make_site: MakeSite, rabbit: PrivateRabbit) -> None:
    """amqp.declare=false on an empty broker: alive, not ready, what is missing named; later it serves.

    All that with the permissions that such a worker needs, and no more.
    """
    site = await make_site(
        ready=False,
        BRIDGE_AMQP__DECLARE="false",
        BRIDGE_AMQP__URL=permitted.url_of(rabbit, "bridge-undeclaring"),
    )
    await site.worker.until_logged("consumer.failed")

    assert 200 == (await site.worker.get("/livez"))[0]
    status, page = await site.worker.get("/readyz")
    assert 503 == status
    assert f"consumer of {site.prefix}.requests.agent" in json.loads(page)["missing"]
    assert f"'{site.prefix}.requests'" in site.worker.events("consumer.failed")[0]["error"]

    declaring = await make_site(BRIDGE_AMQP__PREFIX=site.prefix)
    assert 0 == await declaring.worker.stop()
    await site.worker.until_ready()

    events = await site.widget.listen()
    assert "ok" == (await site.widget.ask(dial())).headers["x-bridge-status"]
    assert "ManualDialCall" == (await next_message(events)).type
    await site.widget.publish(od(""))
    assert "failure-without-reply-to" == (await site.widget.dead_letter()).headers["x-reason"]
    site.simulator.faults.put(Fault(kind="status", status=503, count=1))
    await site.widget.publish(create())  # parked, and tried again
    assert "CreateContactResponse" == (await next_message(events)).type


async def test_names_and_bounds_are_settings(make_site: MakeSite, channel: AbstractChannel) -> None:
    """Every name can be set on its own, and so can the length at which a queue refuses."""
    site = await make_site(BRIDGE_AMQP__AGENT_QUEUE="named.requests.agent", BRIDGE_AMQP__MAX_LENGTH="77")
    arguments = request_queue_arguments(site.prefix) | {"x-max-length": 77}

    await channel.declare_queue("named.requests.agent", durable=True, arguments=arguments)
    add_contact(site.simulator, "named", kind="od")
    reply = await site.widget.ask(od("named"))
    assert "ContactOD" == reply.body["subtopic"]


async def test_the_metrics_tell_of_the_topology(site: Site) -> None:
    """Consumers, limits, queue lengths and the connection stand on /metrics."""
    queue = f"{site.prefix}.requests.agent"
    assert 1.0 == await site.worker.metric(f'lcm_bridge_consumers{{queue="{queue}"}}')
    assert 100.0 == await site.worker.metric(f'lcm_bridge_in_flight_limit{{queue="{queue}"}}')
    assert 1.0 == await site.worker.metric("lcm_bridge_amqp_connected")
    _, page = await site.worker.get("/metrics")
    await until(lambda: f'lcm_bridge_queue_messages{{queue="{queue}"}}' in page, "queue length")
