"""What `lcm-bridge request` makes of its arguments: pure, before anything is sent."""

import json
from typing import Any

import pytest

from bridge.cli.request.ending import Exit
from bridge.cli.request.preview import preview
from bridge.cli.request.wanted import Asked, Setting, Wanted, WrongUsage, routing_key, wanted
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.strictjson import Limits

ALONE = Catalogue(Rules())
WITH_SIBLINGS = Catalogue(Rules(), [*OPERATIONS, *siblings()])
LIMITS = Limits()
FILES = {
    "-": b'{"UserID": "from standard input"}',
    "data.json": b'\xef\xbb\xbf{"userId": "one", "more": [1]}',
    "envelope.json": (
        b'{"Channel": "LCM", "topic": "Webservice", "subtopic": "GetReservedContactOD", "source": "old",'
        b' "data": {"userId": "one"}}'
    ),
    "other.json": b'{"channel": "LCM", "topic": "WebService", "subtopic": "Other"}',
    "deep.json": b"[" * 200_000,
    "half.json": b'{"channel": "L\\ud800", "topic": "a", "subtopic": "b"}',
    "quotes.json": b'{"UserID": \xe2\x80\x9cone\xe2\x80\x9d}',
    "reply.json": b'{"channel": "LCM", "topic": "a", "subtopic": "b", "message": {}}',
}


def read(file: str) -> bytes:
    """Stand for the disk."""
    if file not in FILES:
        raise FileNotFoundError(2, "No such file or directory", file)
    return FILES[file]


def made(what: str, *sets: str, catalogue: Catalogue = ALONE, **more: Any) -> Wanted:
    """Return the request of a command line."""
    pairs = [Setting(*one.split("=", 1)) for one in sets]
    return wanted(Asked(what=what, read=read, sets=pairs, **more), catalogue, LIMITS)


def envelope(request: Wanted) -> Any:
    """Read the body of a request."""
    return json.loads(request.body)


@pytest.mark.parametrize("name", ["GetReservedContactOD", "getreservedcontactod", " GETRESERVEDCONTACTOD"])
def test_an_operation_is_told_by_its_name(name: str) -> None:
    """In any case; the envelope is in the operation's own spelling, its data what is given."""
    request = made(name, data="data.json")

    assert {
        "channel": "LCM",
        "topic": "WebService",
        "subtopic": "GetReservedContactOD",
        "data": {"userId": "one", "more": [1]},
    } == envelope(request)
    assert "LCM.WebService.GetReservedContactOD" == routing_key(request.body)
    assert {"UserID": "from standard input"} == envelope(made(name, data="-"))["data"]
    assert {} == envelope(made(name))["data"]


def test_a_subtopic_tells_an_operation_too() -> None:
    """Names come first: a sibling that is on has its name for itself."""
    alone = made("addcompliance", template=True)
    beside = made("addcompliance", template=True, catalogue=WITH_SIBLINGS)

    assert ("AddCompliance", "CampaignID") == (
        envelope(alone)["subtopic"],
        next(iter(envelope(alone)["data"])),
    )
    assert "CValue" == next(iter(envelope(beside)["data"]))
    assert "AddCompliance" == envelope(made("CreateContact", route="addcompliance"))["subtopic"]


@pytest.mark.parametrize(
    ("route", "channel"),
    [(None, "Amazon"), ("UI", "Amazon"), ("lcm", "LCM"), ("amazon/inboundcall/manualdialcall", "Amazon")],
)
def test_a_route_is_told_by_its_words(route: str | None, channel: str) -> None:
    """Of the request's or the reply's address; without it, it is the first."""
    assert channel == envelope(made("ManualDialCall", route=route))["channel"]


