"""What ``lcm-bridge check`` finds out about RabbitMQ, and that it leaves everything there as it was."""

from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity
from lcm.lcm_servers import silent_port
from support.checking import CATALOGUE, SECONDS, declare_all, settings, states, the
from support.connecting import connect
from support.site import name_of_letters

from bridge.app import topology
from bridge.bus.topology import Binding, Topology
from bridge.cli.check import rabbitmq
from bridge.cli.check.finding import Finding
from bridge.demo.servers import PrivateRabbit

PASSWORD = "hunter2"

# User: tags, then what it may configure, write and read.
USERS = {
    "check-anything": ("", ".*", ".*", ".*"),
    "check-no-configure": ("", "^$", ".*", ".*"),
    "check-no-default": ("", ".*", "^(?!amq[.]default$).*", ".*"),
    "check-no-outlets": ("", ".*", "^(?!.*[.](events|dead-letters)$).*", ".*"),
    "check-no-read": ("", ".*", ".*", "^$"),
    "check-impersonator": ("impersonator", ".*", ".*", ".*"),
    "check-no-topic": ("", ".*", ".*", ".*"),
    "check-stranger": ("", "", "", ""),
}
TOPICS = "checktopics"


def _erlang() -> str:
    """Return what makes all users: each call of rabbitmqctl takes two seconds."""
    lines = []
    for user, (tags, *permitted) in USERS.items():
        name = f'<<"{user}">>'
        lines.append(f'rabbit_auth_backend_internal:add_user({name}, <<"{PASSWORD}">>, <<"test">>)')
        lines.append(f'rabbit_auth_backend_internal:set_tags({name}, [{tags}], <<"test">>)')
        if any(permitted):
            three = ", ".join(f'<<"{one}">>' for one in permitted)
            lines.append(
                f'rabbit_auth_backend_internal:set_permissions({name}, <<"/">>, {three}, <<"test">>)'
            )
    lines.append(
        'rabbit_auth_backend_internal:set_topic_permissions(<<"check-no-topic">>, <<"/">>, '
        f'<<"{TOPICS}.events">>, <<"^$">>, <<".*">>, <<"test">>)'
    )
    return ", ".join(lines) + "."


@pytest.fixture(scope="module")
async def users(rabbit: PrivateRabbit) -> PrivateRabbit:
    """Make the users on the broker of all tests."""
    await rabbit.ctl("eval", _erlang())
    return rabbit


@pytest.fixture
async def channel(rabbit: PrivateRabbit) -> AsyncIterator[AbstractChannel]:
    """Open a channel of a user who may do everything."""
    async with await connect(rabbit.url) as connection:
        yield await connection.channel()


def url_of(broker: PrivateRabbit, user: str, *, password: str = PASSWORD, vhost: str = "") -> str:
    """Return the broker's URL for a user."""
    return f"amqp://{user}:{password}@127.0.0.1:{broker.port}/{vhost}"


async def keep(_: AbstractIncomingMessage) -> None:
    """Take a message and do not acknowledge it."""


async def look(url: str, **amqp: Any) -> list[Finding]:
    """Run the check of RabbitMQ."""
    found = await rabbitmq.check(settings(amqp={"url": url, **amqp}), CATALOGUE, SECONDS)
    # On a busy machine round trips may be slow, which is warned of.
    return [one for one in found if (one.check, one.state) != ("round trip", "warning")]


def layout(prefix: str, **amqp: Any) -> Topology:
    """Return what a worker declares."""
    whole = settings(amqp={"prefix": prefix, **amqp})
    return topology(whole, CATALOGUE)


async def declare(channel: AbstractChannel, prefix: str) -> Topology:
    """Declare it, as a worker would."""
    declared = layout(prefix)
    await declare_all(channel, declared)
    return declared


