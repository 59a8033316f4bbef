"""``lcm-bridge operations``: what it lists, shows and checks."""

import json
from pathlib import Path
from typing import Any

import pytest
from operations.test_declaration_faults import GOOD
from settings.settings_sources import Sources, as_json

from bridge.cli import main
from bridge.operations.shipped import siblings

TEXTS = {one.name: one.text for one in siblings()}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run the command, which must end with the code, and return its output with its errors."""
    assert code == main(["operations", *arguments])
    output, errors = capsys.readouterr()
    return output + errors


def as_told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """Run the command with --json, and return what it prints."""
    return json.loads(printed(capsys, *arguments, "--json", code=code))


def test_list_tells_what_is_on(given: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    """With where each is from; --all tells what is off, too."""
    given.environment(OPERATIONS__SIBLINGS=as_json(["SetDNC"]))
    (given.folder / "config" / "operations").mkdir(parents=True)
    (given.folder / "config" / "operations" / "thing.toml").write_text(GOOD)
    listed = as_told(capsys, "list")
    everything = as_told(capsys, "list", "--all")

    assert ["built-in"] * 5 + ["sibling", "config/operations/thing.toml"] == [one["from"] for one in listed]
    assert listed == everything[:7]
    assert 22 == len([one for one in everything if one["from"] == "sibling, off"])
    told = {one["name"]: one["side_effect"] for one in listed}
    assert ("if ReservedContacts is false", "yes", "no") == (
        told["GetReservedManualDialContact"],
        told["SetDNC"],
        told["GetThing"],
    )


def test_list_is_a_table(
    given: Sources, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, addresses, queue, side effect, origin; none is cut off."""
    del given
    monkeypatch.setenv("COLUMNS", "140")
    rows = [line.split() for line in printed(capsys, "list").splitlines()]

    assert ["GetReservedContactOD", "LCM/WebService/GetReservedContactOD", "agent", "no", "built-in"] in rows
    assert ["CreateContact", "LCM/WebService/CreateContact", "campaign", "yes", "built-in"] in rows
    assert ["LCM/WebService/AddCompliance"] in rows


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize(
    ("columns", "whole"), [("", "LCM/WebService/GetDownloadAllContactsForDialing"), ("40", "")]
)
def test_a_name_is_never_cut(
    columns: str, whole: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However narrow the terminal is; a pipe has no width, and nothing is folded there."""
    monkeypatch.setenv("COLUMNS", columns)
    lines = printed(capsys, "list", "--all").splitlines()

    assert any(line.startswith("GetDownloadAllContactsForDialing ") and whole in line for line in lines)


@pytest.mark.usefixtures("given")
def test_show_names_each_field_in_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own name and the one on LCM's wire, as publishers copy them from there."""
    monkeypatch.setenv("COLUMNS", "")
    rows = [line.split() for line in printed(capsys, "show", "GetDownloadContactsForDialing").splitlines()]

    assert 2 in [row.count("NumberOfContactsRequired") for row in rows]


@pytest.mark.usefixtures("given")
def test_show_tells_of_an_operation_that_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    """In words and in TOML; an unknown one is told with those that there are."""
    words = printed(capsys, "show", "sendagentstate")

    for part in (
        "SendAgentState (sibling, off)",
        "never answered",
        "LCM's method: SetAgentStatus",
        "agentState",
    ):
        assert part in words
    assert TEXTS["SendAgentState"] == printed(capsys, "show", "SendAgentState", "--toml")
    assert "there are GetReservedManualDialContact" in printed(capsys, "show", "Nosuch", code=1)


@pytest.mark.usefixtures("given")
def test_show_tells_of_each_field(capsys: pytest.CaptureFixture[str]) -> None:
    """With its JSON schema and its name on LCM's wire."""
    told = as_told(capsys, "show", "SetCallbackWithComments")["data"]

    assert {
        "about": "the mode to call back on",
        "aliases": [],
        "required": True,
        "default": None,
        "lcm": "ModeID",
    } == {key: value for key, value in told["CallbackModeID"].items() if key != "schema"}
    assert ({"type": "string", "minLength": 1, "maxLength": 128, "pattern": r"\S"}) == told["UserID"][
        "schema"
    ]
    assert (False, "", "AgentComment") == tuple(
        told["AgentComments"][key] for key in ("required", "default", "lcm")
    )


def test_check_tells_every_fault(given: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    """And the files that are right; the exit code says whether all are."""
    (given.folder / "right.toml").write_text(GOOD)
    bad = GOOD.replace("side_effect", "side_efect").replace('type = "text"', 'type = "txt"')
    (given.folder / "bad.toml").write_text(bad)
    told = printed(capsys, "check", "right.toml", "bad.toml", "none.toml", code=1)

    for part in (
        "right.toml: GetThing is right; it has no example\n",
        "bad.toml: data.Id: type must be one of",
        "bad.toml: side_efect: is no key here; did you mean side_effect?\n",
        "none.toml: No such file or directory\n",
    ):
        assert part in told
    assert 4 == len(told.splitlines())
    assert "GetThing is right" in printed(capsys, "check", "right.toml")


def test_check_holds_files_against_each_other_and_the_site(
    given: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also against siblings that are on; a file that is in the directory is not held against itself."""
    folder = given.folder / "config" / "operations"
    folder.mkdir(parents=True)
    (folder / "one.toml").write_text(GOOD)
    (given.folder / "two.toml").write_text(GOOD)
    (given.folder / "dnc.toml").write_text(TEXTS["SetDNC"])
    name = "name: GetThing is the name of"

    assert [] == as_told(capsys, "check", str(folder / "one.toml"))["faults"]
    assert [] == as_told(capsys, "check", "dnc.toml")["faults"]
    assert (
        f"two.toml: {name} config/operations/one.toml already"
        in (as_told(capsys, "check", "two.toml", code=1)["faults"])
    )
    (folder / "one.toml").rename(Path("three.toml"))
    assert (
        f"three.toml: {name} two.toml already"
        in (as_told(capsys, "check", "two.toml", "three.toml", code=1)["faults"])
    )
    given.environment(OPERATIONS__SIBLINGS=as_json(["*"]))
    assert (
        "dnc.toml: name: SetDNC is the name of sibling set_dnc.toml already"
        in (as_told(capsys, "check", "dnc.toml", code=1)["faults"])
    )


def test_check_goes_by_the_limits_of_the_site(given: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    """As the start does: the settings bound what "limits.contacts" stands for, to both sides."""
    text = GOOD.replace("default = 1", 'least = 1\ndefault = 100\nmost = "limits.contacts"')
    (given.folder / "small.toml").write_text(text)
    (given.folder / "large.toml").write_text(text.replace("100", "200").replace("GetThing", "GetLarge"))
    by_default = as_told(capsys, "check", "small.toml", "large.toml", code=1)["faults"]
    given.environment(LIMITS__CONTACTS="50")
    fewer = as_told(capsys, "check", "small.toml", code=1)["faults"]
    given.environment(LIMITS__CONTACTS="500")
    more = as_told(capsys, "check", "small.toml", "large.toml")["faults"]

    setting = "(the bridge's setting limits.contacts)"
    assert [f"large.toml: data.Count.default: must be 1 to 100 {setting}"] == by_default
    assert [f"small.toml: data.Count.default: must be 1 to 50 {setting}"] == fewer
    assert [] == more


def test_a_site_that_takes_more_may_declare_more(given: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    """The start reads a directory under the limits of the settings that it belongs to."""
    folder = given.folder / "config" / "operations"
    folder.mkdir(parents=True)
    text = GOOD.replace("default = 1", 'least = 1\ndefault = 200\nmost = "limits.contacts"')
    (folder / "one.toml").write_text(text)
    given.environment(LIMITS__CONTACTS="500")

    assert "GetThing" in printed(capsys, "list", "--names")


def test_an_example_shows_the_contract_s_default(given: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    """A single contact in it is in an array, whatever the site makes of one."""
    shape = 'shape = "contacts"\none_as_object = "contract.single_contact_as_object"'
    example = (
        """[example]\ndata = '{"Id": "x"}'\ncall = '{"Id": "x", "Count": 1}'\nresult = '[{"Name": "y"}]'\n"""
        """message = '{"response": [{"Name": "y", "AccountNumber": null}]}'\n"""
    )
    (given.folder / "one.toml").write_text(GOOD.replace('shape = "object"', shape) + example)
    given.environment(CONTRACT__SINGLE_CONTACT_AS_OBJECT="true")

    assert "GetThing is right\n" in printed(capsys, "check", "one.toml")
