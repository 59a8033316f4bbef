"""What judges the replies of the demonstration must itself be right: it has to notice differences."""

import pytest

from bridge.demo.expectation import Containing, Expected, Matching, Number, Several, differences, order_faults
from bridge.jsontypes import JsonValue


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("a", "a"),
        (None, None),
        (Matching("^a+$"), "AAA"),
        (Number(), 1.5),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
        (Several(2, Number()), [1, 2]),
        (Containing(({"a": 1},)), [{"a": 2}, {"a": 1}]),
    ],
)
def test_what_is_as_expected_has_no_differences(expected: Expected, found: JsonValue) -> None:
    """A value that fits gives no line."""
    assert differences(expected, found) == []


@pytest.mark.parametrize(
    ("expected", "found", "where"),
    [
        (1, True, "the body"),
        (True, 1, "the body"),
        ("1", 1, "the body"),
        (None, False, "the body"),
        (Matching("^a$"), "b", "the body"),
        (Matching("."), 1, "the body"),
        (Number(), True, "the body"),
        (Number(), "1", "the body"),
        ({"a": 1}, {}, "a is missing"),
        ({}, {"a": 1}, "a was not expected"),
        ({"a": 1}, [1], "expected an object"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "a.b: "),
        ({"a": Several(1, Number())}, {"a": {"b": 1}}, "a: expected an array"),
        ({"a": Several(1, Number())}, {"a": [1, 2]}, "a: expected 1 elements"),
        ({"a": Several(1, Number())}, {"a": ["x"]}, "a[0]: "),
        ({"a": Containing((1,))}, {"a": [2]}, "a: nothing in it"),
    ],
)
def test_a_difference_says_where_it_is(expected: Expected, found: JsonValue, where: str) -> None:
    """A value that does not fit gives one line, with its path."""
    lines = differences(expected, found)

    assert len(lines) == 1
    assert where in lines[0]


def test_members_out_of_order_are_noticed() -> None:
    """The first three members of a reply are channel, topic and subtopic, in that order."""
    assert order_faults({"channel": "", "topic": "", "subtopic": "", "message": {}}) == []
    assert len(order_faults({"topic": "", "channel": "", "subtopic": "", "message": {}})) == 1
