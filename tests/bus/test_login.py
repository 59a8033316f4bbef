"""What is told of a node that does not let the bridge in."""

import pytest
from aiormq.exceptions import ConnectionClosed
from yarl import URL

from bridge.bus.login import cut_off


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (530, "NOT_ALLOWED - vhost mine not found", "is mine the right virtual host"),
        (320, "CONNECTION_FORCED - shutdown", "see the log of RabbitMQ"),
    ],
)
def test_a_node_that_says_why_it_closes(code: int, reason: str, advice: str) -> None:
    """The virtual host is asked about only where the node does not allow it; the reason is always told."""
    told = cut_off(ConnectionClosed(code, reason), URL("amqp://bridge:hunter2@rabbit/mine"))

    assert told is not None
    assert f"it knows bridge, and closed the connection: {reason}" == told.found
    assert told.advice.startswith(advice)
