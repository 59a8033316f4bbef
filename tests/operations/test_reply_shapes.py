"""What LCM's answers to the vendor's other operations become."""

from collections.abc import Callable
from typing import Any

import pytest
from operations.core_requests import answered, parameters, problems, translated

from bridge.failures import ContactNotFound, WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.model import Answer, Reserved, Rules, UnexpectedResult
from bridge.operations.shipped import siblings
from bridge.operations.xmltext import leaves
from bridge.performance import cache_change
from bridge.ports import CacheChange

ALL = Catalogue(Rules(), [*OPERATIONS, *siblings()])
EXAMPLES: dict[str, JsonObject] = {
    one.name: one.example.data
    for one in siblings()
    if one.example is not None and isinstance(one.example.data, dict)
}


def message(name: str, result: JsonValue = None, **data: JsonValue) -> JsonObject:
    """Return the message that a sibling's example gets for a result."""
    return answered(name, result, {**EXAMPLES[name], **data}, ALL).message


def test_a_call_scoped_reply_repeats_the_callid() -> None:
    """In front of the response, as received."""
    told = message("SetBusinessOutcomeWithComments", result=True, callid=" c 7 ")

    assert [("callid", " c 7 "), ("response", {"success": True})] == list(told.items())


def test_a_callid_that_may_be_absent_is_repeated_where_it_is_given() -> None:
    """The pages do not say that it is there."""
    assert {"response": []} == message("GetCampaignModes", None, callid=None)
    assert {"callid": "1", "response": []} == message("GetCampaignModes", [], callid="1")


@pytest.mark.parametrize("name", ["SetDNC", "SetCallOutcomeWithComments"])
def test_lcms_no_is_a_refusal(name: str) -> None:
    """With its text, where it gives one."""
    with pytest.raises(WsError) as silent:
        message(name, result=False)
    with pytest.raises(WsError) as told:
        message(name, {"success": False, "msg": "Invalid Call ID."})

    assert silent.value.message.startswith("LCM did not")
    assert ("Invalid Call ID.", "Invalid Call ID.") == (told.value.message, told.value.msg)


def test_a_sibling_skip_without_a_contact_finds_none() -> None:
    """As the vendor's sample of a failure has it."""
    with pytest.raises(ContactNotFound) as none:
        message("SkipNonPEWCContact", {"success": False, "msg": "Contact not found"})

    assert "Contact not found" == none.value.msg


def test_lists_are_arrays_of_their_members() -> None:
    """Names without regard to case, missing ones null, unknown ones dropped."""
    rows: JsonValue = [{"outcomeid": 101, "DESCRIPTION": "Sale", "x": 1}]

    assert [
        {"OutComeID": "101", "Description": "Sale", "CampaignID": None, "LeadScore": None, "ParentID": None}
    ] == message("GetBusinessOutcome", rows)["response"]
    with pytest.raises(UnexpectedResult, match="an object has none of the members of an object"):
        message("GetBusinessOutcome", [{"x": 1}])


def test_members_beyond_those_of_the_page_are_passed_on_where_its_end_is_unknown() -> None:
    """Behind the known ones."""
    contact: JsonObject = {"Extra": {"a": 1}, "campaigngroup": "Sales"}
    response: Any = message("GetDownloadAllContactsForDialing", [contact])["response"]
    [told] = response["Contacts"]

    assert ["CampaignGroup", "Extra"] == [name for name, value in told.items() if value is not None]


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (None, {"Contacts": []}),
        ({"Contacts": []}, {"Contacts": []}),
        (
            {"RequestFailureReason": "Agent is not logged in"},
            {"RequestFailureReason": "Agent is not logged in"},
        ),
        ({"contacts": None, "RequestFailureReason": ""}, {"Contacts": []}),
    ],
)
def test_contacts_or_the_reason_why_not(result: JsonValue, response: JsonObject) -> None:
    """The vendor's page answers with LCM's reason, so it is no failure here."""
    assert {"response": response} == message("GetDownloadAllContactsForDialing", result)


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"contacts": one}])
def test_one_contact_of_a_group_is_an_array_of_one(wrap: Callable[[JsonValue], JsonValue]) -> None:
    """However LCM gives it."""
    contact: JsonObject = {"CampaignGroup": "Sales", "CampaignKey": 1}
    response: Any = message("GetDownloadAllContactsForDialing", wrap(contact))["response"]

    assert [contact] == [
        {name: value for name, value in one.items() if value is not None} for one in response["Contacts"]
    ]


def test_one_contact_is_asked_for_where_the_page_says_one() -> None:
    """And the answer is that one, not an array."""
    name = "GetDownloadContactsForDialing"
    told = "must be 1 to 1"
    assert [("data.NumberOfContactsRequired", told)] == problems(
        name, {**EXAMPLES[name], "NumberOfContactsRequired": 2}, ALL
    )
    with pytest.raises(ContactNotFound):
        message(name, [])


