"""What can never work is refused where it is said, before anything is sent."""

from typing import Any

import pytest

from bridge.client import BridgeClient, NoReply, operations
from bridge.client.call import Call
from bridge.client.operations import of_lcm


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "http://localhost/",
        "amqp://",
        "amqp://localhost:notaport/",
        "amqp://localhost:99999/",
        "amqp://localhost/,",
        "amqp://me:sec,ret@localhost/",
        "amqp://me:\ud800@localhost/",
    ],
)
def test_a_url_that_cannot_be(url: str) -> None:
    """It is refused with the number of its node, and without its password."""
    with pytest.raises(ValueError, match=r"node [12] of the url") as told:
        BridgeClient(url)

    assert "sec" not in str(told.value)
    assert told.value.__context__ is None


@pytest.mark.parametrize("name", ["", "x" * 215, "\u00e4" * 108, "\ud800", "amq.mine", 7])
def test_a_name_that_cannot_be(name: Any) -> None:
    """The reply queue's name begins with it."""
    with pytest.raises((ValueError, TypeError), match="name"):
        BridgeClient("amqp://localhost/", name=name)


def test_names_that_can_be() -> None:
    """The longest name, and several nodes with a comma in a password."""
    BridgeClient("amqp://me:sec%2Cret@one/,amqps://two:5671/vhost", name="x" * 214, prefix="p" * 246)
    with pytest.raises(ValueError, match="prefix"):
        BridgeClient("amqp://localhost/", prefix="p" * 247)


@pytest.mark.parametrize("subtopic", ["x" * 241, "\ud800", "\u00e4" * 121, None])
async def test_an_operation_that_cannot_be_routed(subtopic: Any) -> None:
    """A routing key has 255 bytes."""
    with pytest.raises((ValueError, TypeError), match="routing key"):
        Call(of_lcm(subtopic), {}, source="", timeout=30, options={})


@pytest.mark.parametrize("name", ["idempotency_key", "traceparent", "tracestate"])
@pytest.mark.parametrize("value", [object(), 7, b"x", "\ud800", "x" * 8193])
async def test_an_option_that_is_no_header(name: str, value: Any) -> None:
    """Headers are texts that one frame holds."""
    options: Any = {name: value}
    with pytest.raises((ValueError, TypeError), match=name):
        Call(operations.CREATE, {}, source="", timeout=30, options=options)


async def test_a_send_without_a_confirm() -> None:
    """Its text speaks of the confirm: nobody waits for a reply."""
    call = Call(operations.CREATE, {}, source="", timeout=30, options={})
    call.next_message(None)
    call.stage, call.doubtful = "an answer", True

    end = call.ended(closed=False, connection="")

    assert isinstance(end, NoReply)
    assert "CreateContact was not confirmed within 30 s" in end.text
    assert "reply" not in end.text
    assert "send it again with the same idempotency key" in end.text