@pytest.mark.parametrize("route", ["ManualDialCall", "nosuch", "", "LCM/InboundCall"])
def test_a_route_that_is_none_or_several_is_refused(route: str) -> None:
    """With all that there are."""
    with pytest.raises(
        WrongUsage, match="of the routes of ManualDialCall: Amazon/InboundCall/ManualDialCall"
    ):
        made("ManualDialCall", route=route)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("Status=0", 0),
        ("Status=abc", "abc"),
        ('Status="0"', "0"),
        ("IsAccountNumber=true", True),
        ("CampaignID=2082097345", "2082097345"),
        ('CampaignID="a"', "a"),
        ("CampaignID=a=b", "a=b"),
        ("CampaignID=", ""),
        ("CampaignID=null", None),
        ("CampaignID=NaN", "NaN"),
        ("CampaignID=1e999", "1e999"),
        ("BusinessFields=<Data/>", "<Data/>"),
        ('businessfields={"a": {"b": 1}}', {"a": {"b": 1}}),
    ],
)
def test_a_value_is_json_where_the_field_takes_that(setting: str, expected: Any) -> None:
    """Else it is text; what the field takes neither way goes as it is written, for the bridge to refuse."""
    data = envelope(made("CreateContact", setting))["data"]

    assert {setting.partition("=")[0]: expected} == data


def test_what_is_set_replaces_what_was_there() -> None:
    """In whatever case and under whatever alias; the last one wins, and the place stays."""
    assert {"UserID": "three", "more": [1]} == envelope(
        made("GetReservedContactOD", "AgentID=two", "UserID=three", data="data.json")
    )["data"]


def test_a_file_is_sent_as_it_is() -> None:
    """Byte for byte, what cannot be read too: the bridge says what is wrong with it."""
    for file in ("envelope.json", "quotes.json", "reply.json", "other.json", "deep.json", "half.json"):
        assert FILES[file] == made(file).body
    assert "LCM.Webservice.GetReservedContactOD" == routing_key(FILES["envelope.json"])
    assert "unreadable" == routing_key(FILES["quotes.json"]) == routing_key(FILES["deep.json"])
    assert "L.a.b" == routing_key(FILES["half.json"])
    assert 255 == len(routing_key(json.dumps({"channel": 300 * "x"}).encode()))


def test_a_file_may_be_changed() -> None:
    """Members of its data, and the source; the rest stays."""
    changed = made("envelope.json", "agentid=two", source="me")
    kept = made("envelope.json", "USERID=two")

    assert ({"agentid": "two"}, "me", "Webservice") == tuple(
        envelope(changed)[name] for name in ("data", "source", "topic")
    )
    assert ("old", {"USERID": "two"}) == (envelope(kept)["source"], envelope(kept)["data"])
    assert {"x": 1} == envelope(made("other.json", "x=1"))["data"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"what": "CreateContac"}, "CreateContac: no such file, and no operation of .*mean CreateContact"),
        ({"what": "zzz"}, "zzz: no such file, and no operation.*lcm-bridge operations list"),
        ({"what": "setdnc"}, "SetDNC comes with the bridge and is off: operations.siblings"),
        ({"what": "envelope.json", "data": "data.json"}, "go with the name of an operation"),
        ({"what": "envelope.json", "template": True}, "go with the name of an operation"),
        ({"what": "CreateContact", "data": "data.json", "template": True}, "exclude each other"),
        ({"what": "CreateContact", "data": "quotes.json"}, "--data quotes.json: .*line 1, column 12"),
        ({"what": "CreateContact", "data": "envelope.json"}, "whole envelope: lcm-bridge request envelope"),
        ({"what": "deep.json", "source": "me"}, "deep.json: nothing can be set in it: "),
        ({"what": "quotes.json", "source": "me"}, "quotes.json: nothing can be set in it: .*curly|quotation"),
        ({"what": "reply.json", "source": "me"}, "reply.json: nothing can be set in it: this is a reply"),
    ],
)
def test_what_makes_no_request_is_told(arguments: dict[str, Any], problem: str) -> None:
    """With what to do instead."""
    with pytest.raises(WrongUsage, match=problem):
        made(**arguments)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('"\\ud800"', "the value holds half of a surrogate pair"),
        ('{"a": ["\\ud83d"]}', "the value holds half of a surrogate pair"),
        ("[" * 50_000, "the value is nested too deep"),
        ("[" * 900 + "]" * 900, None),
    ],
    ids=["half a pair", "half a pair inside", "deep", "less deep"],
)
def test_a_value_that_makes_no_json_is_told(value: str, problem: str | None) -> None:
    """By the member that it is for; what can be written is sent, for the bridge to refuse."""
    if problem is None:
        assert made("CreateContact", f"CampaignID={value}").body
        return
    with pytest.raises(WrongUsage, match=f"--set CampaignID: {problem}"):
        made("CreateContact", f"CampaignID={value}")