async def test_a_new_namespace_is_ready_for_a_worker(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """Nothing is there yet: that is told, all is well, and nothing is there afterwards either."""
    prefix = name_of_letters()

    found = await look(rabbit.url, prefix=prefix)

    assert {"ok"} == {one.state for one in found}, found
    assert "17 are not there yet" in the(found, "declare").found
    assert "RabbitMQ " in the(found, "node").found
    with pytest.raises(ChannelNotFoundEntity):
        await channel.get_queue(f"{prefix}.requests.agent")


async def test_what_is_missing_where_nothing_may_be_declared(rabbit: PrivateRabbit) -> None:
    """With amqp.declare = false each missing exchange and queue fails, by its name."""
    prefix = name_of_letters()

    found = await look(rabbit.url, prefix=prefix, declare=False)

    missing = {part.name for part in layout(prefix).parts() if not isinstance(part, Binding)}
    assert {("declare", name) for name in missing} == states(found, "failed")
    assert "amqp.declare" in the(found, "declare", f"{prefix}.events").advice


async def test_limits_that_are_kept(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """Each queue with another limit is a warning, with both values; what it holds is what the broker says."""
    prefix = name_of_letters()
    declared = await declare(channel, prefix)

    found = await look(rabbit.url, prefix=prefix, max_length=77)

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

    found = await look(rabbit.url, prefix=prefix)

    differ = {("declare", name) for name in (agent, campaign, f"{prefix}.events")}
    assert differ | {("consume", campaign)} == states(found, "failed")
    assert {("declare", f"{prefix}.dead-letters")} == states(found, "warning")
    assert "x-dead-letter-exchange is none on the broker" in the(found, "declare", agent).found
    assert "type is fanout on the broker" in the(found, "declare", f"{prefix}.events").found
    assert "exclusive is true on the broker" in the(found, "declare", campaign).found


@pytest.mark.parametrize(
    ("user", "failed", "named"),
    [
        ("check-anything", set(), ""),
        (
            "check-no-configure",
            {"declare"},
            "set_permissions -p / check-no-configure, such that configure",
        ),
        ("check-no-default", {"publish"}, "write matches amq.default"),
        ("check-no-outlets", {"publish", "bind"}, "write matches {prefix}.dead-letters"),
        ("check-no-read", {"bind", "consume"}, "read matches {prefix}.requests.agent"),
    ],
)
async def test_what_the_user_may_not_do(
    users: PrivateRabbit, channel: AbstractChannel, user: str, failed: set[str], named: str
) -> None:
    """Each missing permission fails its own checks, with the command that grants it."""
    prefix = name_of_letters()
    await declare(channel, prefix)

    found = await look(url_of(users, user), prefix=prefix)

    assert failed == {check for check, _ in states(found, "failed")}
    advice = "\n".join(one.advice for one in found)
    assert named.format(prefix=prefix) in advice
    assert PASSWORD not in str(found)


async def test_a_missing_permission_shows_before_anything_is_declared(users: PrivateRabbit) -> None:
    """In a new namespace, too: whoever may not declare or bind learns it before the first worker does."""
    found = await look(url_of(users, "check-no-configure"), prefix=name_of_letters())
    unreadable = await look(url_of(users, "check-no-read"), prefix=name_of_letters())

    assert 17 == len([one for one in found if one.state == "failed"])
    assert {"declare", "bind", "consume"} == {check for check, _ in states(unreadable, "failed")}


async def test_replies_that_cannot_go_out(users: PrivateRabbit) -> None:
    """Without the default exchange nothing is answered, and no delayed queue may lead back through it."""
    prefix = name_of_letters()

    found = await look(url_of(users, "check-no-default"), prefix=prefix)

    assert "No reply goes out" in the(found, "publish", "replies").found
    failed = states(found, "failed") - {("publish", "replies")}
    assert {
        ("declare", one)
        for queue in ("agent", "campaign")
        for one in layout(prefix).retry_queues(f"{prefix}.requests.{queue}")
    } == failed
    assert {True} == {"write matches amq.default" in one.advice for one in found if one.state == "failed"}


async def test_topics_that_may_not_be_written_to(users: PrivateRabbit, channel: AbstractChannel) -> None:
    """Topic permissions are looked at with the keys of the events."""
    await declare(channel, TOPICS)

    found = await look(url_of(users, "check-no-topic"), prefix=TOPICS)

    assert {("publish", "events")} == states(found, "failed")
    assert (
        f"set_topic_permissions -p / check-no-topic {TOPICS}.events" in the(found, "publish", "events").advice
    )


@pytest.mark.parametrize("user", ["check-anything", "check-impersonator"])
async def test_nobody_gets_a_message(users: PrivateRabbit, channel: AbstractChannel, user: str) -> None:
    """Nothing is published, not even for a user who may sign as others, and who is warned of."""
    prefix = name_of_letters()
    declared = await declare(channel, prefix)
    listening = await channel.declare_queue(exclusive=True)
    for exchange in ("events", "dead-letters", "requests", "requests.unrouted"):
        await listening.bind(f"{prefix}.{exchange}", "#")

    found = await look(url_of(users, user), prefix=prefix)

    assert set() == states(found, "failed"), found
    assert ({("user", "")} if user == "check-impersonator" else set()) == states(found, "warning")
    for queue in (listening.name, *declared.own_queues):
        assert 0 == (await channel.declare_queue(queue, passive=True)).declaration_result.message_count


async def test_waiting_requests_stay_as_they_are(rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
    """Requests that nobody takes are warned of; they stay in their order, and none is redelivered."""
    prefix = name_of_letters()
    declared = await declare(channel, prefix)
    [agent, _] = declared.request_queues
    for number in range(3):
        await channel.default_exchange.publish(aio_pika.Message(b"%d" % number), agent)
    await channel.default_exchange.publish(aio_pika.Message(b"letter"), f"{prefix}.dead-letters")

    found = await look(rabbit.url, prefix=prefix)

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

    found = await look(rabbit.url, prefix=prefix, max_length=5)

    assert {("queue", agent), ("held", campaign)} == states(found, "warning")
    assert "4 waiting of at most 5; 1 consumer" == the(found, "queue", agent).found
    assert "4 held in 5 delayed queues of at most 5 each" == the(found, "held", campaign).found


@pytest.mark.parametrize(
    ("user", "vhost", "told"),
    [
        ("check-nobody", "", "the log-in as check-nobody is refused"),
        ("check-stranger", "", "access to vhost '/' refused"),
        ("check-anything", "nosuch", "vhost nosuch not found"),
    ],
)
async def test_whom_the_broker_does_not_let_in(
    users: PrivateRabbit, user: str, vhost: str, told: str
) -> None:
    """A log-in that is refused is told from a virtual host that is missing or closed."""
    found = await look(url_of(users, user, vhost=vhost))

    [node] = found
    assert ("node", "failed", f"127.0.0.1:{users.port}") == (node.check, node.state, node.subject)
    assert told in node.found
    assert "amqp.url" in node.advice
    assert PASSWORD not in str(found)


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
        found = await look(",".join(places), connect_timeout=0.5)

    assert ["failed"] * 5 == [one.state for one in found]
    for told, one in zip(places.values(), found, strict=True):
        assert told in one.found


async def test_one_node_of_several_is_enough(rabbit: PrivateRabbit) -> None:
    """A node that is away is a warning as long as there is another, by which all else is looked at."""
    found = await look(f"amqp://guest:guest@127.0.0.1:1/,{rabbit.url}", prefix=name_of_letters())

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
