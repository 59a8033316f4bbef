"""Names without which nothing can be parked: of the delayed queues, and of the bridge's own user."""

import pytest
from settings.settings_sources import Sources, faults, value_of

from bridge.configuration import load

LONGEST = 255 - len("lcm.retry..86400000")


@pytest.mark.parametrize("queue", ["agent_queue", "campaign_queue"])
def test_a_name_whose_delayed_queues_are_too_long(given: Sources, queue: str) -> None:
    """AMQP carries 255 bytes; the text says how many are too many."""
    given.environment(
        AMQP__PREFIX="p" * 64, **{f"AMQP__{queue.upper()}": "q" * (LONGEST - 64 + len("lcm") + 3)}
    )

    expected = (
        f"amqp: {queue} is 3 bytes too long: its delayed queues are named "
        f"<prefix>.retry.<{queue}>.<milliseconds>, and AMQP carries 255 bytes"
    )
    assert [expected] == faults()


def test_a_name_whose_delayed_queues_just_fit(given: Sources) -> None:
    """Two hundred and fifty-five bytes are not too many."""
    name = "q" * (LONGEST - 64 + len("lcm"))
    given.environment(AMQP__PREFIX="p" * 64, AMQP__AGENT_QUEUE=name)

    assert name == value_of(load(), "amqp.agent_queue")


@pytest.mark.parametrize("queue", ["AGENT_QUEUE", "CAMPAIGN_QUEUE", "DEAD_LETTERS_QUEUE"])
def test_a_name_of_a_delayed_queue(given: Sources, queue: str) -> None:
    """Replies to such names are refused, and what goes there is taken for parked."""
    given.environment(**{f"AMQP__{queue}": "lcm.retry.mine"})

    assert ["amqp: no queue may be named lcm.retry.* : the delayed queues are"] == faults()


def test_a_certificates_user_must_be_named(given: Sources) -> None:
    """The bridge signs what it parks, and the broker refuses another's name."""
    given.environment(AMQP__URL="amqps://broker.example/?auth=external")

    assert ["amqp: with auth external, username must be the one that the certificate stands for"] == faults()

    given.environment(AMQP__URL="amqps://bridge@broker.example/?auth=external")
    assert "amqps://bridge@broker.example/?auth=external" == value_of(load(), "amqp.url")
