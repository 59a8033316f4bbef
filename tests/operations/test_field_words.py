"""What whoever sent a wrong value is told of it, word for word, and the values just beside it."""

import pytest
from support.schemas import fits

from bridge.jsontypes import JsonValue
from bridge.operations.fields import Decimal, Field, Flag, OneOf, Phone, Wrong
from bridge.operations.nested import AnyArray, AnyObject
from bridge.strictjson import Limits, read

NO_AMOUNT = 'must be a number such as 12.5, or a string such as "12.50"'
NO_FLAG = 'must be true or false (also "Yes"/"No", "Y"/"N", 1/0)'
WORD = OneOf(name="A", words=("yes", "no"))
AMOUNT = Decimal(name="A", least=1, most=3)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (WORD, "perhaps", "must be one of yes, no"),
        (AMOUNT, "12,5", NO_AMOUNT),
        (AMOUNT, None, NO_AMOUNT),
        (AMOUNT, "0.9", "must be 1 to 3"),
        (AMOUNT, 3.1, "must be 1 to 3"),
        (Flag(name="A"), "ja", NO_FLAG),
        (Flag(name="A"), 1.0, NO_FLAG),
        (Flag(name="A"), [True], NO_FLAG),
        (Phone(name="A"), "XXX", "must hold at least 3 digits"),
        (Phone(name="A"), "1-2", "must hold at least 3 digits"),
        (AnyObject(name="A"), [], "must be an object, not an array"),
        (AnyObject(name="A"), {"a": [2**63]}, "must hold no integer beyond 64 bits"),
        (AnyArray(name="A", longest=1), {}, "must be an array, not an object"),
        (AnyArray(name="A", longest=1), [1, 2], "must have at most 1 items, not 2"),
    ],
)
def test_a_wrong_value_is_told_in_these_words(field: Field, value: JsonValue, told: str) -> None:
    """They are all that a person gets to see of it."""
    with pytest.raises(Wrong) as wrong:
        field.take(value)

    assert told == str(wrong.value)


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        (WORD, " YES ", "yes"),
        (AMOUNT, 1, "1"),
        (AMOUNT, 3.0, "3.0"),
        (Flag(name="A", yes="Y", no="N"), True, "Y"),
        (Flag(name="A", yes="Y", no="N"), False, "N"),
        (Phone(name="A"), "1-2-3", "1-2-3"),
        (AnyObject(name="A"), {"a": [2**63 - 1]}, {"a": [2**63 - 1]}),
        (AnyArray(name="A", longest=1), [{}], [{}]),
    ],
)
def test_the_value_beside_it_is_taken(field: Field, value: JsonValue, taken: JsonValue) -> None:
    """Limits are part of what they limit."""
    assert taken == field.take(value)


def test_blanks_are_no_values() -> None:
    """An empty array is one value of its object, however it is written."""
    assert {"a": []} == read(b'{"a": [ \t\r\n]}', Limits(values=1))


def test_the_schema_of_a_flag_takes_what_the_flag_takes() -> None:
    """And no other number or word."""
    schema = Flag(name="A").schema()
    values: list[JsonValue] = [True, False, 0, 1, "YES", "n", 2, -1, 0.5, "ja", None]

    assert [True, False, 0, 1, "YES", "n"] == [one for one in values if fits(schema, one)]
