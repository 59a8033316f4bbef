"""Types that only declared operations have: words of a list, and amounts."""

import json
import re

import pytest
from support.schemas import fits

from bridge.jsontypes import JsonValue
from bridge.operations.fields import Decimal, OneOf, Wrong

SYNTAX = set("^$\\.*+?()[]{}|/")
"""What ECMA-262 lets a pattern escape in Unicode mode (IdentityEscape[U]), beside its letters."""


@pytest.mark.parametrize("word", ["call back", "not-at-all", "R&D #1", "a/b", "c++ (2.0) [x]{y}|^$?*\\"])
def test_the_pattern_of_words_is_one_of_ecma_262(word: str) -> None:
    """It escapes nothing that a reader of JSON schema must not take escaped, and matches the word."""
    pattern = str(OneOf(name="Word", words=(word, "other")).schema()["pattern"])
    escaped = set(re.findall(r"\\(.)", pattern)) - {"s"}

    assert escaped <= SYNTAX
    assert re.search(pattern, word)
    assert re.search(pattern, f" {word.lower()} ")
    assert not re.search(pattern, f"{word}x")


def test_the_schema_of_words_takes_texts() -> None:
    """And nothing else."""
    schema = OneOf(name="Word", words=("yes", "no")).schema()

    assert [True, False, False] == [fits(schema, value) for value in ("YES", "maybe", 7)]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("12.50", "12.5"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("7", "7"),
        ("0.00001", "0.00001"),
        ("1e-9", "0.000000001"),
        ("-2.5e-7", "-0.00000025"),
        ("1e16", "10000000000000000"),
        ("12345678901234567.0", "12345678901234568"),
    ],
)
def test_an_amount_is_a_number_however_it_is_written(number: str, text: str) -> None:
    """It goes to LCM digit for digit, never with an exponent."""
    assert text == Decimal(name="Amount").take(json.loads(number))


@pytest.mark.parametrize("value", [1e-10, 1e300, 0.1 + 0.2, 1e20, True, "1e3", "", None])
def test_what_is_no_amount_is_refused(value: JsonValue) -> None:
    """More than 19 digits, or 9 behind the point."""
    with pytest.raises(Wrong, match="must be a number such as"):
        Decimal(name="Amount").take(value)
