"""AddCompliance, the vendor's two operations of that name: told apart by their data."""

import pytest
from operations.core_declarations import made
from operations.core_requests import CREATE, answered, problems, translated, without

from bridge.envelope import Envelope
from bridge.failures import InvalidData
from bridge.jsontypes import JsonObject
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.model import Rules
from bridge.operations.shared import Shared
from bridge.operations.shipped import siblings

BOTH = Catalogue(Rules(), [*OPERATIONS, *(one for one in siblings() if one.name == "AddCompliance")])
ALONE = Catalogue(Rules(), [one for one in siblings() if one.name == "AddCompliance"])
UPLOAD: JsonObject = {
    "Cvalue": "609309034",
    "ChannelType": "VOICE",
    "UploadType": "DNC",
    "Operation": "Append",
    "Campaign": "Sales",
    "Startdate": "24/10/2024 07:33",
}


@pytest.mark.parametrize(
    "data",
    [CREATE, {**CREATE, **UPLOAD}, {**without(CREATE, "BussinessFields"), "businessfields": {"a": "b"}}],
)
def test_the_data_of_a_contact_creates_one(data: JsonObject) -> None:
    """Also beside members of the other, as where the other is off."""
    assert translated("AddCompliance", data) == translated("AddCompliance", data, BOTH)
    call = translated("AddCompliance", data, BOTH).call
    assert call is not None
    assert "CreateContact" == call.operation


def test_the_data_of_an_upload_is_uploaded() -> None:
    """Under its own name on LCM's wire; a side effect too."""
    command = translated(" addcompliance ", UPLOAD, BOTH)

    assert command.call is not None
    assert "AddCompliance" == command.call.operation
    assert command.side_effect
    assert {"response": {"success": True}} == answered(
        "AddCompliance", result=True, data=UPLOAD, catalogue=ALONE
    ).message


@pytest.mark.parametrize("data", [{}, {"CampaignID": "Sales", "Calltype": "0"}, {"Cvalue": "609309034"}])
def test_what_fits_neither_is_refused_as_such(data: JsonObject) -> None:
    """It says by what each would be told, and not what a contact lacks."""
    [(field, problem)] = problems("AddCompliance", data, BOTH)

    assert "data" == field
    assert "fits none of the operations under this subtopic: CreateContact by 1 of" in problem
    assert "AddCompliance by 2 of CValue, ChannelType" in problem


def test_what_is_no_object_is_refused_as_that() -> None:
    """As everywhere."""
    assert [("data", "must be an object")] == problems("AddCompliance", None, BOTH)


def test_what_is_told_lists_its_own_faults() -> None:
    """Once it is known what is meant, each of its wrong fields is named."""
    assert [
        ("data.UploadType", "is missing"),
        ("data.StartDate", "must be a real date and time as dd/mm/yyyy HH:MM"),
    ] == problems("AddCompliance", {**without(UPLOAD, "UploadType"), "Startdate": "today"}, BOTH)


def test_under_its_own_name_a_contact_is_a_contact() -> None:
    """Nobody else has that address."""
    assert ("data.CampaignID", "is missing") == problems("CreateContact", UPLOAD, BOTH)[0]


@pytest.mark.parametrize(
    ("data", "first"),
    [
        ({"Modes": "<Data/>"}, ("data.CampaignID", "is missing")),
        ({"cvalue": "1", "OPERATION": "Append"}, ("data.ChannelType", "is missing")),
    ],
)
def test_just_enough_members_tell_it(data: JsonObject, first: tuple[str, str]) -> None:
    """One of a contact's, two of an upload's."""
    assert first == problems("AddCompliance", data, BOTH)[0]


def test_data_that_is_nobodys_is_refused_in_the_name_of_the_first() -> None:
    """In its queue and with its reply, if it has one; each is told with what it would be told by."""
    top = "side_effect = false\nqueue = 'campaign'\nmethod = 'M'"
    first = made(top=top, route="told_by = {members = ['Id']}", reply="shape = 'none'")
    second = made(route="reply = 'T'\ntold_by = {members = ['Count', 'More'], least = 2}")
    shared = Shared([(first, first.routes[0]), (second, second.routes[0])])
    request = Envelope("LCM", "WebService", "GetThing", source=None, data={"Count": 1})

    owner, route = shared.find(request)
    with pytest.raises(InvalidData) as refused:
        owner.translate(request)

    assert (first.name, "campaign", first.routes, "M", False, first.routes[0]) == (
        *(owner.name, owner.lane, owner.routes, owner.method, owner.replies, route),
    )
    told = "GetThing by Id; GetThing by 2 of Count, More"
    assert [("data", f"fits none of the operations under this subtopic: {told}")] == refused.value.details
