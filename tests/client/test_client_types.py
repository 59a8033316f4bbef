"""What the client says of errors and of requests is what the bridge's own modules say."""

import json
from typing import Any, cast

import pytest

from bridge import failures
from bridge.client import (
    BridgeClient,
    BridgeError,
    ContactNotFound,
    InvalidData,
    LcmUnavailable,
    MoreOfContact,
    NoReply,
    RequestFailed,
    UnreadableReply,
    errors,
    operations,
)
from bridge.client.call import Call
from bridge.client.replies import read_body
from bridge.failures import Detail
from bridge.operations.shipped import built_in

FAILED = {"x-bridge-status": "error"}


def failed(**told: Any) -> bytes:
    """Return the body of a failure reply."""
    return json.dumps({"message": {"response": {"success": False, **told}}}).encode()


def test_there_is_a_class_for_each_error_type() -> None:
    """As many as the bridge has, which mean the same by retryable, and have no name of the client's own."""
    known = {kind.error_type: kind.retryable for kind in failures.Failure.__subclasses__()}
    own = [kind.error_type for kind in BridgeError.__subclasses__() if kind is not RequestFailed]

    assert known == {name: kind.retryable for name, kind in errors.FAILURES.items()}
    assert len(known) == len(RequestFailed.__subclasses__())
    assert set() == known.keys() & {*own, RequestFailed.error_type}


def test_a_failure_is_raised_as_its_class() -> None:
    """With the texts, the fields and the word retryable of the reply."""
    details = [{"field": "data.UserID", "problem": "is missing"}]
    body = failed(
        errorType="INVALID_DATA", errorMessage="wrong", msg="Sorry", retryable=False, details=details
    )

    with pytest.raises(InvalidData, match="wrong") as raised:
        read_body(body, FAILED)

    assert (Detail("data.UserID", "is missing"),) == raised.value.details
    assert ("wrong", "Sorry", False) == (raised.value.text, raised.value.msg, raised.value.retryable)


def test_a_failure_of_a_later_bridge() -> None:
    """One that is not known bears its own errorType, and what the reply says of retrying."""
    with pytest.raises(RequestFailed) as raised:
        read_body(failed(errorType="LCM_ASLEEP", retryable=True), FAILED)

    assert ("LCM_ASLEEP", True) == (raised.value.error_type, raised.value.retryable)
    assert "UNKNOWN_ERROR_TYPE" == RequestFailed.error_type


def test_an_error_event_is_a_failure_too() -> None:
    """The vendor's ApiError has its members in ``data``."""
    told = {"errorType": "CONTACT_NOT_FOUND", "errorMessage": "none", "msg": "none", "retryable": False}
    with pytest.raises(ContactNotFound):
        read_body(json.dumps({"topic": "Error", "data": told}).encode(), FAILED)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"message": []}', b"{}", b"[" * 200_000])
@pytest.mark.parametrize("headers", [FAILED, {"x-bridge-status": "ok"}, {}])
def test_what_is_no_reply_is_told_as_such(body: bytes, headers: dict[str, str]) -> None:
    """Whatever a stranger sends, it is no success."""
    with pytest.raises(UnreadableReply):
        read_body(body, headers)


async def test_every_field_of_the_contract_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods send the fields of the built-in declarations, all of them and by their own names."""
    sent: dict[tuple[str, str, str], set[str]] = {}

    async def noted(_: object, address: operations.Address, data: dict[str, Any], *__: object) -> None:
        sent[address] = set(data)

    monkeypatch.setattr(BridgeClient, "_ask", noted)
    client = BridgeClient("amqp://127.0.0.1/")
    await client.create_contact(
        campaign_id="",
        call_type=0,
        start="",
        end="",
        business_fields="",
        modes="",
        is_account_number=True,
        more=cast("MoreOfContact", dict.fromkeys(MoreOfContact.__annotations__, "")),
    )
    await client.get_reserved_manual_dial_contact(agent_id="", count=1, consent=True, reserved=True)
    await client.get_reserved_contact_od(user_id="")
    await client.skip_manual_dial_contact(outcome_id=1, user_id="", account_number="", phone_number="")
    await client.manual_dial_call(phone_number="")

    declared = {
        (route.channel, route.topic, route.subtopic): set(one.form.data)
        for one in built_in()
        for route in one.form.routes
    }
    assert sent == {address: declared[address] for address in sent}
    assert len(built_in()) == len(sent)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timout": 3}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": 1e9}, ValueError),
    ],
)
async def test_options_that_cannot_be(options: Any, error: type[Exception]) -> None:
    """They are refused before anything is sent; a misspelt one, too."""
    with pytest.raises(error):
        Call(operations.CREATE, {}, source="", timeout=30, options=options)


async def test_a_message_of_each_attempt() -> None:
    """Attempts share the key and the message id, not the correlation id; each tells the time that is left."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    call = Call(
        operations.CREATE, {}, source="me", timeout=10, options={"traceparent": trace, "tracestate": None}
    )
    first, second = call.next_message("replies"), call.next_message("replies")

    assert first.message_id == second.message_id == first.headers["idempotency-key"]
    assert first.correlation_id != second.correlation_id
    assert {"idempotency-key", "x-deadline", "traceparent"} == first.headers.keys()
    assert 9_000 < int(first.properties.expiration or 0) <= 9_500


async def test_a_failure_after_a_lost_attempt_proves_nothing() -> None:
    """Where an earlier attempt was cut off, "no effect" of the last one is not said of the request."""
    last = LcmUnavailable("away", retryable=True)
    call = Call(operations.CREATE, {}, source="me", timeout=10, options={})
    call.next_message("replies")

    assert last is call.given_up(last)
    call.doubtful = True
    end = call.given_up(last)

    assert isinstance(end, NoReply)
    assert (False, last) == (end.retryable, end.__cause__)
    assert call.idempotency_key == end.idempotency_key
