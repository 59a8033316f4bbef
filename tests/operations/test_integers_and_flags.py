"""The forms in which integers and booleans are taken."""

import json

import pytest
from operations.core_requests import CREATE, MANUAL, SKIP, parameters, problems, without

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.fields import Wrong
from bridge.operations.nested import AnyArray, AnyObject

NOT_AN_INTEGER = 'must be an integer (a whole number, or a string of digits such as "7")'
NOT_A_FLAG = 'must be true or false (also "Yes"/"No", "Y"/"N", 1/0)'
NO_INTEGERS: list[JsonValue] = [
    True,
    False,
    7.0,
    7.5,
    1e2,
    "",
    " ",
    " 7",
    "7 ",
    "7\n",
    "+7",
    "-7",
    "7.0",
    "7e1",
    "0x7",
    "1_000",
    "seven",
    "\u0667",
    "\u00b2",
    "\uff17",
    [],
    [7],
    {},
    {"value": 7},
]
"""A boolean, a fraction (also a whole one), signs, blanks, and digits of other scripts."""


@pytest.mark.parametrize(("value", "taken"), [(0, 0), ("0", 0), (7, 7), ("7", 7), ("007", 7), ("100", 100)])
def test_an_outcome_is_an_integer_or_a_string_of_digits(value: JsonValue, taken: int) -> None:
    """It goes to LCM as an integer."""
    sent = parameters("SkipManualDialContact", {**SKIP, "OutcomeId": value})["OutcomeId"]

    assert json.dumps(taken) == json.dumps(sent)


@pytest.mark.parametrize("value", NO_INTEGERS)
@pytest.mark.parametrize(
    ("subtopic", "data", "name"),
    [
        ("SkipManualDialContact", SKIP, "OutcomeId"),
        (
            "GetReservedManualDialContact",
            without(MANUAL, "NumberofContactsRequired"),
            "NumberOfContactsRequired",
        ),
        ("CreateContact", CREATE, "Calltype"),
        ("CreateContact", CREATE, "priority"),
        ("CreateContact", CREATE, "ListID"),
        ("CreateContact", CREATE, "Status"),
    ],
)
def test_what_is_no_integer_is_refused(
    subtopic: str, data: dict[str, JsonValue], name: str, value: JsonValue
) -> None:
    """In every integer field, whatever form it goes to LCM in."""
    assert [(f"data.{name}", NOT_AN_INTEGER)] == problems(subtopic, {**data, name: value})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (-1, "must be 0 or more, within 64 bits"),
        (2**63, "must be 0 or more, within 64 bits"),
        (str(2**63), "must be 0 or more, within 64 bits"),
        (10**900, "must be 0 or more, within 64 bits"),
        ("9" * 20, "is too large"),
        ("9" * 200_000, "is too large"),
    ],
)
def test_an_outcome_is_0_or_more_within_64_bits(value: JsonValue, problem: str) -> None:
    """An id beyond .NET's Int64 is none."""
    assert [("data.OutcomeId", problem)] == problems("SkipManualDialContact", {**SKIP, "OutcomeId": value})


@pytest.mark.parametrize("value", [2**63 - 1, str(2**63 - 1), "0" * 1000 + str(2**63 - 1)])
def test_the_largest_outcome_is_taken(value: JsonValue) -> None:
    """Leading zeros are no digits."""
    assert 2**63 - 1 == parameters("SkipManualDialContact", {**SKIP, "OutcomeId": value})["OutcomeId"]


@pytest.mark.parametrize("name", ["priority", "ListID", "Status"])
def test_optional_integers_of_a_contact_may_be_negative(name: str) -> None:
    """The page sets no bounds for them."""
    assert -5 == parameters("CreateContact", {**CREATE, name: -5})[name]


