"""What a request becomes: the call of LCM, its parameters by name, order and type, and what is noted."""

import json
from typing import TYPE_CHECKING

import pytest
from operations.core_requests import (
    CATALOGUE,
    CREATE,
    DIAL,
    MANUAL,
    OD,
    REQUESTS,
    SKIP,
    parameters,
    problems,
    read,
    request,
    translated,
    without,
)

from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Command, LcmCall, Reserved, Rules

if TYPE_CHECKING:
    from bridge.jsontypes import JsonObject


def test_contacts_for_manual_dialling_are_asked_for() -> None:
    """Already reserved ones are a read, and the cache may answer."""
    call: JsonObject = {
        "AgentID": "testagent@domain.com",
        "NumberOfContactsRequired": "1",
        "Consent": "Yes",
        "ReservedContacts": "true",
    }

    assert Command(
        content=call,
        call=LcmCall("GetReservedManualDialContact", call),
        agent="testagent@domain.com",
        reserved=Reserved("manual", 1, "Yes"),
        shelf="manual",
    ) == translated("GetReservedManualDialContact", MANUAL)


def test_new_contacts_are_a_side_effect() -> None:
    """LCM reserves them, so the cache may not answer, but keeps them."""
    data = {**MANUAL, "NumberofContactsRequired": 7, "Consent": False, "ReservedContacts": 0}
    call: JsonObject = {
        "AgentID": "testagent@domain.com",
        "NumberOfContactsRequired": "7",
        "Consent": "No",
        "ReservedContacts": "false",
    }

    assert Command(
        content=call,
        call=LcmCall("GetReservedManualDialContact", call),
        side_effect=True,
        agent="testagent@domain.com",
        shelf="manual",
    ) == translated("GetReservedManualDialContact", data)


def test_the_agents_one_contact_is_asked_for() -> None:
    """A read; the cache may answer."""
    assert Command(
        content={"UserID": "testagent"},
        call=LcmCall("GetReservedContactOD", {"UserID": "testagent"}),
        agent="testagent",
        reserved=Reserved("od", 1),
        shelf="od",
    ) == translated("GetReservedContactOD", OD)


def test_a_skip_is_a_side_effect_that_leaves_the_cache() -> None:
    """The outcome goes out as an integer, the rest as strings."""
    call: JsonObject = {
        "OutcomeId": 100,
        "UserID": "testagent@domain.com",
        "AccountNumber": "49|3|279|0|0|44|1253",
        "PhoneNumber": "1234567890",
    }

    assert Command(
        content=call,
        call=LcmCall("SkipManualDialContact", call),
        side_effect=True,
        agent="testagent@domain.com",
        skips="49|3|279|0|0|44|1253",
    ) == translated("SkipManualDialContact", {**SKIP, "OutcomeId": "0100"})


@pytest.mark.parametrize("subtopic", ["CreateContact", "AddCompliance"])
def test_a_creation_is_a_side_effect(subtopic: str) -> None:
    """Under both names it is LCM's CreateContact."""
    assert Command(content=CREATE, call=LcmCall("CreateContact", CREATE), side_effect=True) == translated(
        subtopic, CREATE
    )


@pytest.mark.parametrize(
    ("subtopic", "expected"),
    [
        (
            "GetReservedManualDialContact",
            (
                '{"AgentID":"testagent@domain.com","NumberOfContactsRequired":"1","Consent":"Yes",'
                '"ReservedContacts":"true"}'
            ),
        ),
        ("GetReservedContactOD", '{"UserID":"testagent"}'),
        (
            "SkipManualDialContact",
            (
                '{"OutcomeId":100,"UserID":"testagent@domain.com","AccountNumber":"49|3|279|0|0|44|1253",'
                '"PhoneNumber":"1234567890"}'
            ),
        ),
        (
            "CreateContact",
            (
                '{"CampaignID":"Sales","Calltype":"0","callStartDateTime":"24/10/2024 07:33",'
                '"callEndDateTime":"24/10/2024 07:33","BussinessFields":"<Data><first_name>test</first_name>'
                '<last_name>test</last_name></Data>","priority":0,"Modes":"<Data><Home><Cvalue>609309034</Cvalue>'
                '<TZ>(UTC-05:00) Eastern Time</TZ></Home></Data>","AgentID":"","SMSData":"","MailSubject":"",'
                '"MailMsg":"","MailAttachment":"","ZipCode":"","ContactDetail":"","ListID":0,'
                '"IsAccountNumber":true,"Status":4}'
            ),
        ),
    ],
)
def test_the_wire_has_the_vendors_names_order_and_types(subtopic: str, expected: str) -> None:
    """Character for character, whatever order and spelling the request has."""
    data = {name.upper(): value for name, value in reversed(REQUESTS[subtopic].items())}

    assert expected == json.dumps(parameters(subtopic, data), separators=(",", ":"))


def test_a_creation_needs_only_what_is_mandatory() -> None:
    """The rest has defaults: Status 4, numbers 0, texts empty; null counts as absent."""
    optional: JsonObject = {
        "priority": 0, "ListID": 0, "Status": 4, "AgentID": "", "SMSData": "", "MailSubject": "",
        "MailMsg": "", "MailAttachment": "", "ZipCode": "", "ContactDetail": "",
    }  # fmt: skip
    mandatory = without(CREATE, *optional)

    assert CREATE == {**mandatory, **optional}
    assert json.dumps(CREATE) == json.dumps(parameters("CreateContact", mandatory))
    nulls: JsonObject = dict.fromkeys(optional)
    assert json.dumps(CREATE) == json.dumps(parameters("CreateContact", {**mandatory, **nulls}))


def test_the_limit_of_contacts_is_a_setting() -> None:
    """A site may allow fewer."""
    catalogue = Catalogue(Rules(contacts=3))
    subtopic = "GetReservedManualDialContact"

    assert (
        "3"
        == parameters(subtopic, {**MANUAL, "NumberofContactsRequired": 3}, catalogue)[
            "NumberOfContactsRequired"
        ]
    )
    told = "must be 1 to 3 (the bridge's setting limits.contacts)"
    assert [("data.NumberOfContactsRequired", told)] == problems(
        subtopic, {**MANUAL, "NumberofContactsRequired": 4}, catalogue
    )


def test_unknown_members_do_not_reach_lcm() -> None:
    """Nor the ledger's idea of the same content."""
    for subtopic in (
        "GetReservedManualDialContact",
        "GetReservedContactOD",
        "SkipManualDialContact",
        "CreateContact",
    ):
        data = REQUESTS[subtopic]
        assert translated(subtopic, data) == translated(
            subtopic, {"x": 1, **data, "__type": "T", "Password": "p"}
        )


def test_a_dial_call_makes_no_call_of_lcm() -> None:
    """It is a relay without an effect in LCM, for no agent in particular."""
    command = translated("ManualDialCall", DIAL)

    assert (None, False, None, None, None, None) == (
        command.call, command.side_effect, command.agent, command.reserved, command.shelf, command.skips,
    )  # fmt: skip


def test_the_route_does_not_change_the_translation() -> None:
    """Spelling and blanks of the address are no part of it."""
    spelled = {"channel": "lcm ", "topic": "Webservice", "subtopic": "skipmanualdialcontact", "data": SKIP}
    envelope = read(spelled)

    assert translated("SkipManualDialContact", SKIP) == CATALOGUE.find(envelope)[0].translate(envelope)
    assert read(request("SkipManualDialContact", SKIP)) != envelope