def test_what_is_cached_of_the_siblings() -> None:
    """Contacts of a group join the manual ones, which do not answer for a group; an OD one joins its own."""
    read = translated("GetDownloadContactsForDialing", EXAMPLES["GetDownloadContactsForDialing"], ALL)
    new = translated("GetContactOD", EXAMPLES["GetContactOD"], ALL)

    assert (False, "manual", None) == (read.side_effect, read.shelf, read.reserved)
    assert (True, "od", None) == (new.side_effect, new.shelf, new.reserved)
    assert Reserved("od", 1) == translated("GetReservedContactOD", {"UserID": "x"}, ALL).reserved


def test_what_leaves_the_cache() -> None:
    """A disposed contact must not be offered again; only a manual skip may ask who fetched it."""
    outcome = translated("SetCallOutcomeWithComments", EXAMPLES["SetCallOutcomeWithComments"], ALL)
    skip = translated("SkipNonPEWCContact", EXAMPLES["SkipNonPEWCContact"], ALL)

    assert ("testagent@domain.com", "49|3|279|0|0|44|1253") == (outcome.agent, outcome.skips)
    assert not outcome.fetched
    assert ("testagent", None, "od") == (skip.agent, skip.skips, skip.forgets)
    nothing = CacheChange(agent="testagent", shelf="od", asked=5.0, reserved=Reserved("od", 1))
    assert nothing == cache_change(skip, None, 5.0) == cache_change(skip, Answer({}), 5.0)


def test_lcm_is_told_under_its_own_names() -> None:
    """As public callers write them, and nothing of what it does not take."""
    told = parameters("SetPersonalCallbackWithComments", EXAMPLES["SetPersonalCallbackWithComments"], ALL)

    assert [
        *("CallID", "AccountNumber", "StartDate", "EndDate", "StartTime", "EndTime", "ModeID", "UserID"),
        *("AgentComment", "LeadScore", "TargetAmount"),
    ] == list(told)
    assert ["AccountNumber"] == list(parameters("GetScreenPopData", EXAMPLES["GetScreenPopData"], ALL))
    assert "SetAgentStatus" == ALL.methods()["SendAgentState"]


@pytest.mark.parametrize("result", [True, None, {"success": True}, "", []])
def test_without_a_reply_only_lcms_no_matters(result: JsonValue) -> None:
    """Nobody is told the rest."""
    assert {"response": None} == message("SendAgentState", result)
    with pytest.raises(WsError, match="LCM did not take the state"):
        message("SendAgentState", result=False)
    with pytest.raises(WsError, match="Agent is not logged in"):
        message("SendAgentState", {"RequestFailureReason": "Agent is not logged in"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Data><A>1</A><B/></Data>", {"A": "1", "B": ""}),
        ("<?xml version='1.0'?><Data>\n <A x='1'>Smith & Sons</A>\n</Data>", {"A": "Smith & Sons"}),
        ("<Data><A><![CDATA[<b>&]]></A><B>&lt;&#65;</B></Data>", {"A": "<b>&", "B": "<A"}),
        ("<Data><Home><Cvalue>1</Cvalue></Home></Data>", {"Cvalue": "1"}),
        ("<Data><A>1<B>2</B></Data>", {"B": "2"}),
        ("<A>1</A>", {"A": "1"}),
        ("<Data><B/><A>1</A></Data>", {"B": "", "A": "1"}),
        ("<Data><A><![CDATA[1]]></A><B><![CDATA[2]]>&amp;3</B></Data>", {"A": "1", "B": "2&3"}),
        (f"<Data><A>&#{'9' * 5000};</A></Data>", {"A": f"&#{'9' * 5000};"}),
        ("<Data><A>1", {}),
        ("<Data><A><![CDATA[1", {}),
        ("1 < 2 > <", {}),
    ],
)
def test_a_screen_pop_is_read_however_it_is_written(text: str, expected: dict[str, str]) -> None:
    """LCM's XML may not be well formed: with a bare ampersand, say, or without an end."""
    assert expected == dict(leaves(text))
    assert {"callid": "1001", "response": expected} == message("GetScreenPopData", text)


@pytest.mark.parametrize(
    "part", ["<a", "<a>", "<a>b", "<![CDATA[", "<a><![CDATA[", "<a><![CDATA[]]>", "</a>", "&"]
)
def test_a_hostile_screen_pop_is_read_to_its_end(part: str) -> None:
    """Looking at any of it again for each of its parts would take hours."""
    assert len(list(leaves(part * 50_000))) <= 50_000


@pytest.mark.parametrize(("text", "signs"), [("<a>", 1), ("&a", 1), ("<a>&a</a>", 3), ("&#60; <", 2)])
def test_a_screen_pop_may_have_20_000_tags_and_references(text: str, signs: int) -> None:
    """Of 4 MiB of them the reading takes more than a second, in which nobody else is served."""
    most = text * (20_000 // signs) + "&" * (20_000 % signs)

    assert "response" in message("GetScreenPopData", most)
    with pytest.raises(UnexpectedResult, match="more than 20000 tags and references"):
        message("GetScreenPopData", f"{most}&")
