"""What ``lcm-bridge check`` finds out about RabbitMQ, and that it leaves everything there as it was."""

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity
from lcm.lcm_servers import silent_port
from support.checking import declare_all, declare_layout, layout, look_at_rabbitmq, states, the
from support.permitted import url_of
from support.site import name_of_letters

from bridge.bus.topology import Binding
from bridge.cli.check import rabbitmq
from bridge.demo.servers import PrivateRabbit


async def keep(_: AbstractIncomingMessage) -> None:
    """Take a message and do not acknowledge it."""


async def test_a_new_namespace_is_ready_for_a_worker(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """Nothing is there yet: that is told, all is well, and nothing is there afterwards either."""
    prefix = name_of_letters()

    found = await look_at_rabbitmq(url_of(rabbit, "bridge"), prefix=prefix)

    assert {"ok"} == {one.state for one in found}, found
    assert "17 are not there yet" in the(found, "declare").found
    assert "RabbitMQ " in the(found, "node").found
    with pytest.raises(ChannelNotFoundEntity):
        await channel.get_queue(f"{prefix}.requests.agent")


async def test_what_is_missing_where_nothing_may_be_declared(rabbit: PrivateRabbit) -> None:
    """With amqp.declare = false each missing exchange and queue fails, by its name."""
    prefix = name_of_letters()

    found = await look_at_rabbitmq(url_of(rabbit, "bridge"), prefix=prefix, declare=False)

    missing = {part.name for part in layout(prefix).parts() if not isinstance(part, Binding)}
    assert {("declare", name) for name in missing} == states(found, "failed")
    assert "amqp.declare" in the(found, "declare", f"{prefix}.events").advice


async def test_limits_that_are_kept(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """Each queue with another limit is a warning, with both values; what it holds is what the broker says."""
    prefix = name_of_letters()
    declared = await declare_layout(channel, prefix)

    found = await look_at_rabbitmq(url_of(rabbit, "bridge"), prefix=prefix, max_length=77)

    queues = [
        *declared.request_queues,
        *(one for queue in declared.request_queues for one in declared.retry_queues(queue)),
    ]
    agent = declared.request_queues[0]
    assert set() == states(found, "failed")
    assert {("declare", queue) for queue in queues} == states(found, "warning")
    told = the(found, "declare", agent)
    assert "x-max-length is 1000000 on the broker, and amqp.max_length says 77" in told.found
    assert "docs/upgrading.md" in told.advice
    assert "of at most 1,000,000;" in the(found, "queue", agent).found
    assert "of at most 1,000,000 each" in the(found, "held", agent).found


async def test_what_is_declared_otherwise(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """What would break a promise fails, and what may be used is told beside it."""
    prefix = name_of_letters()
    declared = layout(prefix)
    agent, campaign = declared.request_queues
    await channel.declare_queue(agent, durable=True)
    await channel.declare_exchange(f"{prefix}.events", "fanout", durable=True)
    await channel.declare_queue(campaign, exclusive=True)
    await channel.declare_queue(
        declared.settings.dead_letters_queue,
        durable=True,
        arguments={"x-queue-type": "quorum", "x-delivery-limit": 5_000},
    )

    found = await look_at_rabbitmq(url_of(rabbit, "bridge"), prefix=prefix)

    differ = {("declare", name) for name in (agent, campaign, f"{prefix}.events")}
    assert differ | {("consume", campaign)} == states(found, "failed")
    assert {("declare", f"{prefix}.dead-letters")} == states(found, "warning")
    assert "x-dead-letter-exchange is none on the broker" in the(found, "declare", agent).found
    assert "type is fanout on the broker" in the(found, "declare", f"{prefix}.events").found
    assert "exclusive is true on the broker" in the(found, "declare", campaign).found


async def test_waiting_requests_stay_as_they_are(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """Requests that nobody takes are warned of; they stay in their order, and none is redelivered."""
    prefix = name_of_letters()
    declared = await declare_layout(channel, prefix)
    [agent, _] = declared.request_queues
    for number in range(3):
        await channel.default_exchange.publish(aio_pika.Message(b"%d" % number), agent)
    await channel.default_exchange.publish(aio_pika.Message(b"letter"), f"{prefix}.dead-letters")

    found = await look_at_rabbitmq(url_of(rabbit, "bridge"), prefix=prefix)

    assert {("queue", agent), ("dead letters", f"{prefix}.dead-letters")} == states(found, "warning")
    assert "3 waiting of at most 1,000,000; 0 consumers" == the(found, "queue", agent).found
    queue = await channel.get_queue(agent)
    taken = [await queue.get() for _ in range(3)]
    assert [(b"%d" % number, False) for number in range(3)] == [
        (one.body, one.redelivered) for one in taken if one
    ]


async def test_a_queue_that_is_nearly_full(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """From four fifths of its longest length a queue is warned of, consumed or delayed."""
    prefix = name_of_letters()
    declared = layout(prefix, max_length=5)
    await declare_all(channel, declared)
    [agent, campaign] = declared.request_queues
    await channel.set_qos(prefetch_count=1)
    await (await channel.get_queue(agent)).consume(keep)
    for queue, count in ((agent, 5), (declared.retry_queues(campaign)[-1], 4)):
        for _ in range(count):
            await channel.default_exchange.publish(aio_pika.Message(b"x"), queue)

    found = await look_at_rabbitmq(url_of(rabbit, "bridge"), prefix=prefix, max_length=5)

    assert {("queue", agent), ("held", campaign)} == states(found, "warning")
    assert "4 waiting of at most 5; 1 consumer" == the(found, "queue", agent).found
    assert "4 held in 5 delayed queues of at most 5 each" == the(found, "held", campaign).found


async def test_what_is_no_broker(rabbit: PrivateRabbit) -> None:
    """Nothing that listens, an unknown name, silence, no TLS, no CA file: each says which."""
    async with silent_port() as port:
        places = {
            "amqp://127.0.0.1:1/": "nothing listens there",
            "amqp://nosuch.invalid/": "its name is not known",
            f"amqp://127.0.0.1:{port}/": "no answer in time",
            f"amqps://127.0.0.1:{rabbit.port}/": "it does not speak TLS on this port",
            "amqps://127.0.0.1:1/?cafile=/no-such-file": "FileNotFoundError",
        }
        found = await look_at_rabbitmq(",".join(places), connect_timeout=0.5)

    assert ["failed"] * 5 == [one.state for one in found]
    for told, one in zip(places.values(), found, strict=True):
        assert told in one.found


async def test_one_node_of_several_is_enough(rabbit: PrivateRabbit) -> None:
    """A node that is away is a warning as long as there is another, by which all else is looked at."""
    found = await look_at_rabbitmq(
        "amqp://bridge:bridge@127.0.0.1:1/," + url_of(rabbit, "bridge"), prefix=name_of_letters()
    )

    assert {("node", "127.0.0.1:1")} == states(found, "warning")
    assert set() == states(found, "failed")
    assert "publish" in {one.check for one in found}


@pytest.mark.parametrize(
    ("product", "version", "state"),
    [
        ("RabbitMQ", "3.9.29", "warning"),
        ("RabbitMQ", "3.10.0", "ok"),
        ("RabbitMQ", "4.3.0-rc.1", "ok"),
        ("RabbitMQ", "unknown", "warning"),
        ("LavinMQ", "2.0.0", "warning"),
    ],
)
def test_what_the_bridge_is_made_for(product: str, version: str, state: str) -> None:
    """RabbitMQ before 3.10 is warned of, and so is another broker."""
    found = rabbitmq.server({"product": product, "version": version}, "no TLS", subject="rabbit:5672")

    assert (state, True) == (found.state, f"{product} {version}, no TLS" == found.found)
