"""What LCM's contacts become: of GetReservedManualDialContact and of GetReservedContactOD."""

from typing import Any

import pytest
from operations.core_requests import CATALOGUE, MANUAL_CONTACT, answered, operation, without

from bridge.failures import ContactNotFound, WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules, UnexpectedResult

OD: JsonObject = {
    "PhoneNumber": "9873635",
    "AccountNumber": "137|1|3|0|0|84|1",
    "CampaignId": "SamplePreviewCampaign-ACQ",
    "Mode": "Home",
    "ContactId": "137",
    "ExpiryTime": "Oct  7 2020 11:59PM",
    "CallbackTime": "Oct  7 2020 11:59PM",
    "CallType": "Regular Call",
    "Prefix": "",
    "Suffix": "",
    "Queue": "Queue1",
}
NONE: list[JsonValue] = [None, [], {}, "", "  ", False]
AS_OBJECT = Catalogue(Rules(single_contact_as_object=True))


def manual(result: JsonValue, catalogue: Catalogue = CATALOGUE) -> Any:
    """Return ``response`` for a result of GetReservedManualDialContact."""
    return answered("GetReservedManualDialContact", result, catalogue=catalogue).message["response"]


def od(result: JsonValue) -> Any:
    """Return ``response`` for a result of GetReservedContactOD."""
    return answered("GetReservedContactOD", result).message["response"]


def test_contacts_are_an_array_for_none_one_and_many() -> None:
    """As in the vendor's table; LCM may give one contact as an object."""
    other = {**MANUAL_CONTACT, "ContactId": 10}

    assert [[MANUAL_CONTACT, other], [MANUAL_CONTACT], [MANUAL_CONTACT]] == [
        manual([MANUAL_CONTACT, other]),
        manual([MANUAL_CONTACT]),
        manual(MANUAL_CONTACT),
    ]
    assert [[]] * len(NONE) == [manual(none) for none in NONE]


def test_one_contact_is_an_object_where_the_site_wants_it() -> None:
    """Exactly one: none and many stay an array."""
    assert MANUAL_CONTACT == manual([MANUAL_CONTACT], AS_OBJECT)
    assert MANUAL_CONTACT == manual(MANUAL_CONTACT, AS_OBJECT)
    assert [MANUAL_CONTACT, MANUAL_CONTACT] == manual([MANUAL_CONTACT, MANUAL_CONTACT], AS_OBJECT)
    assert [] == manual([], AS_OBJECT)


def test_the_reserved_contacts_are_those_of_the_reply() -> None:
    """They are what the cache is told, however they are presented."""
    for catalogue in (Catalogue(Rules()), AS_OBJECT):
        answer = answered("GetReservedManualDialContact", [MANUAL_CONTACT], catalogue=catalogue)
        assert [MANUAL_CONTACT] == list(answer.contacts)
    assert [OD] == list(answered("GetReservedContactOD", [OD, {**OD, "ContactId": "1"}]).contacts)
    assert [] == list(answered("GetReservedManualDialContact", None).contacts)


def test_cached_contacts_are_presented_as_lcms() -> None:
    """In both forms."""
    assert {"response": [MANUAL_CONTACT]} == operation("GetReservedManualDialContact").answer_cached(
        [MANUAL_CONTACT]
    ).message
    assert {"response": MANUAL_CONTACT} == operation("GetReservedManualDialContact", AS_OBJECT).answer_cached(
        [MANUAL_CONTACT]
    ).message
    assert {"response": OD} == operation("GetReservedContactOD").answer_cached([OD]).message


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        without(MANUAL_CONTACT, "Consent"),
        {**MANUAL_CONTACT, "Extra": 1},
        {**MANUAL_CONTACT, "ContactId": "9"},
        {**MANUAL_CONTACT, "Mode": {"a": 1}},
        OD,
    ],
)
def test_what_is_cached_and_no_contact_is_not_presented(foreign: JsonObject) -> None:
    """Somebody else wrote it, or another operation, with members of its own."""
    with pytest.raises(UnexpectedResult, match="contact"):
        operation("GetReservedManualDialContact").answer_cached([MANUAL_CONTACT, foreign])


@pytest.mark.parametrize("beyond", [1e30, 2.0**63, -1e300, "9999999999999999999"])
def test_a_number_beyond_64_bits_is_no_number(beyond: JsonValue) -> None:
    """A reply with it could be written, but neither its record in the ledger nor the cached contact."""
    with pytest.raises(UnexpectedResult, match="beyond 64 bits"):
        manual([{**MANUAL_CONTACT, "ContactId": beyond}])


def test_a_contact_has_the_vendors_members_in_the_vendors_order() -> None:
    """Whatever order and case LCM writes; unknown members are dropped, also inner ones of WCF."""
    for contact, read in ((MANUAL_CONTACT, lambda c: manual([c])[0]), (OD, od)):
        strange = {"__type": "T", **{name.upper(): contact[name] for name in reversed(contact)}, "Extra": 1}
        assert list(contact.items()) == list(read(strange).items())


def test_a_missing_member_becomes_null() -> None:
    """As does one that LCM gives as null."""
    for contact, read in ((MANUAL_CONTACT, lambda c: manual([c])[0]), (OD, od)):
        for name in contact:
            expected = {**contact, name: None}
            assert expected == read(without(contact, name))
            assert expected == read(expected)


