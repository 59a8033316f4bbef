"""Numbers on the command line: what is taken, and what is said of the others."""

import argparse

import pytest

from bridge.cli.arguments import number, whole


@pytest.mark.parametrize("text", ["0.5", "2", "1e0", " 1 "])
def test_a_number_within_its_bounds(text: str) -> None:
    """Bounds included, however it is written."""
    assert float(text) == number(0.5, 2)(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "'x' is no number"),
        ("", "'' is no number"),
        ("nan", "must be from 0.5 to 2, not nan"),
        ("inf", "must be from 0.5 to 2, not inf"),
        ("0.4", "must be from 0.5 to 2, not 0.4"),
    ],
)
def test_what_is_no_number_or_beyond_its_bounds(text: str, told: str) -> None:
    """It says what may be given, not how the code is called."""
    with pytest.raises(argparse.ArgumentTypeError, match=told):
        number(0.5, 2)(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [("1.5", "is no whole number"), ("9" * 30, "is no whole number"), ("-1", "must be from 0 to 9, not -1")],
)
def test_what_is_no_whole_number_or_beyond_its_bounds(text: str, told: str) -> None:
    """A fraction is none."""
    with pytest.raises(argparse.ArgumentTypeError, match=told):
        whole(0, 9)(text)
    assert 9 == whole(0, 9)("9")
