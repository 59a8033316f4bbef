"""The messages that answer a request: bodies, properties and headers, member for member."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from operations.core_deliveries import delivered

from bridge import __version__
from bridge.failures import (
    ContactNotFound,
    ContactNotReserved,
    Detail,
    Failure,
    InternalError,
    InvalidData,
    InvalidEnvelope,
    LcmBadResponse,
    LcmTimeout,
    LcmUnavailable,
    NotPermitted,
    OutcomeUnknown,
    RequestExpired,
    UnknownOperation,
    WsError,
)
from bridge.jsontypes import JsonObject
from bridge.operations.model import Address
from bridge.replies import encode, error_event, event, failure_body, reply, reply_body

ADDRESS = Address("LCM", "WebService", "ContactOD")
BODY: JsonObject = reply_body(ADDRESS, {"response": []})
FAILURES: list[tuple[Failure, str, bool]] = [
    (InvalidEnvelope("m"), "INVALID_ENVELOPE", False),
    (UnknownOperation("m"), "UNKNOWN_OPERATION", False),
    (InvalidData([Detail("data.a", "m")]), "INVALID_DATA", False),
    (NotPermitted("m"), "NOT_PERMITTED", False),
    (RequestExpired("m"), "REQUEST_EXPIRED", True),
    (ContactNotReserved("m"), "CONTACT_NOT_RESERVED", False),
    (ContactNotFound("m"), "CONTACT_NOT_FOUND", False),
    (WsError("m"), "WS_Error", False),
    (LcmUnavailable("m"), "LCM_UNAVAILABLE", True),
    (LcmTimeout("m"), "LCM_TIMEOUT", True),
    (LcmBadResponse("m"), "LCM_BAD_RESPONSE", False),
    (OutcomeUnknown("m"), "OUTCOME_UNKNOWN", False),
    (InternalError("m"), "INTERNAL_ERROR", True),
]


def test_a_reply_has_the_vendors_members_in_order() -> None:
    """Compact UTF-8, text beyond ASCII as it is."""
    body = reply_body(ADDRESS, {"response": "Zoë \u2028"})

    assert (
        '{"channel":"LCM","topic":"WebService","subtopic":"ContactOD","message":{"response":"Zoë \u2028"}}'
        == encode(body).decode("utf-8")
    )


@pytest.mark.parametrize("number", [0, 2**63, 2**64, -(2**63) - 1, 10**100, 0.1, 1e16, 1e300, -0.5])
def test_a_number_keeps_its_value(number: float) -> None:
    """Also beyond 64 bits, as a relayed request may hold it, whatever else stands beside it."""
    encoded = encode({"a": [number], "b": "Zoë"})

    assert {"a": [number], "b": "Zoë"} == json.loads(encoded)
    assert b" " not in encoded
    assert "Zoë".encode() in encoded


def test_what_json_cannot_say_is_not_written() -> None:
    """Beside a number beyond 64 bits either, which another writer takes."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"a": [2**64, float("nan")]})


def test_a_failure_reply_has_the_contracts_members_in_order() -> None:
    """On the operation's normal reply subtopic; details only with INVALID_DATA."""
    assert (
        '{"channel":"LCM","topic":"WebService","subtopic":"ContactOD","message":{"response":{"success":false,'
        '"errorType":"CONTACT_NOT_FOUND","errorMessage":"LCM has none","msg":"Contact not found",'
        '"retryable":false}}}'
    ) == encode(failure_body(ADDRESS, ContactNotFound("LCM has none"))).decode()
    assert (
        '{"channel":"LCM","topic":"WebService","subtopic":"ContactOD","message":{"response":{"success":false,'
        '"errorType":"INVALID_DATA","errorMessage":"data.A is missing; data.B must be a string",'
        '"msg":"The request is incomplete or holds a wrong value.","retryable":false,'
        '"details":[{"field":"data.A","problem":"is missing"},'
        '{"field":"data.B","problem":"must be a string"}]}}}'
    ) == encode(
        failure_body(
            ADDRESS, InvalidData([Detail("data.A", "is missing"), Detail("data.B", "must be a string")])
        )
    ).decode()


@pytest.mark.parametrize(("failure", "error_type", "retryable"), FAILURES, ids=lambda value: str(value)[:20])
def test_every_failure_says_what_it_is(failure: Failure, error_type: str, retryable: bool) -> None:  # noqa: FBT001
    """Its type, whether it may be sent again, and a sentence for the person at the desk."""
    response: Any = failure_body(ADDRESS, failure)["message"]

    assert (False, error_type, retryable) == (
        response["response"]["success"],
        response["response"]["errorType"],
        response["response"]["retryable"],
    )
    assert failure.message == response["response"]["errorMessage"]
    assert len(response["response"]["msg"]) > 10
    assert isinstance(failure, InvalidData) == ("details" in response["response"])


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        ("Amazon", "Amazon"),
        (" Amazon ", "Amazon"),
        ("x", "x"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "LCM"),
        ("", "LCM"),
        ("  ", "LCM"),
        (None, "LCM"),
    ],
)
def test_an_error_event_bears_the_requests_channel(channel: str | None, shown: str) -> None:
    """Else LCM: nobody publishes under an empty or an endless name."""
    expected: JsonObject = {
        "channel": shown,
        "topic": "Error",
        "subtopic": "ApiError",
        "data": {
            "errorType": "UNKNOWN_OPERATION",
            "errorMessage": "no such thing",
            "msg": "This function is not available.",
            "retryable": False,
        },
    }

    assert json.dumps(expected) == json.dumps(error_event(channel, UnknownOperation("no such thing")))