@pytest.mark.parametrize("value", ["-1e999", '{"a": [-1e999]}'])
def test_a_number_that_json_cannot_hold_is_no_null(value: str) -> None:
    """Of a member that the operation does not know, too, as a relay passes on."""
    with pytest.raises(WrongUsage, match="--set more: the value holds a number that is too large: -1e999"):
        made("ManualDialCall", f"more={value}")


def test_a_file_that_is_not_there_is_told_by_its_name() -> None:
    """Of the data; of the whole it could have been an operation."""
    with pytest.raises(FileNotFoundError):
        made("CreateContact", data="nosuch.json")


@pytest.mark.parametrize("what", ["SendAgentState", "state.json"])
def test_what_nobody_answers_is_known(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the envelope is a file."""
    state = made("SendAgentState", template=True, catalogue=WITH_SIBLINGS)
    monkeypatch.setitem(FILES, "state.json", state.body)

    assert not made(what, catalogue=WITH_SIBLINGS).answered
    assert made("envelope.json").answered
    assert made("quotes.json").answered


def test_a_preview_says_what_lcm_would_be_told() -> None:
    """Under the method that the settings give it; a relay tells LCM nothing."""
    created = made("CreateContact", "Status=0", template=True)
    told, code = preview(created.body, ALONE, LIMITS, {"createcontact": "AddContact"})
    relayed, _ = preview(made("ManualDialCall", template=True).body, ALONE, LIMITS, {})

    assert Exit.SUCCESS == code
    assert ("AddContact", 0) == (told["lcm"]["method"], told["lcm"]["parameters"]["Status"])  # type: ignore[call-overload,index]  # a JSON object
    assert (True, "campaign", "LCM/WebService/CreateContactResponse") == (
        told["side_effect"],
        told["queue"],
        told["reply"],
    )
    assert relayed["lcm"] is None


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("quotes.json", "INVALID_ENVELOPE"),
        ("reply.json", "reply-as-request"),
        ("other.json", "UNKNOWN_OPERATION"),
        ("empty.json", "INVALID_DATA"),
    ],
)
def test_a_preview_says_how_the_bridge_would_refuse(
    file: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the reply that would come."""
    monkeypatch.setitem(FILES, "empty.json", made("GetReservedContactOD").body)
    told, code = preview(made(file).body, ALONE, LIMITS, {})

    assert Exit.FAILURE == code
    assert expected in json.dumps(told)


@pytest.mark.parametrize(
    ("what", "setting", "problem"),
    [
        ("CreateContact", "Statsu=0", "data.Statsu is no field of CreateContact; did you mean Status"),
        ("GetReservedContactOD", "Zzz=0", "data.Zzz is no field of GetReservedContactOD; there are UserID"),
    ],
)
def test_a_name_that_the_operation_does_not_read(what: str, setting: str, problem: str) -> None:
    """It is wrong usage to set it; the nearest field is named, or all are."""
    with pytest.raises(WrongUsage, match=problem):
        made(what, setting)


def test_what_is_ignored_in_a_file() -> None:
    """Each member that nobody reads is told, of data and of a whole envelope; a relay reads them all."""
    assert ["data.more is no field of GetReservedContactOD; there are UserID"] == list(
        made("GetReservedContactOD", data="data.json").ignored
    )
    assert [] == list(made("envelope.json").ignored)
    assert [] == list(made("ManualDialCall", "PhoneNumber=2082097345", "more=1").ignored)


@pytest.mark.parametrize(("text", "told"), [("12", "3 digits"), ("1" * 70, "characters")])
def test_a_value_that_the_field_does_not_take_either_way(text: str, told: str) -> None:
    """It is sent as text, so the bridge tells what is wrong with what was written."""
    body, code = preview(made("ManualDialCall", f"PhoneNumber={text}").body, ALONE, LIMITS, {})

    assert Exit.FAILURE == code
    assert told in json.dumps(body)
