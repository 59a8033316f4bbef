"""Headers of a request that is sent on: what outgrows a frame is left out, never its key."""

from typing import Any

import pytest
from pamqp.commands import Basic

from bridge.bus.wire import CONTENT, properties_on_the_wire, read_properties
from bridge.messages import Properties

FRAME_MAX = 131_072

OURS = {"idempotency-key": "k" * 255, "x-deadline": 1, "x-attempts": 2, "x-original-routing-key": "r" * 255}


@pytest.mark.parametrize("others", [{f"h-{n}": "x" * 40 for n in range(2600)}, {"big": "x" * 130_000}])
def test_the_key_is_never_left_out(others: dict[str, str]) -> None:
    """Under another key, or none, its side effect could happen twice."""
    sent = properties_on_the_wire(Properties(headers=others | OURS), FRAME_MAX)

    assert OURS == {name: (sent.headers or {}).get(name) for name in OURS}
    assert "x-bridge-left-out" in (sent.headers or {})
    assert len(sent.marshal()) < FRAME_MAX


def test_a_key_that_is_none_is_left_out_like_any_header() -> None:
    """Larger than a key may be: the request was refused for it, and its dead letter must fit."""
    sent = properties_on_the_wire(Properties(headers={"idempotency-key": "k" * 140_000}), FRAME_MAX)

    assert {"x-bridge-left-out": "idempotency-key"} == sent.headers


def test_what_was_read_can_be_read_again_with_what_broker_and_bridge_add() -> None:
    """A request that was parked with a thousand values in its headers comes back as the one that it is."""
    values: dict[str, Any] = {
        "padding": "x" * 5_000,
        "many": [True] * 500,
        "more": {f"k{n}": n for n in range(490)},
    }
    sent = properties_on_the_wire(Properties(headers=values | OURS), FRAME_MAX)
    deaths = [{f"k{n}": "of the broker" for n in range(9)}] * 9
    headers: dict[str, Any] = {**(sent.headers or {}), "x-death": deaths}
    back = Basic.Properties(headers=headers)

    found, unreadable = read_properties(CONTENT.pack(60, 0, 0) + back.marshal())

    assert "" == unreadable
    assert OURS == {name: found.headers.get(name) for name in OURS}
    assert "many" == found.headers["x-bridge-left-out"]
