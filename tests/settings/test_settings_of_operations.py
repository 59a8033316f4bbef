"""Which operations there are by the settings: siblings turned on, and a directory of the site's own."""

from pathlib import Path

import pytest
from operations.test_declaration_faults import GOOD
from settings.settings_sources import Sources, as_json, faults

from bridge.configuration import load

CONTRACT = 5


def names() -> list[str]:
    """Return the operations beside those of the contract."""
    return [one.name for one in load().catalogue.operations][CONTRACT:]


@pytest.fixture
def directory(given: Sources) -> Path:
    """Make the directory that is looked into where none is set."""
    folder = given.folder / "config" / "operations"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.usefixtures("given")
def test_without_settings_there_are_those_of_the_contract() -> None:
    """Nothing else is on, and no directory need be there."""
    assert [] == names()


def test_siblings_are_turned_on_by_name_or_all(given: Sources) -> None:
    """Without regard to case, each once."""
    given.environment(OPERATIONS__SIBLINGS=as_json(["SetDNC", "getcontactod", "SETDNC"]))
    assert ["SetDNC", "GetContactOD"] == names()

    given.environment(OPERATIONS__SIBLINGS=as_json(["*"]))
    assert 23 == len(names())


def test_a_file_beside_the_settings_is_an_operation(given: Sources, directory: Path) -> None:
    """Hidden files and others than TOML are passed over; the settings' own file says where that is."""
    (directory / "thing.toml").write_text(GOOD)
    (directory / ".thing.toml").write_text("not TOML")
    (directory / "README").write_text("not TOML")
    assert ["GetThing"] == names()

    given.environment(CONFIG=str(given.toml("", "other/bridge.toml")))
    assert [] == names()


def test_another_directory_is_a_setting(given: Sources, directory: Path) -> None:
    """It must be there, and then the one beside the settings is not looked at."""
    (directory / "thing.toml").write_text("not TOML")
    elsewhere = given.folder / "elsewhere"
    given.environment(OPERATIONS__DIRECTORY=str(elsewhere))
    assert [f"operations.directory: there is no directory {elsewhere}"] == faults()

    elsewhere.mkdir()
    (elsewhere / "thing.toml").write_text(GOOD)
    assert ["GetThing"] == names()


def test_what_is_keyed_by_operation_takes_declared_ones(given: Sources, directory: Path) -> None:
    """In whatever case; a name that there is not is refused beside all that there are."""
    (directory / "thing.toml").write_text(GOOD)
    given.environment(
        OPERATIONS__SIBLINGS=as_json(["SetDNC"]),
        LCM__METHODS=as_json({"getthing": "FetchThing"}),
        ACCESS=as_json({"SetDNC": ["loader"]}),
    )
    assert ["SetDNC", "GetThing"] == names()

    given.environment(ACCESS=as_json({"SetDNB": ["loader"]}))
    [fault] = faults()
    assert fault.startswith("access: SetDNB is no operation; there are GetReservedManualDialContact")
    assert fault.endswith("CreateContact, SetDNC, GetThing")


def test_an_operation_is_listed_once(given: Sources) -> None:
    """Of two spellings one would win unseen."""
    given.environment(ACCESS=as_json({"CreateContact": ["a"], "createcontact": ["b"]}))

    assert ["access: createcontact is given twice; names are matched without regard to case"] == faults()


def test_sources_alone_are_a_fault(given: Sources) -> None:
    """They keep nobody out, since anyone can write them; and their operations must be there."""
    given.environment(SOURCES=as_json({"CreateContact": ["import"]}))
    [fault] = faults()
    assert "sources.CreateContact needs access.CreateContact" in fault

    given.environment(ACCESS=as_json({"createcontact": ["loader"]}))
    assert {"CreateContact": ["import"]} == load().settings.sources

    given.environment(
        SOURCES=as_json({"SetDNB": ["import"]}), ACCESS=as_json({"SetDNB": ["a"], "CreateContact": ["b"]})
    )
    assert ["access", "sources"] == [fault.partition(":")[0] for fault in faults()]


def test_bad_declarations_are_told_beside_all_other_faults(given: Sources, directory: Path) -> None:
    """With the file of each; none hides another."""
    (directory / "a.toml").write_text(GOOD.replace('type = "text"', 'type = "txt"'))
    (directory / "b.toml").write_text(GOOD.replace("GetThing", "SetDNC"))
    (directory / "c.toml").write_text(GOOD)
    (directory / "d.toml").write_text(GOOD)
    (directory / "e.toml").write_bytes(b"\xff")
    (directory / "f.toml").mkdir()
    given.environment(ADMIN__PORT="99999", OPERATIONS__SIBLINGS=as_json(["SetDNC", "SetDNB"]))
    found = faults()

    folder = Path("config/operations")
    for part in (
        "admin.port: ",
        "operations.siblings: 'setdnb' is no operation that comes with the bridge; did you mean SetDNC?",
        f"{folder}/a.toml: data.Id: type must be one of",
        f"{folder}/b.toml: name: SetDNC is the name of sibling set_dnc.toml already",
        f"{folder}/b.toml: routes[0]: LCM/WebService/SetDNC is an address of sibling set_dnc.toml already",
        f"{folder}/d.toml: name: GetThing is the name of {folder}/c.toml already",
        f"{folder}/d.toml: routes[0]: LCM/WebService/GetThing is an address of {folder}/c.toml already",
        f"{folder}/e.toml: is not UTF-8",
        f"{folder}/f.toml: Is a directory",
    ):
        assert 1 == len([fault for fault in found if part in fault]), (part, found)
    assert 9 == len(found)


def test_a_default_beyond_the_sites_limit_is_a_fault(given: Sources, directory: Path) -> None:
    """The limits of the site hold for declared operations as well."""
    text = GOOD.replace("default = 1", 'default = 50\nmost = "limits.contacts"')
    (directory / "thing.toml").write_text(text)
    assert ["GetThing"] == names()

    given.environment(LIMITS__CONTACTS="10")
    [fault] = faults()
    assert "thing.toml: data.Count.default: must be " in fault
