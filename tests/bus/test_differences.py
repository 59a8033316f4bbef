"""What is read from a refusal to declare, in the words of RabbitMQ 3.10.8 and 4.0.5, which are the same."""

import pytest
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource, ChannelPreconditionFailed

from bridge.bus.differences import Difference, limits, read
from bridge.bus.topology import Binding, Exchange, Queue, Topology
from bridge.settings import Amqp

TOPOLOGY = Topology(Amqp(prefix="p"), ["A"], ["B"], [1000])
PARTS = {(type(part), part.name): part for part in TOPOLOGY.parts() if not isinstance(part, Binding)}
AGENT, DELAYED = (Queue, "p.requests.agent"), (Queue, "p.retry.p.requests.agent.1000")
LETTERS, REQUESTS = (Queue, "p.dead-letters"), (Exchange, "p.requests")


def said(argument: str, words: str, name: str = "any") -> ChannelPreconditionFailed:
    """Return what the broker answers to a declaration that differs."""
    text = f"PRECONDITION_FAILED - inequivalent arg '{argument}' for queue '{name}' in vhost '/': {words}"
    return ChannelPreconditionFailed(text if len(text) <= 255 else f"{text[:252]}...")


def differs(which: tuple[type, str], argument: str, there: str, *, name: str = "any") -> Difference:
    """Return what is read where the broker has a value as it tells of one."""
    found = read(said(argument, f"received '1' but current is {there}", name), PARTS[which])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("there", "value"),
    [
        ("'7'", "7"),
        ("the value '7' of type 'byte'", "7"),
        ("the value '500000' of type 'signedint'", "500000"),
        ("none", "none"),
        ("''", ""),
        ("the value 'it's 'x'' of type 'longstr'", "it's 'x'"),
    ],
)
def test_the_value_that_the_broker_has(there: str, value: str) -> None:
    """It is told with its type where the other side has none, and without it where both have one."""
    assert value == differs(AGENT, "x-max-length", there).there


@pytest.mark.parametrize(
    ("which", "argument", "there", "kept"),
    [
        (AGENT, "x-max-length", "'7'", True),
        (AGENT, "x-max-length", "none", True),
        (AGENT, "x-max-length", "'0'", False),
        (AGENT, "x-max-length-bytes", "the value '5000' of type 'short'", True),
        (AGENT, "x-delivery-limit", "'20'", True),
        (AGENT, "x-delivery-limit", "'19'", False),
        (AGENT, "x-delivery-limit", "'-1'", False),
        (AGENT, "x-delivery-limit", "none", True),
        (DELAYED, "x-max-length", "'7'", True),
        (DELAYED, "x-message-ttl", "'7'", False),
        (DELAYED, "x-dead-letter-routing-key", "'other'", False),
        (LETTERS, "x-delivery-limit", "'1000'", True),
        (LETTERS, "x-delivery-limit", "'999'", False),
        (LETTERS, "x-delivery-limit", "none", False),
        (LETTERS, "x-max-length", "the value '7' of type 'byte'", False),
        (AGENT, "x-overflow", "none", False),
        (AGENT, "x-queue-type", "'classic'", False),
        (AGENT, "x-dead-letter-exchange", "none", False),
        (AGENT, "x-dead-letter-strategy", "'at-most-once'", False),
        (AGENT, "x-expires", "the value '5' of type 'byte'", False),
        (AGENT, "durable", "'false'", False),
        (REQUESTS, "type", "'direct'", False),
        (REQUESTS, "alternate-exchange", "none", False),
    ],
)
def test_only_limits_are_kept(which: tuple[type, str], argument: str, there: str, *, kept: bool) -> None:
    """A limit with which nothing is lost can stay; everything else that differs would break a promise."""
    assert kept == differs(which, argument, there).kept


@pytest.mark.parametrize(
    ("which", "argument", "there", "text"),
    [
        (AGENT, "x-max-length", "'7'", "x-max-length is 7 on the broker, and amqp.max_length says 1000000"),
        (AGENT, "durable", "'false'", "durable is false on the broker, and the bridge needs true"),
        (REQUESTS, "type", "'direct'", "type is direct on the broker, and the bridge needs topic"),
        (
            DELAYED,
            "x-dead-letter-exchange",
            "none",
            "x-dead-letter-exchange is none on the broker, and the bridge needs empty",
        ),
    ],
)
def test_both_sides_are_told(which: tuple[type, str], argument: str, there: str, text: str) -> None:
    """What the broker has, what is wanted, and the setting that says so, if one does."""
    assert text == differs(which, argument, there).found


def test_what_is_cut_off_is_not_guessed() -> None:
    """The broker's text ends at 255 bytes: of a long name the argument is left, and nothing is kept."""
    cut = [differs(AGENT, "x-max-length", "'100000'", name="n" * length) for length in range(100, 200)]

    assert {"x-max-length"} == {one.argument for one in cut}
    assert [one.there == "100000" for one in cut] == [one.kept for one in cut]
    assert {True, False} == {one.kept for one in cut}
    assert "x-max-length is something else on the broker" in cut[-1].found
    assert "set amqp.max_length" not in cut[-1].advice


def test_limits_are_numbers() -> None:
    """As they are declared; None where the broker has none; what is not kept is not among them."""
    several = [
        differs(AGENT, "x-max-length", "'7'"),
        differs(AGENT, "x-delivery-limit", "none"),
        differs(AGENT, "x-overflow", "none"),
    ]

    assert {"x-max-length": 7, "x-delivery-limit": None} == limits(several)


def test_other_refusals_are_no_differences() -> None:
    """A missing permission is none; a queue that is exclusively somebody else's is one."""
    part = PARTS[AGENT]

    assert read(ChannelAccessRefused("access to queue 'x' in vhost '/' refused"), part) is None
    assert read(ChannelPreconditionFailed("PRECONDITION_FAILED - unknown delivery tag 1"), part) is None
    locked = read(ChannelLockedResource("RESOURCE_LOCKED - cannot obtain exclusive access"), part)
    assert locked is not None
    assert "exclusive is true on the broker, and the bridge needs false" == locked.found