def test_a_reply_is_addressed_to_the_requesters_queue() -> None:
    """Through the default exchange, mandatory: a queue that has gone is noticed."""
    outgoing = reply(delivered(reply_to="widget.7"), BODY)

    assert ("", "widget.7", encode(BODY), True) == (
        outgoing.exchange,
        outgoing.routing_key,
        outgoing.body,
        outgoing.mandatory,
    )


def test_a_direct_reply_is_not_mandatory() -> None:
    """RabbitMQ 3.10 returns such a message although it was delivered."""
    assert not reply(delivered(reply_to="amq.rabbitmq.reply-to.g1h2AA5.k=="), BODY).mandatory


def test_a_reply_has_the_contracts_properties() -> None:
    """None of them the request's own but the correlation id."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    delivery = delivered(
        reply_to="q",
        correlation_id="c",
        message_id="m",
        expiration="5",
        user_id="u",
        priority=3,
        app_id="widget",
    )

    properties = reply(delivery, BODY).properties

    assert ("application/json", 2, "c", "ContactOD", "lcm-bridge") == (
        properties.content_type,
        properties.delivery_mode,
        properties.correlation_id,
        properties.message_type,
        properties.app_id,
    )
    assert (None, None, None, None) == (
        properties.reply_to,
        properties.expiration,
        properties.user_id,
        properties.priority,
    )
    assert properties.timestamp is not None
    assert before <= properties.timestamp <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"correlation_id": "c", "message_id": "m"}, "c"),
        ({"message_id": "m"}, "m"),
        ({"correlation_id": "", "message_id": "m"}, "m"),
        ({}, None),
    ],
)
def test_a_reply_is_correlated(properties: dict[str, Any], expected: str | None) -> None:
    """By the request's correlation id; where it has none, by its message id."""
    assert expected == reply(delivered(reply_to="q", **properties), BODY).properties.correlation_id


def test_every_message_has_a_message_id_of_its_own() -> None:
    """Returned messages are matched by it."""
    delivery = delivered(reply_to="q", message_id="m")
    ids = {reply(delivery, BODY).properties.message_id for _ in range(5)}

    assert 5 == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", str(one)) for one in ids)


def test_the_headers_of_a_success() -> None:
    """Status and version; the cache only where it can answer."""
    assert {"x-bridge-status": "ok", "x-bridge-version": __version__} == reply(
        delivered(), BODY
    ).properties.headers
    assert {"x-bridge-status": "ok", "x-bridge-version": __version__, "x-bridge-cache": "stale"} == reply(
        delivered(), BODY, cache="stale"
    ).properties.headers


def test_a_repeated_answer_says_that_it_is_one() -> None:
    """In a reply and in an event: LCM was not asked again."""
    for outgoing in (
        reply(delivered(reply_to="q"), BODY, cache="hit", replayed=True),
        event(delivered(), ADDRESS, BODY, exchange="e", cache="hit", replayed=True),
    ):
        headers = outgoing.properties.headers
        assert (True, "hit") == (headers["x-bridge-replayed"], headers["x-bridge-cache"])


def test_the_headers_of_a_failure() -> None:
    """The type of the error beside its status, and the type of the error event as the property."""
    body = error_event(None, UnknownOperation("m"))
    properties = reply(delivered(), body, error_type="UNKNOWN_OPERATION").properties

    assert "ApiError" == properties.message_type
    assert {
        "x-bridge-status": "error",
        "x-bridge-version": __version__,
        "x-bridge-error-type": "UNKNOWN_OPERATION",
    } == properties.headers


def test_headers_of_the_request_do_not_come_back() -> None:
    """None of them: what the bridge says stands there."""
    headers = {"traceparent": "t", "x-own": "1", "x-bridge-status": "forged"}
    replied = reply(delivered(headers=headers), BODY).properties.headers

    assert {"x-bridge-status": "ok", "x-bridge-version": __version__} == replied


def test_an_event_goes_to_its_exchange_by_the_replys_address() -> None:
    """With the request's key, so that a softphone can drop a repetition."""
    address = Address("UI", "InboundCall", "ManualDialCall")
    body = reply_body(address, {"data": {}})

    outgoing = event(delivered(message_id="m", reply_to="q"), address, body, exchange="lcm.events")

    assert ("lcm.events", "UI.InboundCall.ManualDialCall", encode(body), 2, "ManualDialCall") == (
        outgoing.exchange,
        outgoing.routing_key,
        outgoing.body,
        outgoing.properties.delivery_mode,
        outgoing.properties.message_type,
    )
    assert {
        "x-bridge-status": "ok",
        "x-bridge-version": __version__,
        "idempotency-key": "m",
    } == outgoing.properties.headers


def test_an_event_of_a_request_without_a_key_has_none() -> None:
    """None is made up."""
    assert "idempotency-key" not in event(delivered(), ADDRESS, BODY, exchange="e").properties.headers


def test_what_lcm_says_at_any_length_is_bounded() -> None:
    """Its texts reach the requester, the dead letter and the log."""
    failure = ContactNotFound("m" * 1_000_000, msg="d" * 1_000_000)

    assert (2000, 500) == (len(failure.message), len(failure.msg))
