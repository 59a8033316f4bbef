"""What a dead letter says, and whom it is believed: the bridge, the broker, or anybody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from operations.core_deliveries import delivered
from operations.core_letters import OWN_USER, in_the_queue, letter, written

from bridge import forwarding
from bridge.headers import EFFECT_DONE
from bridge.letters import age, identify, without_body
from bridge.messages import Properties, RequestKey

AT = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
BODY = orjson.dumps({"channel": "LCM", "topic": "WebService", "subtopic": "CreateContact", "data": {}})
DEATH = {
    "reason": "expired",
    "queue": "lcm.requests.campaign",
    "exchange": "lcm.requests",
    "routing-keys": ["LCM.WebService.CreateContact"],
    "time": AT,
    "count": 1,
}
ON_TRUST = {
    "x-reason": "retries-exhausted",
    "x-error": "LCM was away",
    "x-attempts": 4,
    "x-original-user-id": "director",
}


def test_the_bridges_letter() -> None:
    """Everything that it wrote, and the request as it was."""
    request = delivered(body=BODY, message_id="m", user_id="widget", expiration="5000")

    found = letter(written(request))

    assert ("retries-exhausted", "LCM was away", "CreateContact", "campaign", 4, True) == (
        found.reason,
        found.error,
        found.operation,
        found.lane,
        found.attempts,
        found.signed,
    )
    assert RequestKey("message-id", ("m",)) == found.key
    assert ("", "", "", False) == (found.key_fault, found.unreadable, found.queue, found.effect_done)
    assert found.at == found.properties.headers["x-dead-lettered-at"]
    assert ("lcm.requests", "LCM.WebService.GetReservedContactOD", "widget") == (
        found.request.exchange,
        found.request.routing_key,
        found.request.properties.user_id,
    )


def test_what_the_bridge_says_of_a_request_that_cannot_be_read() -> None:
    """Its operation, what of it is lost, that LCM carried it out; its key is none."""
    request = replace(
        delivered(body=b"\xff", headers={"idempotency-key": 7}), unreadable="timestamp", exchange="x"
    )
    found = letter(written(request, **{EFFECT_DONE: True}))

    assert ("CreateContact", "timestamp", True, "x") == (
        found.operation,
        found.unreadable,
        found.effect_done,
        found.request.exchange,
    )
    assert (None, "the header idempotency-key must be text of 1 to 255 characters") == (
        found.key,
        found.key_fault,
    )


def test_what_anybody_says_of_a_request_that_cannot_be_read() -> None:
    """Neither its operation nor what is lost of it is believed."""
    headers = {"x-reason": "expired", "x-operation": "CreateContact", "x-bridge-unreadable": "timestamp"}
    found = letter(delivered(body=b"\xff", headers=headers))

    assert ("expired", "unknown", "", "") == (found.reason, found.operation, found.unreadable, found.error)
    assert "agent" == found.lane
    assert identify(delivered(body=b"\xff", headers=headers)) == found.id


@pytest.mark.parametrize(
    ("death", "told", "way"),
    [
        ({"queue": "q", "routing-keys": ["k"]}, "the broker took it out of q", ("", "k")),
        ({"queue": "q", "exchange": "x", "routing-keys": []}, "the broker took it out of q", ("", "")),
        ({"exchange": "x", "routing-keys": ["k"]}, "", ("x", "k")),
    ],
)
def test_what_the_broker_leaves_unsaid(death: dict[str, Any], told: str, way: tuple[str, str]) -> None:
    """It is empty; without a routing key there is no way back."""
    found = letter(delivered(body=BODY, headers={"x-death": [{"reason": "other", **death}]}))

    assert ("unknown", told, death.get("queue", ""), way) == (
        found.reason,
        found.error,
        found.queue,
        (found.request.exchange, found.request.routing_key),
    )


def test_the_brokers_letter() -> None:
    """Reason, time, queue and way from the broker, the operation from the body, the user from the broker."""
    found = letter(delivered(body=BODY, message_id="m", user_id="widget", headers={"x-death": [DEATH]}))

    assert ("expired", AT, "CreateContact", None, "lcm.requests.campaign", "widget") == (
        found.reason,
        found.at,
        found.operation,
        found.attempts,
        found.queue,
        found.request.properties.user_id,
    )
    assert ("lcm.requests", "LCM.WebService.CreateContact") == (
        found.request.exchange,
        found.request.routing_key,
    )


def test_a_parked_request_that_the_broker_gave_up() -> None:
    """The bridge's notes on it are believed, the reason is the broker's."""
    request = delivered(body=BODY, message_id="m", user_id="widget")
    parked = forwarding.parked(request, queue="lcm.retry", attempts=2, deadline=None)
    death = {**DEATH, "reason": "delivery_limit", "exchange": "", "routing-keys": ["lcm.requests.campaign"]}

    found = letter(in_the_queue(parked, **{"x-death": [death]}))

    assert ("delivery-limit", "widget", "lcm.requests") == (
        found.reason,
        found.request.properties.user_id,
        found.request.exchange,
    )


@pytest.mark.parametrize("user", [None, "stranger"])
def test_what_a_stranger_writes_is_not_believed(user: str | None) -> None:
    """Neither another's name nor, beside what the broker says, another reason."""
    found = letter(delivered(body=BODY, user_id=user, headers={**ON_TRUST, "x-death": [DEATH]}))

    assert ("expired", None, user, False) == (
        found.reason,
        found.attempts,
        found.request.properties.user_id,
        found.signed,
    )


