"""Which responses there are: what a person may write in LCM's place, and what the JSON schema says."""

from typing import Any

import pytest
from support.schemas import fits

from bridge.failures import WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.operation import Declared
from bridge.operations.model import Rules, UnexpectedResult
from bridge.operations.nested import AnyArray, AnyObject
from bridge.operations.results import Members
from bridge.operations.shapes import Key, Many, Nothing, One, Refused, Shape, Success
from bridge.operations.shipped import siblings

ALL = {one.name: one for one in Catalogue(Rules(), [*OPERATIONS, *siblings()]).operations}
REFUSED = Refused(WsError, "no")
LOOSE = Members({"Name": "text"}, noun="a thing", others=True)
NUMBER = Members({"N": "number"}, noun="a thing")
NUMBERED = One(NUMBER, REFUSED, may_be_empty=False, from_xml=False)
THINGS = Many(NUMBER, REFUSED, may_be_empty=True, one_as_object=False)


def shape(name: str) -> Shape:
    """Return the shape of an operation's response."""
    found = ALL[name].shape
    assert found is not None
    return found


@pytest.mark.parametrize("operation", ALL.values(), ids=ALL)
def test_the_response_of_the_example_is_one(operation: Declared) -> None:
    """By the schema and by hand."""
    example = operation.declaration.example
    if operation.shape is None or example is None or not isinstance(example.message, dict):
        return
    response = example.message["response"]

    assert fits(operation.shape.schema(), response)
    assert operation.shape.fits(response)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("SetDNC", [{"success": True}], [{"success": False}, {"SUCCESS": True}, {}, True, None]),
        ("CreateContact", ["0|1"], ["", 7, None, {}]),
        ("GetReservedContactOD", [{}, {"a": 1}], [[], [{}], "x", None]),
        ("GetReservedManualDialContact", [{}, [{}], [{}, {}]], [[], "x", None, [{}, 1], [None]]),
        ("GetDownloadAllContactsForDialing", [{"Contacts": []}], [[], "x", None]),
        ("SendAgentState", [None, "x"], []),
    ],
)
def test_a_person_writes_a_response_of_its_form(
    name: str, right: list[JsonValue], wrong: list[JsonValue]
) -> None:
    """Not looked at closely, but of another form it is refused."""
    assert right == [one for one in [*right, *wrong] if shape(name).fits(one)]


def test_any_array_is_one_of_whatever_lcm_gives() -> None:
    """Where a declaration lists no members."""
    anything = Many(None, REFUSED, may_be_empty=True, one_as_object=False)

    given: list[JsonValue] = [[], ["x"], "x"]
    assert all(anything.fits(one) for one in given)


@pytest.mark.parametrize(
    ("response", "valid"),
    [
        ({"Contacts": []}, True),
        ({"RequestFailureReason": "Agent is not logged in"}, True),
        ({"Contacts": [], "RequestFailureReason": "why"}, False),
        ({"Contacts": {}}, False),
        ({"Contacts": [7]}, False),
        ({"RequestFailureReason": 7}, False),
        ({}, False),
        ([], False),
    ],
)
def test_the_schema_of_contacts_or_a_reason(response: JsonValue, *, valid: bool) -> None:
    """One of the two, each of its own type."""
    assert valid == fits(shape("GetDownloadAllContactsForDialing").schema(), response)


def test_the_schema_of_no_response() -> None:
    """It is null."""
    schema = Nothing(REFUSED).schema()

    assert fits(schema, None)
    assert not fits(schema, "x")


def test_the_schema_of_an_object_that_may_be_missing() -> None:
    """Its members, all of them, or none at all."""
    schema = One(Members({"A": "text"}, noun="a thing"), REFUSED, may_be_empty=True, from_xml=False).schema()

    assert [True, True, False, False] == [
        fits(schema, response) for response in ({"A": "x"}, {}, {"B": "x"}, {"A": 7})
    ]


def test_the_schemas_of_what_is_passed_on() -> None:
    """Objects and arrays of anything, an array within its limit."""
    either = AnyObject(name="a").schema(), AnyArray(name="a", longest=2).schema()
    values: list[Any] = [{}, [], [1, 2], [1, 2, 3], "x"]

    assert [(True, False), (False, True), (False, True), (False, False), (False, False)] == [
        (fits(either[0], value), fits(either[1], value)) for value in values
    ]


@pytest.mark.parametrize("given", [True, "Yes", "true", 1])
def test_a_flag_is_true_in_each_of_its_forms(given: JsonValue) -> None:
    """And false in the others."""
    flag = Members({"On": "flag", "Off": "flag"}, noun="a thing")

    assert {"On": True, "Off": False} == flag.read({"on": given, "off": "No"})