@pytest.mark.parametrize(
    ("value", "taken"), [(1, "1"), ("1", "1"), ("001", "1"), (100, "100"), ("100", "100")]
)
def test_the_number_of_contacts_goes_out_as_a_decimal_string(value: JsonValue, taken: str) -> None:
    """As in the vendor's table, from 1 to the limit."""
    data = {**MANUAL, "NumberofContactsRequired": value}

    assert taken == parameters("GetReservedManualDialContact", data)["NumberOfContactsRequired"]


@pytest.mark.parametrize("value", [0, -1, 101, "0", "101", 10**18])
def test_the_number_of_contacts_is_bounded(value: JsonValue) -> None:
    """By 100, unless the site says otherwise."""
    told = "must be 1 to 100 (the bridge's setting limits.contacts)"
    assert [("data.NumberOfContactsRequired", told)] == problems(
        "GetReservedManualDialContact", {**MANUAL, "NumberofContactsRequired": value}
    )


@pytest.mark.parametrize("value", [0, 1, 2])
@pytest.mark.parametrize("form", [int, str])
def test_a_call_type_goes_out_as_a_string(value: int, form: type[int] | type[str]) -> None:
    """Fresh, callback and personal callback."""
    assert str(value) == parameters("CreateContact", {**CREATE, "Calltype": form(value)})["Calltype"]


@pytest.mark.parametrize("value", [3, "3", -1, 10**30])
def test_there_is_no_other_call_type(value: JsonValue) -> None:
    """Three are known."""
    assert [("data.Calltype", "must be 0 to 2")] == problems("CreateContact", {**CREATE, "Calltype": value})


@pytest.mark.parametrize("value", [True, "true", "True", "TRUE", "Yes", "yes", "YES", "Y", "y", 1])
def test_every_form_of_true_is_taken(value: JsonValue) -> None:
    """And goes out as each field's own form."""
    manual = {**MANUAL, "Consent": value, "ReservedContacts": value}
    sent = parameters("GetReservedManualDialContact", manual)

    assert ["Yes", "true"] == [sent["Consent"], sent["ReservedContacts"]]
    assert parameters("CreateContact", {**CREATE, "IsAccountNumber": value})["IsAccountNumber"] is True


@pytest.mark.parametrize("value", [False, "false", "False", "FALSE", "No", "no", "NO", "N", "n", 0])
def test_every_form_of_false_is_taken(value: JsonValue) -> None:
    """And goes out as each field's own form."""
    manual = {**MANUAL, "Consent": value, "ReservedContacts": value}
    sent = parameters("GetReservedManualDialContact", manual)

    assert ["No", "false"] == [sent["Consent"], sent["ReservedContacts"]]
    assert parameters("CreateContact", {**CREATE, "IsAccountNumber": value})["IsAccountNumber"] is False


@pytest.mark.parametrize(
    "value", [2, -1, 1.0, 0.0, "", "t", "f", "on", "none", "null", "yess", [], [True], {}]
)
def test_what_is_no_boolean_is_refused(value: JsonValue) -> None:
    """In every boolean field."""
    manual = {**MANUAL, "Consent": value, "ReservedContacts": value}

    assert [
        ("data.Consent", NOT_A_FLAG),
        ("data.ReservedContacts", NOT_A_FLAG),
    ] == problems("GetReservedManualDialContact", manual)
    assert [("data.IsAccountNumber", NOT_A_FLAG)] == problems(
        "CreateContact", {**CREATE, "IsAccountNumber": value}
    )


@pytest.mark.parametrize(
    "beyond", [{"a": [{"b": 2**63}]}, {"a": -(2**64)}, {"a": [0.5, None, True, "9" * 99, 10**999]}]
)
def test_what_is_passed_on_holds_no_integer_beyond_64_bits(beyond: JsonObject) -> None:
    """At whatever level: JSON for LCM could not be written with it."""
    with pytest.raises(Wrong, match="beyond 64 bits"):
        AnyObject(name="a").take(beyond)
    with pytest.raises(Wrong, match="beyond 64 bits"):
        AnyArray(name="a", longest=9).take([1, beyond])
    assert {"a": [2**63 - 1]} == AnyObject(name="a").take({"a": [2**63 - 1]})
