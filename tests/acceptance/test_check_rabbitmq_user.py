"""What ``lcm-bridge check`` finds out about what its user may do on RabbitMQ, without doing it."""

import pytest
from aio_pika.abc import AbstractChannel
from support.checking import declare_layout, layout, look_at_rabbitmq, states, the
from support.site import name_of_letters

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


def url_of(broker: PrivateRabbit, user: str, *, password: str = PASSWORD, vhost: str = "") -> str:
    """Return the broker's URL for a user."""
    return f"amqp://{user}:{password}@127.0.0.1:{broker.port}/{vhost}"


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
    await declare_layout(channel, prefix)

    found = await look_at_rabbitmq(url_of(users, user), prefix=prefix)

    assert failed == {check for check, _ in states(found, "failed")}
    advice = "\n".join(one.advice for one in found)
    assert named.format(prefix=prefix) in advice
    assert PASSWORD not in str(found)


async def test_a_missing_permission_shows_before_anything_is_declared(users: PrivateRabbit) -> None:
    """In a new namespace, too: whoever may not declare or bind learns it before the first worker does."""
    found = await look_at_rabbitmq(url_of(users, "check-no-configure"), prefix=name_of_letters())
    unreadable = await look_at_rabbitmq(url_of(users, "check-no-read"), prefix=name_of_letters())

    assert 17 == len([one for one in found if one.state == "failed"])
    assert {"declare", "bind", "consume"} == {check for check, _ in states(unreadable, "failed")}


async def test_replies_that_cannot_go_out(users: PrivateRabbit) -> None:
    """Without the default exchange nothing is answered, and no delayed queue may lead back through it."""
    prefix = name_of_letters()

    found = await look_at_rabbitmq(url_of(users, "check-no-default"), prefix=prefix)

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
    await declare_layout(channel, TOPICS)

    found = await look_at_rabbitmq(url_of(users, "check-no-topic"), prefix=TOPICS)

    assert {("publish", "events")} == states(found, "failed")
    assert (
        f"set_topic_permissions -p / check-no-topic {TOPICS}.events" in the(found, "publish", "events").advice
    )


@pytest.mark.parametrize("user", ["check-anything", "check-impersonator"])
async def test_nobody_gets_a_message(users: PrivateRabbit, channel: AbstractChannel, user: str) -> None:
    """Nothing is published, not even for a user who may sign as others, and who is warned of."""
    prefix = name_of_letters()
    declared = await declare_layout(channel, prefix)
    listening = await channel.declare_queue(exclusive=True)
    for exchange in ("events", "dead-letters", "requests", "requests.unrouted"):
        await listening.bind(f"{prefix}.{exchange}", "#")

    found = await look_at_rabbitmq(url_of(users, user), prefix=prefix)

    assert set() == states(found, "failed"), found
    assert ({("user", "")} if user == "check-impersonator" else set()) == states(found, "warning")
    for queue in (listening.name, *declared.own_queues):
        assert 0 == (await channel.declare_queue(queue, passive=True)).declaration_result.message_count


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
    found = await look_at_rabbitmq(url_of(users, user, vhost=vhost))

    [node] = found
    assert ("node", "failed", f"127.0.0.1:{users.port}") == (node.check, node.state, node.subject)
    assert told in node.found
    assert "amqp.url" in node.advice
    assert PASSWORD not in str(found)