@pytest.mark.parametrize("cached", [{"Name": "x"}, {"Name": None}, {"Name": "x", "Extra": [1]}])
def test_a_cached_contact_may_have_others_where_lcm_may_give_them(cached: JsonObject) -> None:
    """Or none."""
    LOOSE.recognise(cached)


@pytest.mark.parametrize(
    ("cached", "why"),
    [({"Extra": 1}, "a thing has other members"), ({"Name": True}, "a thing's Name is a boolean")],
)
def test_a_cached_contact_without_its_members_is_told(cached: JsonObject, why: str) -> None:
    """What is wrong with it stands in the log."""
    with pytest.raises(UnexpectedResult, match=why):
        LOOSE.recognise(cached)


def test_of_several_cached_contacts_one_is_given() -> None:
    """Where one is asked for, and that one alone is told to the cache."""
    contacts: list[JsonObject] = [{"Name": "x"}, {"Name": "y"}]
    given = One(LOOSE, REFUSED, may_be_empty=False, from_xml=False).present(contacts)

    assert ({"Name": "x"}, [{"Name": "x"}]) == given


@pytest.mark.parametrize(
    ("shape", "result", "told"),
    [
        (Success(REFUSED), {}, "the result is an object that says neither true nor false"),
        (Success(REFUSED), "yes", "the result is a string that says neither true nor false"),
        (Key(REFUSED), True, "the result is a boolean where an LCM key was expected"),
        (Key(REFUSED), [], "the result is an array where an LCM key was expected"),
        (NUMBERED, {"n": 2**63}, "a thing's N is a number beyond 64 bits"),
        (NUMBERED, {"n": "9223372036854775808"}, "a thing's N is a number beyond 64 bits"),
        (NUMBERED, {"n": "-9223372036854775808"}, "a thing's N is a number beyond 64 bits"),
        (NUMBERED, {"n": "9" * 20}, "a thing's N is a number beyond 64 bits"),
        (NUMBERED, {"n": "9" * 21}, "a thing's N is a string where a whole number was expected"),
    ],
)
def test_what_lcm_gave_instead_is_told(shape: Shape, result: JsonValue, told: str) -> None:
    """In the log and the dead letter, word for word."""
    with pytest.raises(UnexpectedResult) as unexpected:
        shape.read(result)

    assert told == str(unexpected.value)


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63 - 1), 0])
@pytest.mark.parametrize("spelled", [int, str])
def test_a_number_of_64_bits_is_read(number: int, spelled: type[int | str]) -> None:
    """As a number and as its digits, with a sign too; what is not listed is dropped."""
    assert {"N": number} == NUMBERED.read({"N": spelled(number), "other": 1})[0]


def test_a_key_is_above_zero() -> None:
    """Also as a number."""
    assert ("1", ()) == Key(REFUSED).read(1)
    with pytest.raises(WsError):
        Key(REFUSED).read(0)


@pytest.mark.parametrize("result", [{}, {"RequestFailureReason": ""}, {"requestfailurereason": None}])
def test_an_empty_reason_is_none(result: JsonValue) -> None:
    """As if LCM had given nothing; an object with anything else is one."""
    assert ([], ()) == THINGS.read(result)
    with pytest.raises(UnexpectedResult):
        THINGS.read({"RequestFailureReason": "", "other": 1})


@pytest.mark.parametrize(
    ("shape", "form", "valid"),
    [
        (THINGS, "an array of things", [[], [{"N": 1}]]),
        (Many(NUMBER, REFUSED, may_be_empty=False, one_as_object=False), "an array of things", [[{"N": 1}]]),
        (
            Many(NUMBER, REFUSED, may_be_empty=False, one_as_object=True),
            "an array of things",
            [{"N": 1}, [{"N": 1}]],
        ),
        (
            Many(None, REFUSED, may_be_empty=True, one_as_object=False),
            "an array",
            [[], ["x"], [{"N": 1}], [{"N": "1"}]],
        ),
    ],
)
def test_the_schema_of_an_array_is_as_it_is_declared(shape: Many, form: str, valid: list[JsonValue]) -> None:
    """It may be empty or not, its only item may stand alone; a person is told what it is of."""
    given: list[JsonValue] = [[], ["x"], {"N": 1}, {"N": "1"}, [{"N": 1}], [{"N": "1"}], "x"]
    schema = shape.schema()

    assert form == shape.form
    assert [one for one in given if one in valid] == [one for one in given if fits(schema, one)]