def test_dates_stay_as_lcm_wrote_them() -> None:
    """In either format, also one that cannot be read; the day's padding stays."""
    for text in ("1/1/2024 1:00:00", "never", "", "2024-01-31"):
        assert text == manual({**MANUAL_CONTACT, "ExpiryTime": text})[0]["ExpiryTime"]
    assert OD == od(OD)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ContactId", 9, 9),
        ("ContactId", "9", 9),
        ("ContactId", " 009 ", 9),
        ("ContactId", "-9", -9),
        ("ContactId", 9.0, 9),
        ("CallType", "2", 2),
        ("PhoneNumber", 2082097345, "2082097345"),
        ("CampaignId", 5, "5"),
        ("Consent", True, "Yes"),
        ("Consent", "true", "Yes"),
        ("Consent", "Y", "Yes"),
        ("Consent", 1, "Yes"),
        ("Consent", " YES ", "Yes"),
        ("Consent", False, "No"),
        ("Consent", "False", "No"),
        ("Consent", "n", "No"),
        ("Consent", 0, "No"),
    ],
)
def test_members_get_the_types_of_the_vendors_table(name: str, value: JsonValue, expected: JsonValue) -> None:
    """Numbers, strings and "Yes"/"No", whichever LCM gives."""
    [contact] = manual([{**MANUAL_CONTACT, name: value}])

    assert (expected, type(expected)) == (contact[name], type(contact[name]))


@pytest.mark.parametrize("value", ["137", 137, "Regular Call", "", 0, 1.5, True])
@pytest.mark.parametrize("name", ["ContactId", "CallType"])
def test_the_od_contacts_id_and_call_type_are_passed_on(name: str, value: JsonValue) -> None:
    """Table and sample disagree on their types, so LCM's own hold."""
    contact = od({**OD, name: value})

    assert (value, type(value)) == (contact[name], type(contact[name]))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ContactId", "nine", "a contact's ContactId is a string where a whole number was expected"),
        ("ContactId", True, "a contact's ContactId is a boolean where a whole number was expected"),
        ("ContactId", 1.5, "a contact's ContactId is a number where a whole number was expected"),
        ("CallType", [], "a contact's CallType is an array where a whole number was expected"),
        ("CallType", "9" * 5000, "a contact's CallType is a string where a whole number was expected"),
        ("PhoneNumber", True, "a contact's PhoneNumber is a boolean where a string was expected"),
        ("AccountNumber", {}, "a contact's AccountNumber is an object where a string was expected"),
        ("Mode", 1.5, "a contact's Mode is a number where a string was expected"),
        ("Consent", "perhaps", "a contact's Consent is neither Yes nor No"),
        ("Consent", [], "a contact's Consent is neither Yes nor No"),
    ],
)
def test_a_member_of_another_type_is_unexpected(name: str, value: JsonValue, message: str) -> None:
    """And named."""
    with pytest.raises(UnexpectedResult) as unexpected:
        manual([{**MANUAL_CONTACT, name: value}])

    assert message == str(unexpected.value)


@pytest.mark.parametrize(
    "result", [0, 5, 1.5, True, "text", {"d": []}, {"PhoneNumbers": "1"}, [None], ["text"], [[]], [{}], [5]]
)
@pytest.mark.parametrize("subtopic", ["GetReservedManualDialContact", "GetReservedContactOD"])
def test_what_is_no_contact_is_unexpected(subtopic: str, result: JsonValue) -> None:
    """A zero, a word, an object without any of a contact's members."""
    with pytest.raises(UnexpectedResult):
        answered(subtopic, result)


def test_one_bad_contact_among_good_ones_is_unexpected() -> None:
    """Half an answer would hide the other half."""
    with pytest.raises(UnexpectedResult):
        manual([MANUAL_CONTACT, {**MANUAL_CONTACT, "ContactId": "nine"}])


@pytest.mark.parametrize("none", NONE)
def test_no_od_contact_is_not_found(none: JsonValue) -> None:
    """Every form of none; the person at the desk reads the vendor's words."""
    with pytest.raises(ContactNotFound) as failure:
        od(none)

    assert "Contact not found" == failure.value.msg


@pytest.mark.parametrize("name", ["RequestFailureReason", "requestFailureReason", "REQUESTFAILUREREASON"])
def test_a_failure_reason_is_lcms_refusal(name: str) -> None:
    """WS_Error where contacts are asked for, CONTACT_NOT_FOUND where one is, in LCM's words."""
    with pytest.raises(WsError) as refused:
        manual({name: "Agent not logged in", "PhoneNumber": None})
    with pytest.raises(ContactNotFound) as missing:
        od({"__type": "T", name: "No contact reserved"})

    assert "Agent not logged in" == refused.value.message
    assert ("No contact reserved", "Contact not found") == (missing.value.message, missing.value.msg)


@pytest.mark.parametrize("reason", [None, "", False])
def test_an_empty_failure_reason_is_none(reason: JsonValue) -> None:
    """LCM may send the member with every contact."""
    assert [MANUAL_CONTACT] == manual({**MANUAL_CONTACT, "RequestFailureReason": reason})
    assert OD == od({**OD, "RequestFailureReason": reason})


def test_an_empty_text_for_a_number_or_a_consent_is_null() -> None:
    """One member that LCM left blank does not cost the agent the contact."""
    given = {**MANUAL_CONTACT, "ContactId": "", "CallType": "", "Consent": ""}

    message = answered("GetReservedManualDialContact", [given]).message

    assert {"response": [{**MANUAL_CONTACT, "ContactId": None, "CallType": None, "Consent": None}]} == message


def test_a_failure_reason_in_an_array_is_lcms_refusal() -> None:
    """LCM answers arrays for several contacts, and so it may for none."""
    with pytest.raises(WsError) as failure:
        answered("GetReservedManualDialContact", [{"RequestFailureReason": "Not logged in"}])

    assert "Not logged in" == failure.value.message


def test_an_empty_failure_reason_alone_is_no_contact() -> None:
    """Nothing failed, and nothing is there."""
    assert {"response": []} == answered("GetReservedManualDialContact", {"RequestFailureReason": ""}).message
