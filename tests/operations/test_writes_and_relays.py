"""What LCM's answers to writes become, and what a dial call relays."""

import json

import pytest
from operations.core_requests import CATALOGUE, answered, read

from bridge.failures import ContactNotFound, WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.model import UnexpectedResult
from bridge.replies import encode, reply_body


@pytest.mark.parametrize(
    "result",
    [
        True,
        {"success": True},
        {"Success": True, "msg": "done"},
        {"SUCCESS": True, "RequestFailureReason": ""},
    ],
)
def test_a_skip_that_happened_is_a_success(result: JsonValue) -> None:
    """As in the sample, and nothing more."""
    assert {"response": {"success": True}} == answered("SkipManualDialContact", result).message


@pytest.mark.parametrize(
    ("result", "message", "msg"),
    [
        (False, "LCM has no such contact to skip", "Contact not found"),
        ({"success": False}, "LCM has no such contact to skip", "Contact not found"),
        ({"Success": False, "Msg": ""}, "LCM has no such contact to skip", "Contact not found"),
        ({"success": False, "msg": "Already closed"}, "Already closed", "Already closed"),
        ({"success": False, "Message": "Already closed"}, "Already closed", "Already closed"),
        ({"success": False, "errorMessage": "Already closed"}, "Already closed", "Already closed"),
        ({"success": False, "errorMessage": "long", "msg": "short"}, "short", "short"),
        ({"RequestFailureReason": "Not yours"}, "Not yours", "Not yours"),
        ({"success": True, "RequestFailureReason": "Not yours"}, "Not yours", "Not yours"),
    ],
)
def test_lcms_no_to_a_skip_is_contact_not_found(result: JsonValue, message: str, msg: str) -> None:
    """With LCM's text, if there is any."""
    with pytest.raises(ContactNotFound) as failure:
        answered("SkipManualDialContact", result)

    assert (message, msg) == (failure.value.message, failure.value.msg)


@pytest.mark.parametrize(
    "result",
    [None, 0, 1, "", "true", "done", [], [True], {}, {"success": None}, {"success": "true"}, {"success": 1}],
)
def test_a_skip_that_says_neither_is_unexpected(result: JsonValue) -> None:
    """Whether it happened cannot be told from it."""
    with pytest.raises(UnexpectedResult):
        answered("SkipManualDialContact", result)


@pytest.mark.parametrize("subtopic", ["CreateContact", "AddCompliance"])
@pytest.mark.parametrize(
    ("result", "key"),
    [
        ("77|1|18|0|0|84|0", "77|1|18|0|0|84|0"),
        ("77|1|18|0|0|84|", "77|1|18|0|0|84|"),
        ("77|1|18|0|0|84|-5", "77|1|18|0|0|84|-5"),
        ("0|1|234|0|0|00|1234", "0|1|234|0|0|00|1234"),
        ("-1|1|1|0|0|0|1", "-1|1|1|0|0|0|1"),
        ("77", "77"),
        ("0077", "0077"),
        (77, "77"),
    ],
)
def test_a_created_contact_is_answered_by_its_key(subtopic: str, result: JsonValue, key: str) -> None:
    """A bare string, character for character."""
    assert {"response": key} == answered(subtopic, result).message


@pytest.mark.parametrize(
    "result",
    [
        None,
        False,
        "",
        " ",
        "null",
        "NULL",
        "false",
        "False",
        0,
        -1,
        -77,
        0.0,
        -1.5,
        "0",
        "00",
        "-1",
        " -77 ",
        "-0",
    ],
)
def test_nothing_created_is_lcms_refusal(result: JsonValue) -> None:
    """Null, false, empty, zero and negative, as values and as words."""
    with pytest.raises(WsError):
        answered("CreateContact", result)


@pytest.mark.parametrize("result", [True, 1.5, [], ["77|1"], {}, {"key": "77|1"}, {"success": True}])
def test_what_is_no_key_is_unexpected(result: JsonValue) -> None:
    """Whether a contact was created cannot be told from it."""
    with pytest.raises(UnexpectedResult):
        answered("CreateContact", result)


@pytest.mark.parametrize(
    ("channel", "topic", "reply_channel", "reply_topic"),
    [("Amazon", "InboundCall", "UI", "InboundCall"), ("LCM", "WebService", "LCM", "WebService")],
)
def test_a_dial_call_is_relayed_on_both_routes(
    channel: str, topic: str, reply_channel: str, reply_topic: str
) -> None:
    """The message is the request itself, in the vendor's order of members, without ``response``."""
    envelope = read(
        {"data": {"PhoneNumber": "123"}, "channel": channel, "topic": topic, "subtopic": "ManualDialCall"}
    )
    operation, route = CATALOGUE.find(envelope)
    command = operation.translate(envelope)

    assert (
        f'{{"channel":"{reply_channel}","topic":"{reply_topic}","subtopic":"ManualDialCall","message":'
        f'{{"subtopic":"ManualDialCall","topic":"{topic}","channel":"{channel}","data":{{"PhoneNumber":"123"}}}}}}'
        == encode(reply_body(route.reply, operation.answer(command, None).message)).decode()
    )
    assert operation.broadcast


def test_a_relay_is_faithful() -> None:
    """Values as received: spelling, blanks, order, unknown members, of whatever type."""
    data: JsonObject = {
        "z": [1, 2.5, None, {"deep": {"B": 1, "b": 2}}],
        "phonenumber": "  +1 (234) 567 ",
        "Zoë": "\u0000\u2028\U0001f600<&>",
        "": 12345678901234567890,
    }
    envelope = read(
        {"channel": " amazon", "topic": "INBOUNDCALL ", "subtopic": "manualDialcall", "data": data}
    )
    operation, _ = CATALOGUE.find(envelope)
    expected = {"subtopic": "manualDialcall", "topic": "INBOUNDCALL ", "channel": " amazon", "data": data}

    answer = operation.answer(operation.translate(envelope), {"whatever": "LCM"})

    assert json.dumps(expected) == json.dumps(answer.message)
    assert [] == list(answer.contacts)


@pytest.mark.parametrize(
    ("subtopic", "broadcast"),
    [
        ("ManualDialCall", True),
        ("CreateContact", False),
        ("SkipManualDialContact", False),
        ("GetReservedContactOD", False),
        ("GetReservedManualDialContact", False),
    ],
)
def test_only_a_dial_call_is_broadcast(subtopic: str, broadcast: bool) -> None:  # noqa: FBT001
    """Softphones listen for it; the other replies are the requester's own."""
    envelope = read({"channel": "LCM", "topic": "WebService", "subtopic": subtopic})

    assert broadcast == CATALOGUE.find(envelope)[0].broadcast


def test_lcms_reason_for_not_creating_is_its_refusal() -> None:
    """Its text reaches the publisher."""
    with pytest.raises(WsError) as failure:
        answered("CreateContact", {"RequestFailureReason": "Campaign is closed"})

    assert "Campaign is closed" == failure.value.message
