"""How long a requester waits, and by which key a request is known again."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from operations.core_deliveries import delivered

from bridge.failures import InvalidEnvelope

SENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
"""Unix time 1,700,000,000."""


@pytest.mark.parametrize(
    ("properties", "deadline"),
    [
        ({}, None),
        ({"timestamp": SENT}, None),
        ({"expiration": "5000", "timestamp": SENT}, 1_700_000_005.0),
        ({"expiration": "5000"}, 1_700_000_065.0),
        ({"expiration": "0", "timestamp": SENT}, 1_700_000_000.0),
        ({"expiration": "1", "timestamp": SENT}, 1_700_000_000.001),
        ({"headers": {"x-deadline": 1_700_000_001_500}}, 1_700_000_001.5),
        ({"headers": {"x-deadline": "1700000001500"}}, 1_700_000_001.5),
        ({"headers": {"x-deadline": 0}}, 0.0),
        ({"headers": {"x-deadline": "0" * 30 + "5"}}, 0.005),
        ({"headers": {"x-deadline": "9" * 18}}, 10.0**15),
        ({"headers": {"x-deadline": "1" + "0" * 18}}, math.inf),
        ({"headers": {"x-deadline": 1_700_000_001_500}, "expiration": "5000"}, 1_700_000_001.5),
        ({"headers": {"x-deadline": 1_800_000_000_000}, "expiration": "5000"}, 1_700_000_065.0),
        (
            {"headers": {"x-deadline": 1_700_000_009_000}, "expiration": "5000", "timestamp": SENT},
            1_700_000_005.0,
        ),
        ({"expiration": ""}, None),
        ({"expiration": "soon"}, None),
    ],
)
def test_the_deadline_is_the_earliest(properties: dict[str, Any], deadline: float | None) -> None:
    """Of header x-deadline and timestamp + expiration; without a timestamp, delivery + expiration."""
    assert deadline == delivered(received=1_700_000_060.0, **properties).deadline()


@pytest.mark.parametrize(
    "stated", ["", " ", "soon", "1.5", "-1", -1, 1.5, True, False, SENT, b"1", Decimal(1), [], {}, "\u00b2"]
)
def test_a_deadline_that_is_no_time_is_refused(stated: object) -> None:
    """Neither guessed nor ignored: the requester meant something by it."""
    with pytest.raises(InvalidEnvelope, match="x-deadline"):
        delivered(headers={"x-deadline": stated}).deadline()


@pytest.mark.parametrize("stated", [10**19, 2**64, "9" * 255, "9" * 5_000])
def test_a_deadline_far_away_is_none_to_worry_about(stated: int | str) -> None:
    """It is read as a time beyond every call."""
    deadline = delivered(headers={"x-deadline": stated}).deadline()

    assert deadline is not None
    assert deadline > 10**15


def test_the_time_waited_counts_from_the_timestamp() -> None:
    """Unknown without one, and never negative: clocks differ."""
    assert delivered().waited() is None
    assert 60.0 == delivered(timestamp=SENT, received=1_700_000_060.0).waited()
    assert 0.0 == delivered(timestamp=SENT, received=1_699_999_999.0).waited()


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({}, None),
        ({"correlation_id": "c"}, None),
        ({"reply_to": "q"}, None),
        (
            {"headers": {"idempotency-key": "k"}, "message_id": "m", "reply_to": "q", "correlation_id": "c"},
            ("header", ("k",)),
        ),
        ({"headers": {"idempotency-key": "k" * 255}}, ("header", ("k" * 255,))),
        ({"headers": {"idempotency-key": None}, "message_id": "m"}, ("message-id", ("m",))),
        ({"message_id": "m", "reply_to": "q", "correlation_id": "c"}, ("message-id", ("m",))),
        ({"reply_to": "q", "correlation_id": "c"}, ("reply-address", ("q", "c"))),
        ({"message_id": "", "reply_to": "q", "correlation_id": ""}, None),
    ],
)
def test_the_key_is_the_first_that_is_given(properties: dict[str, Any], key: object) -> None:
    """Header idempotency-key, else the message id, else none of a lone correlation id; it says which."""
    assert key == delivered(**properties).key()


def test_reply_queue_and_correlation_id_are_a_key_together() -> None:
    """Each requester counts for itself; the same pair is the same key."""
    pairs = [("q", "c"), ("q", "d"), ("p", "c")]
    keys = [delivered(reply_to=q, correlation_id=c, message_id="").key() for q, c in pairs]

    assert 3 == len(set(keys) - {None})
    assert keys[0] == delivered(reply_to="q", correlation_id="c").key()


@pytest.mark.parametrize("key", ["", "k" * 256, 5, True, 1.5, b"k", ["k"], {"k": 1}, SENT])
def test_a_header_that_is_no_key_is_refused(key: object) -> None:
    """A request whose protection was asked for is not carried out without it."""
    with pytest.raises(InvalidEnvelope, match="idempotency-key"):
        delivered(headers={"idempotency-key": key}, message_id="m").key()
