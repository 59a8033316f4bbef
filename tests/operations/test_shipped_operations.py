"""The declarations that come with the bridge: their examples hold, and their schemas say what is taken."""

from typing import Any

import pytest
from support.schemas import fits

from bridge.failures import InvalidData
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.examples import envelope_of, example_faults
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import read
from bridge.operations.fields import Field, Wrong
from bridge.operations.model import Rules
from bridge.operations.shipped import built_in, origin_of, siblings

ALL = Catalogue(Rules(), [*OPERATIONS, *siblings()])
SIBLINGS = [
    *("AddCompliance", "GetAgentCallCount", "GetBusinessOutcome", "GetBusinessOutcomeParent"),
    *("GetCallBackModes", "GetCallOutCome", "GetCampaignModes", "GetCampaignTimeZone", "GetContactDetail"),
    *("GetContactOD", "GetDownloadAllContactsForDialing", "GetDownloadContactsForDialing"),
    *("GetPersonalCallbackList", "GetScreenPopData", "ManualDialCopyContact", "SendAgentState"),
    *("SetBusinessOutcomeWithComments", "SetCallOutcomeWithComments", "SetCallbackWithComments", "SetDNC"),
    *("SetNonPEWCContactOutcome", "SetPersonalCallbackWithComments", "SkipNonPEWCContact"),
]
EACH = pytest.mark.parametrize("operation", ALL.operations, ids=lambda operation: operation.name)


def test_the_siblings_are_those_of_the_list() -> None:
    """By their names; none is on unless the site says so."""
    assert SIBLINGS == [one.name for one in siblings()]
    assert not {one.name for one in OPERATIONS} & set(SIBLINGS)


@EACH
def test_the_example_is_what_happens(operation: Declared) -> None:
    """Request, call, result and reply: each declaration has one, and it cannot drift."""
    assert operation.declaration.example is not None
    assert [] == list(example_faults(operation))


@pytest.mark.parametrize("part", ["data", "call", "result", "message"])
def test_an_example_that_does_not_hold_is_told(part: str) -> None:
    """Whichever part of it says something else."""
    one = next(one for one in OPERATIONS if one.name == "SkipManualDialContact")
    wrong = {
        "data": ('"OutcomeId": 100,\n  "UserID": "testagent@domain.com",', ""),
        "call": ("call = '''\n{\n  \"OutcomeId\": 100", "call = '''\n{\n  \"OutcomeId\": 101"),
        "result": ("result = 'true'", "result = 'false'"),
        "message": ('"success": true', '"success": false'),
    }
    old, new = wrong[part]
    assert old in one.text
    changed = Declared(read(one.text.replace(old, new, 1), "x.toml"), Rules())

    assert [f"x.toml: example.{part}"] == [":".join(told.split(":")[:2]) for told in example_faults(changed)]


@EACH
def test_the_schemas_take_the_example(operation: Declared) -> None:
    """Each field's schema is a true one, by whichever name the example gives it."""
    example = operation.declaration.example
    assert example is not None
    given = {key.casefold(): value for key, value in (envelope_of(operation, example).data or {}).items()}

    for field in operation.fields:
        names = {name.casefold() for name in (field.name, *field.aliases)}
        for name in names & given.keys():
            assert fits(field.schema(), given[name]), (field.name, given[name])


VALUES: list[Any] = [
    *(
        "",
        " ",
        "x",
        "x" * 64,
        "x" * 65,
        "x" * 300,
        "7",
        "-7",
        "07",
        "1.5",
        "12.50",
        "1e5",
        "Yes",
        "NO",
        "true",
    ),
    *("24/10/2024", "31/02/2024", "24/10/2024 07:33", "24/10/2024 25:00", "07:33", "24:00", "7:33"),
    *("+1 (234) 567", "12", "12a", "123", "1+23", "<Data/>"),
    *(0, 1, -1, 2, 100, 101, 1.5, 2**70, True, False, {}, [], [1] * 2000),
]


def taken(field: Field, value: Any) -> bool:
    """Tell whether the field takes the value."""
    try:
        field.take(value)
    except Wrong:
        return False
    return True


@EACH
def test_the_schemas_take_what_the_fields_take(operation: Declared) -> None:
    """None is stricter than the bridge; a schema cannot say all, so some values pass that are refused."""
    for field in operation.fields:
        for value in VALUES:
            assert fits(field.schema(), value) >= taken(field, value), (field.name, value)


def test_the_schema_of_data_tells_all_fields() -> None:
    """With what they are for, their defaults, and which must be there."""
    [create] = [one for one in ALL.operations if one.name == "CreateContact"]
    schema: Any = create.schema()

    names = [name for field in create.fields for name in (field.name, *field.aliases)]
    assert names == list(schema["properties"])
    status = schema["properties"]["Status"]
    assert ("0 open, 4 delivered", 4) == (status["description"], status["default"])
    assert fits(status, None)
    assert ["CampaignID", "Calltype", "callStartDateTime", "callEndDateTime"] == schema["required"][:4]
    assert ["Modes", "IsAccountNumber"] == schema["required"][4:]
    assert [["BussinessFields"], ["BusinessFields"]] == [
        one["required"] for one in schema["allOf"][0]["anyOf"]
    ]


def test_a_schema_refuses_what_is_of_another_type() -> None:
    """A text is no number, and a number no text."""
    [fields] = [one.fields for one in ALL.operations if one.name == "SetCallbackWithComments"]
    schemas = {field.name: field.schema() for field in fields}

    assert not fits(schemas["UserID"], 7)
    assert not fits(schemas["CallbackModeID"], "x")
    assert not fits(schemas["StartDate"], "2024-10-24")
    assert not fits(schemas["StartTime"], "7:33")


@pytest.mark.parametrize(
    "operation", [one for one in ALL.operations if one.name in SIBLINGS], ids=lambda o: o.name
)
def test_every_missing_field_of_a_sibling_is_named(operation: Declared) -> None:
    """As of the operations of the contract."""
    example = operation.declaration.example
    assert example is not None
    envelope = envelope_of(operation, example)._replace(data={})

    with pytest.raises(InvalidData) as refused:
        operation.translate(envelope)

    required = [
        f"data.{field.name}" for field in operation.fields if field.required and field.default is None
    ]
    assert required == [field for field, _ in refused.value.details]


def test_what_comes_with_the_bridge_is_told_from_a_sites_own() -> None:
    """By the file that its faults are told under."""
    assert {"built-in"} == {origin_of(one) for one in built_in()}
    assert {"sibling"} == {origin_of(one) for one in siblings()}
    assert "sibling set_dnc.toml" in {one.file for one in siblings()}
    assert origin_of(read(OPERATIONS[0].text, "built-in.toml")) is None
