"""The samples of the vendor's pages: repaired they work, as pasted they are refused helpfully."""

import json
from pathlib import Path

import pytest
from operations.core_requests import (
    CATALOGUE,
    CREATE,
    DIAL,
    MANUAL,
    MANUAL_CONTACT,
    OD,
    SKIP,
    read,
    refusal,
    request,
)

from bridge.jsontypes import JsonObject, JsonValue
from bridge.replies import encode, reply_body

DAMAGED = Path(__file__).parent / "damaged"

OD_CONTACT: JsonObject = {
    "PhoneNumber": "9873635",
    "AccountNumber": "137|1|3|0|0|84|1",
    "CampaignId": "SamplePreviewCampaign-ACQ",
    "Mode": "Home",
    "ContactId": "137",
    "ExpiryTime": "Oct 7 2020 11:59PM",
    "CallbackTime": "Oct 7 2020 11:59PM",
    "CallType": "Regular Call",
    "Prefix": "",
    "Suffix": "",
    "Queue": "Queue1",
}


@pytest.mark.parametrize(
    ("sample", "result", "expected"),
    [
        (
            request("GetReservedManualDialContact", MANUAL),
            [dict(reversed(MANUAL_CONTACT.items()))],
            {
                "channel": "LCM",
                "topic": "WebService",
                "subtopic": "DownloadContactsForDialing",
                "message": {"response": [MANUAL_CONTACT]},
            },
        ),
        (
            request("GetReservedContactOD", OD),
            dict(reversed(OD_CONTACT.items())),
            {
                "channel": "LCM",
                "topic": "WebService",
                "subtopic": "ContactOD",
                "message": {"response": OD_CONTACT},
            },
        ),
        (
            request("SkipManualDialContact", SKIP),
            True,
            {
                "channel": "LCM",
                "topic": "WebService",
                "subtopic": "SkipManualDialContactResult",
                "message": {"response": {"success": True}},
            },
        ),
        (
            {"channel": "Amazon", "topic": "InboundCall", "subtopic": "ManualDialCall", "data": DIAL},
            None,
            {
                "channel": "UI",
                "topic": "InboundCall",
                "subtopic": "ManualDialCall",
                "message": {
                    "subtopic": "ManualDialCall",
                    "topic": "InboundCall",
                    "channel": "Amazon",
                    "data": {"PhoneNumber": "+12345678900"},
                },
            },
        ),
        (
            request(" AddCompliance ", CREATE),
            "77|1|18|0|0|84|0",
            {
                "channel": "LCM",
                "topic": "WebService",
                "subtopic": "AddComplianceResponse",
                "message": {"response": "77|1|18|0|0|84|0"},
            },
        ),
        (
            request("CreateContact", CREATE),
            "77|1|18|0|0|84|0",
            {
                "channel": "LCM",
                "topic": "WebService",
                "subtopic": "CreateContactResponse",
                "message": {"response": "77|1|18|0|0|84|0"},
            },
        ),
    ],
    ids=["manual", "od", "skip", "dial", "add-compliance", "create"],
)
def test_the_repaired_sample_gives_the_samples_reply(
    sample: JsonObject, result: JsonValue, expected: JsonObject
) -> None:
    """Byte for byte: members, spelling and order, whatever order LCM answers in."""
    envelope = read(sample)
    operation, route = CATALOGUE.find(envelope)

    answer = operation.answer(operation.translate(envelope), result)

    assert encode(expected) == encode(reply_body(route.reply, answer.message))


@pytest.mark.parametrize(
    ("name", "line", "column", "expecting"),
    [
        ("create-contact.txt", 2, 6, "property name enclosed in double quotes"),
        ("create-contact-response.txt", 2, 6, "property name enclosed in double quotes"),
        ("get-reserved-manual-dial-contact.txt", 2, 5, "property name enclosed in double quotes"),
        ("get-reserved-non-pewc-contact.txt", 2, 5, "property name enclosed in double quotes"),
        ("manual-dial-call.txt", 2, 5, "property name enclosed in double quotes"),
        ("skip-manual-dial-contact.txt", 2, 5, "property name enclosed in double quotes"),
    ],
)
def test_a_sample_as_pasted_is_refused_for_its_no_break_spaces(
    name: str, line: int, column: int, expecting: str
) -> None:
    """The pages indent with U+00A0: the refusal says where the first one stands, and what it is."""
    assert (
        f"the body is not JSON: line {line}, column {column}: expecting {expecting}, "
        "but a no-break space (U+00A0) stands there" == refusal((DAMAGED / name).read_bytes())
    )


def with_plain_blanks(name: str) -> str:
    """Return a sample of the pages with its first damage repaired."""
    return (DAMAGED / name).read_text(encoding="utf-8").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "get-reserved-non-pewc-contact.txt",
            (
                "line 7, column 34: invalid control character, found '\\n'; "
                "a right double quotation mark (U+201D) stands at line 7, column 33: use a straight quote"
            ),
        ),
        (
            "create-contact-response.txt",
            ("line 7, column 25: expecting value, but a left double quotation mark (U+201C) stands there"),
        ),
        ("create-contact.txt", "line 8, column 29: expecting value, found 'c'"),
    ],
)
def test_the_next_damage_is_named_as_well(name: str, message: str) -> None:
    """With plain blanks, a curly quote or an unquoted word is what still stands in the way."""
    assert f"the body is not JSON: {message}" == refusal(with_plain_blanks(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("get-reserved-manual-dial-contact.txt", request("GetReservedManualDialContact", MANUAL)),
        ("skip-manual-dial-contact.txt", request("SkipManualDialContact", SKIP)),
        (
            "manual-dial-call.txt",
            {"channel": "Amazon", "topic": "InboundCall", "subtopic": "ManualDialCall", "data": DIAL},
        ),
    ],
)
def test_with_plain_blanks_the_other_samples_are_whole(name: str, expected: JsonObject) -> None:
    """Nothing else is wrong with them."""
    assert read(json.dumps(expected)) == read(with_plain_blanks(name))


def test_the_od_sample_is_whole_with_a_straight_quote() -> None:
    """Its one curly quote is the last damage."""
    text = with_plain_blanks("get-reserved-non-pewc-contact.txt").replace("\u201d", '"')

    assert read(request("GetReservedContactOD", OD)) == read(text)