def test_an_unknown_outcome_is_believed_of_everybody() -> None:
    """It is the careful side."""
    headers = {"x-reason": "outcome-unknown", "x-death": [DEATH]}

    found = letter(delivered(body=BODY, headers=headers))

    assert (True, "") == (found.unknown_outcome, found.queue)


def test_a_letter_of_before_letters_were_signed() -> None:
    """It says why and where from, but nobody's name."""
    headers = {
        **ON_TRUST,
        "x-original-exchange": "lcm.requests",
        "x-original-routing-key": "LCM.WebService.CreateContact",
    }

    found = letter(delivered(body=BODY, message_id="m", headers=headers))

    assert ("retries-exhausted", 4, None) == (found.reason, found.attempts, found.request.properties.user_id)
    assert ("lcm.requests", "LCM.WebService.CreateContact") == (
        found.request.exchange,
        found.request.routing_key,
    )


def test_a_letter_that_says_not_where_from() -> None:
    """Nor does the broker: there is no way back."""
    found = letter(delivered(body=BODY, headers={"x-reason": "retries-exhausted"}))

    assert ("", "") == (found.request.exchange, found.request.routing_key)


def test_the_age_of_a_letter() -> None:
    """In seconds; nobody knows it where the time is not told."""
    hour = timedelta(hours=1)
    old = letter(delivered(headers={"x-reason": "expired", "x-dead-lettered-at": datetime.now(UTC) - hour}))

    seconds = age(old)
    assert seconds is not None
    assert 3600 <= seconds < 7200
    assert age(letter(delivered())) is None


def test_a_letter_is_kept_without_what_makes_it_large() -> None:
    """Body and properties; all else stays."""
    found = letter(written(delivered(body=BODY, message_id="m")))

    small = without_body(found)

    assert (b"", Properties(), Properties()) == (
        small.request.body,
        small.request.properties,
        small.properties,
    )
    whole = replace(small.request, body=found.request.body, properties=found.request.properties)
    assert found == replace(small, request=whole, properties=found.properties)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-death": []},
        {"x-death": "x"},
        {"x-death": [7]},
        {"x-death": [{"reason": 7, "time": "soon", "routing-keys": 7, "exchange": None, "queue": b"\xff"}]},
        {"x-reason": 7, "x-dead-lettered-at": 7, "x-attempts": "many", "x-error": None},
        {"x-reason": ["expired"], "x-original-exchange": {}, "x-original-routing-key": 7},
        {"idempotency-key": 7},
    ],
)
@pytest.mark.parametrize("user", [None, OWN_USER])
def test_headers_of_other_types(headers: dict[str, Any], user: str | None) -> None:
    """They are read as not told; nothing fails."""
    found = letter(delivered(body=b"\xff", user_id=user, headers={"x-attempts": 1, **headers}))

    assert ("unknown", "unknown", None, None) == (found.reason, found.operation, found.at, found.key)
    assert found.attempts in (1, None)


def test_the_id_stays_when_a_letter_is_looked_at() -> None:
    """The broker counts deliveries in a header, which is none of the letter's own."""
    plain = written(delivered(body=BODY, message_id="m"))
    seen = replace(
        plain,
        properties=replace(
            plain.properties,
            headers={"x-delivery-count": 7, "x-acquired-count": 8, **plain.properties.headers},
        ),
    )

    assert identify(plain) == identify(seen)
    reversed_headers = dict(reversed(plain.properties.headers.items()))
    assert identify(plain) == identify(
        replace(plain, properties=replace(plain.properties, headers=reversed_headers))
    )
    for other in (replace(plain.properties, headers={}), replace(plain.properties, message_id="n")):
        assert identify(plain) != identify(replace(plain, properties=other))
    assert identify(plain) != identify(replace(plain, unreadable="timestamp"))
    assert identify(plain) != identify(replace(plain, body=BODY + b" "))
