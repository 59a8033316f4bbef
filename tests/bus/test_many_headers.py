"""Headers with many values: how many are read."""

import pytest
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from support.rawamqp import HEADERS, MESSAGE_ID, header, long, short

from bridge.bus.wire import CONTENT, read_properties, take_unreadable, tolerate_what_cannot_be_read
from bridge.messages import Properties

NULL, YES = b"V", b"t\1"
EACH = [
    *(NULL, b"\0", YES, b"b\1", b"B\1", b"s\0\1", b"u\0\1", b"I\0\0\0\1", b"i\0\0\0\1", b"f\0\0\0\0"),
    *(b"l" + bytes(8), b"L" + bytes(8), b"d" + bytes(8), b"T" + bytes(8), b"D" + bytes(5)),
    *(b"S" + long(b"text"), b"x" + long(b"bytes"), b"A" + long(b""), b"F" + long(b"")),
]
"""A value of each type."""

LEVELS = 10
PADDING = header("padding", b"S", long(b"x" * 5_000))
"""Small tables are not counted: they cannot have as many."""


def content(table: bytes) -> bytes:
    """Return a content header with a table of headers, and a message id behind it."""
    flags = (HEADERS | MESSAGE_ID).to_bytes(2, "big")
    return CONTENT.pack(60, 0, 0) + flags + long(PADDING + table) + short("m")


def array(count: int) -> bytes:
    """Return a header with so many values in one array."""
    return header("a", b"A", long(b"".join(EACH[number % len(EACH)] for number in range(count))))


def tables(count: int) -> bytes:
    """Return a header with so many values in a table in arrays in each other."""
    entries = [header(f"k{number}", EACH[number % len(EACH)], b"") for number in range(count - LEVELS + 1)]
    value = b"F" + long(b"".join(entries))
    for _ in range(LEVELS - 1):
        value = b"A" + long(value)
    return header("a", value, b"")


def several(count: int) -> bytes:
    """Return so many headers, and one more."""
    return b"".join(header(f"k{number}", EACH[number % len(EACH)], b"") for number in range(count + 1))


def read(table: bytes) -> tuple[Properties, str]:
    """Return what is read, and what is not."""
    found, unreadable = read_properties(content(table))
    assert "m" == found.message_id
    return found, unreadable


@pytest.mark.parametrize("made", [array, tables, several])
def test_a_thousand_values_are_read_and_one_more_is_not(made: object) -> None:
    """Counted in all tables and arrays; with more of them the headers cannot be read, all else can."""
    assert callable(made)

    taken, nothing = read(made(998))
    _, unreadable = read(made(999))

    assert "" == nothing
    assert {"padding"} < taken.headers.keys()
    assert "headers" == unreadable


@pytest.mark.parametrize("value", [NULL, YES, b"A" + long(b""), b"F" + long(b"")])
def test_a_frame_full_of_values(value: bytes) -> None:
    """They are counted before the library reads them: it would copy the rest of the frame for each one."""
    found, unreadable = read(header("a", b"A", long(value * (120_000 // len(value)))))

    assert ("headers", {}) == (unreadable, found.headers)


def test_a_message_that_is_fetched_has_no_more_values_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lcm-bridge dead-letters` fetches by the library, which would take minutes for so many values."""
    monkeypatch.setattr(ContentHeader, "unmarshal", ContentHeader.unmarshal)
    monkeypatch.setattr(Basic.GetOk, "unmarshal", Basic.GetOk.unmarshal)
    tolerate_what_cannot_be_read()
    fetched = ContentHeader()

    fetched.unmarshal(content(header("a", b"A", long(NULL * 3_000_000))))

    assert fetched.properties is not None
    assert "m" == fetched.properties.message_id
    headers = fetched.properties.headers or {}
    assert ("headers", {}) == (take_unreadable(headers), headers)
