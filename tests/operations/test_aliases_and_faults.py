"""Other spellings of a field, and what is said of fields that are missing, wrong or at odds."""

import json

import pytest
from operations.core_requests import (
    CATALOGUE,
    CREATE,
    REQUESTS,
    parameters,
    problems,
    read,
    translated,
    without,
)

from bridge.failures import InvalidData
from bridge.jsontypes import JsonObject, JsonValue

ALIASES = [
    ("GetReservedManualDialContact", "AgentID", ["UserID", "UserId", "AGENTID"]),
    ("GetReservedManualDialContact", "NumberOfContactsRequired", ["NumberofContactsRequired"]),
    ("GetReservedContactOD", "UserID", ["UserId", "AgentID", "agentid"]),
    ("SkipManualDialContact", "UserID", ["UserId", "AgentID", "userid"]),
    ("CreateContact", "BussinessFields", ["BusinessFields", "businessfields"]),
]


@pytest.mark.parametrize(
    ("subtopic", "name", "alias"), [(a, b, alias) for a, b, aliases in ALIASES for alias in aliases]
)
def test_every_alias_is_taken(subtopic: str, name: str, alias: str) -> None:
    """And sent to LCM under the canonical name."""
    expected = parameters(subtopic, REQUESTS[subtopic])
    other = {key: value for key, value in REQUESTS[subtopic].items() if key.casefold() != name.casefold()}

    assert json.dumps(expected) == json.dumps(parameters(subtopic, {alias: expected[name], **other}))


@pytest.mark.parametrize(
    ("subtopic", "name", "alias", "same", "other"),
    [
        ("GetReservedManualDialContact", "AgentID", "UserID", "testagent@domain.com", "TestAgent@domain.com"),
        ("GetReservedContactOD", "UserID", "AgentID", "testagent", "testagent "),
        ("SkipManualDialContact", "UserID", "AgentID", "testagent@domain.com", "x"),
        (
            "CreateContact", "BussinessFields", "BusinessFields", {"first_name": "test", "last_name": "test"},
            {"first_name": "test"},
        ),
    ],
)  # fmt: skip
def test_two_aliases_agree_or_are_refused(
    subtopic: str, name: str, alias: str, same: JsonValue, other: JsonValue
) -> None:
    """The same value twice is taken, in whatever form; which of two different ones holds cannot be told."""
    data = REQUESTS[subtopic]

    assert parameters(subtopic, data) == parameters(subtopic, {**data, alias: same})
    assert parameters(subtopic, data) == parameters(subtopic, {**data, alias: None})
    assert [(f"data.{name}", f"is given as {name} and as {alias} with different values")] == problems(
        subtopic, {**data, alias: other}
    )


@pytest.mark.parametrize("data", [None, [], "text", 5, False])
@pytest.mark.parametrize("subtopic", REQUESTS)
def test_data_must_be_an_object(subtopic: str, data: JsonValue) -> None:
    """Every operation refuses what is none as the field ``data``."""
    assert [("data", "must be an object")] == problems(subtopic, data)


def test_missing_data_is_refused_by_the_operation() -> None:
    """An envelope without data is INVALID_DATA."""
    envelope = read({"channel": "LCM", "topic": "WebService", "subtopic": "GetReservedContactOD"})

    with pytest.raises(InvalidData) as refused:
        CATALOGUE.find(envelope)[0].translate(envelope)

    assert [("data", "must be an object")] == refused.value.details


MANDATORY = {
    "GetReservedManualDialContact": ["AgentID", "NumberOfContactsRequired", "Consent", "ReservedContacts"],
    "GetReservedContactOD": ["UserID"],
    "SkipManualDialContact": ["OutcomeId", "UserID", "AccountNumber", "PhoneNumber"],
    "ManualDialCall": ["PhoneNumber"],
    "CreateContact": [
        "CampaignID", "Calltype", "callStartDateTime", "callEndDateTime", "BussinessFields", "Modes",
        "IsAccountNumber",
    ],
}  # fmt: skip
MANDATORY["AddCompliance"] = MANDATORY["CreateContact"]


@pytest.mark.parametrize("subtopic", REQUESTS)
def test_every_missing_field_is_named_at_once(subtopic: str) -> None:
    """A null is as good as missing."""
    missing = [(f"data.{name}", "is missing") for name in MANDATORY[subtopic]]
    nulls: JsonObject = dict.fromkeys(REQUESTS[subtopic])

    assert missing == problems(subtopic, {})
    assert missing == problems(subtopic, nulls)


def test_every_wrong_field_is_named_at_once() -> None:
    """One round trip tells all there is to repair; the message is the list of them."""
    data: JsonObject = {**{key: [] for key in CREATE}, "BussinessFields": "<x/>", "Modes": {"a": 1}}

    with pytest.raises(InvalidData) as refused:
        translated("CreateContact", data)

    assert [f"data.{name}" for name in CREATE] == [field for field, _ in refused.value.details]
    assert refused.value.message == "; ".join(f"{field} {text}" for field, text in refused.value.details)


def test_an_end_before_the_start_is_named_beside_other_faults() -> None:
    """It is one of them."""
    data = {**without(CREATE, "CampaignID"), "callEndDateTime": "23/10/2024 07:33"}

    assert [
        ("data.CampaignID", "is missing"),
        ("data.callEndDateTime", "must not be before callStartDateTime"),
    ] == problems("CreateContact", data)


OTHER_ADD_COMPLIANCE: JsonObject = {
    "Cvalue": "609309034", "ChannelType": "Voice", "UploadType": "DNC", "Operation": "Add",
    "CampaignCategory": "c",
}  # fmt: skip


def test_the_vendors_other_add_compliance_is_refused_clearly() -> None:
    """It is told by its data, and not by a list of missing fields of a contact."""
    [(field, problem)] = problems(" addcompliance ", OTHER_ADD_COMPLIANCE)

    assert "data" == field
    assert "is that of the vendor's other AddCompliance operation" in problem


@pytest.mark.parametrize(
    ("subtopic", "data"),
    [
        ("CreateContact", OTHER_ADD_COMPLIANCE),
        ("AddCompliance", {}),
        ("AddCompliance", {**OTHER_ADD_COMPLIANCE, "Modes": "<Data/>"}),
    ],
)
def test_what_looks_like_a_contact_is_refused_as_one(subtopic: str, data: JsonObject) -> None:
    """Its missing fields are named."""
    assert ("data.CampaignID", "is missing") == problems(subtopic, data)[0]


def test_a_contact_under_add_compliance_may_have_members_of_the_other() -> None:
    """Unknown keys are ignored there as well."""
    assert CREATE == parameters("AddCompliance", {**CREATE, **OTHER_ADD_COMPLIANCE})
