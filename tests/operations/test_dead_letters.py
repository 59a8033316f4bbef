"""A request that nobody is told of is kept whole, with why and whence in its headers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from operations.core_deliveries import FULL, delivered

from bridge.forwarding import dead_letter
from bridge.messages import Delivery, Outgoing, Reason


def dead(
    delivery: Delivery, *, error: str = "LCM is away", reason: Reason = Reason.RETRIES_EXHAUSTED
) -> Outgoing:
    """Return the dead letter of a delivery."""
    return dead_letter(
        delivery,
        exchange="lcm.dead-letters",
        queue="lcm.dead-letters.q",
        reason=reason,
        error=error,
        operation="CreateContact",
        attempts=3,
    )


def test_it_goes_to_the_dead_letter_queue_with_its_body() -> None:
    """Byte for byte, mandatory."""
    outgoing = dead(delivered(body=b"\xff not JSON"))

    assert ("lcm.dead-letters", "lcm.dead-letters.q", b"\xff not JSON", True) == (
        outgoing.exchange,
        outgoing.routing_key,
        outgoing.body,
        outgoing.mandatory,
    )


def test_a_body_that_was_too_large_is_there_in_part() -> None:
    """Its size is told, so that nobody takes the beginning for the whole."""
    letter = dead(replace(delivered(body=b"the beginning"), left_out=1000))

    assert (b"the beginning", 1013) == (letter.body, letter.properties.headers["x-bridge-body-bytes"])


def test_the_original_properties_are_kept() -> None:
    """Persistent now, and less the two that the broker would act upon."""
    delivery = delivered(**FULL)
    properties = dead(delivery).properties

    assert (
        replace(
            delivery.properties, delivery_mode=2, expiration=None, user_id=None, headers=properties.headers
        )
        == properties
    )


def test_its_headers_say_why_and_whence() -> None:
    """Beside the original ones."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    headers = dict(dead(delivered(**FULL)).properties.headers)
    at = headers.pop("x-dead-lettered-at")

    assert before <= at <= datetime.now(UTC)
    assert {
        "idempotency-key": "k",
        "traceparent": "t",
        "x-own": [1],
        "x-reason": "retries-exhausted",
        "x-error": "LCM is away",
        "x-operation": "CreateContact",
        "x-attempts": 3,
        "x-original-exchange": "lcm.requests",
        "x-original-routing-key": "LCM.WebService.GetReservedContactOD",
        "x-original-expiration": "5000",
        "x-original-user-id": "widget",
    } == headers


def test_what_a_publisher_wrote_does_not_stand_for_the_bridges_own() -> None:
    """Forged headers are written over."""
    forged = dict.fromkeys(
        ("x-reason", "x-error", "x-operation", "x-attempts", "x-original-exchange", "x-original-routing-key",
         "x-dead-lettered-at", "x-original-expiration", "x-original-user-id"),
        "forged",
    )  # fmt: skip

    assert "forged" not in dead(delivered(**{**FULL, "headers": forged})).properties.headers.values()


def test_the_requests_own_headers_are_not_changed() -> None:
    """They are read again when the next attempt fails as well."""
    delivery = delivered(**FULL)
    dead(delivery)

    assert {"idempotency-key": "k", "traceparent": "t", "x-own": [1]} == delivery.properties.headers


@pytest.mark.parametrize("done", [True, False])
def test_a_letter_says_what_happened_to_the_request(*, done: bool) -> None:
    """That LCM carried it out, and which of its properties are lost."""
    lost = replace(delivered(), unreadable="headers" if done else "")
    letter = dead_letter(
        lost,
        exchange="",
        queue="q",
        reason=Reason.REPLY_TO_REFUSED,
        error="",
        operation="CreateContact",
        attempts=1,
        effect_done=done,
    )
    told = {"x-effect-done": True, "x-bridge-unreadable": "headers"} if done else {}

    assert told == {
        name: value
        for name, value in letter.properties.headers.items()
        if name in ("x-effect-done", "x-bridge-unreadable")
    }


def test_a_bare_request_gets_no_headers_for_what_it_had_not() -> None:
    """Neither expiration nor user."""
    headers = dead(delivered()).properties.headers

    assert not {"x-original-expiration", "x-original-user-id"} & headers.keys()


def test_a_long_error_is_cut() -> None:
    """All headers must fit into one frame, or the broker closes the connection."""
    error = dead(delivered(), error="é" * 1_000_000).properties.headers["x-error"]

    assert error.startswith("ééé")
    assert len(error.encode()) < 5_000


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_its_plain_text(reason: Reason) -> None:
    """A header of the broker's own type, and a metric's label."""
    header = dead(delivered(), reason=reason).properties.headers["x-reason"]

    assert (str, reason.value) == (type(header), header)


def test_the_reasons_are_the_contracts() -> None:
    """Those that the bridge itself finds are all among them."""
    contract = {
        "reply-as-request", "failure-without-reply-to", "reply-to-refused", "retries-exhausted",
        "outcome-unknown", "expired", "delivery-limit",
    }  # fmt: skip

    assert {reason.value for reason in Reason} <= contract


@pytest.mark.parametrize(
    "name",
    [
        *("x-original-user-id", "x-original-expiration"),
        *("x-effect-done", "x-bridge-unreadable", "x-bridge-body-bytes"),
    ],
)
def test_a_publishers_own_word_on_the_original_is_dropped(name: str) -> None:
    """The bridge alone says who sent a request, until when, what is lost of it, or that it was done."""
    letter = dead(delivered(headers={name: "forged"}))

    assert name not in letter.properties.headers
