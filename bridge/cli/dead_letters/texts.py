"""How letters and faults are put into words."""

import json
import re
from typing import Any, Final

import orjson

from bridge.cli import display
from bridge.jsontypes import deeper_than
from bridge.letters import Letter
from bridge.logs import mask_text

_LONGEST_ERROR = 100

_DEEPEST: Final = 32
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Levels and bytes of a body that is indented: of one megabyte in many levels there would be hundreds."""

_UUID = re.compile(r"(replay-)?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){1,3}[0-9a-fA-F]{0,12}")


def letters(number: int) -> str:
    """Return "1 letter" or "7 letters"."""
    return "1 letter" if number == 1 else f"{number} letters"


def moment(letter: Letter) -> str:
    """Return when the letter was dead-lettered."""
    return "" if letter.at is None else display.moment(letter.at.timestamp())


def key_text(letter: Letter, *, mask: bool) -> str:
    """Return the key as a list shows it: random ids as they are, the rest masked like in the log."""
    if letter.key is None:
        return ""
    text = letter.key.text
    return text if not mask or _UUID.fullmatch(text) else mask_text(text)


def error_text(letter: Letter, *, mask: bool) -> str:
    """Return the error, shortened to one line."""
    text = " ".join((mask_text(letter.error) if mask else letter.error).split())
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 3] + "..."


def row(letter: Letter) -> str:
    """Return a letter in one line."""
    return f"{letter.id}  {moment(letter)}  {letter.reason}  {letter.operation}"


def as_json(letter: Letter, *, mask: bool) -> dict[str, Any]:
    """Return what a list says of a letter."""
    return {
        "id": letter.id,
        "when": None if letter.at is None else letter.at.isoformat(),
        "reason": letter.reason,
        "operation": letter.operation,
        "attempts": letter.attempts,
        "error": error_text(letter, mask=mask),
        "key": key_text(letter, mask=mask) or None,
        "key_source": letter.key.source if letter.key else None,
    }


def printable(value: object) -> str:
    """Return anything that a header holds as text without what would steer the terminal."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes | bytearray) else str(value)
    return display.plain(text).plain


def body_text(body: bytes) -> str:
    """Return a body for a person: JSON indented, unless that makes most of it, and all else as it is."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
        indented = b"" if deeper_than(value, _DEEPEST) else orjson.dumps(value, option=orjson.OPT_INDENT_2)
    except (ValueError, RecursionError, TypeError):
        indented = b""
    if 0 < len(indented) <= _MOST_BYTES:
        return indented.decode()
    return body.decode(errors="backslashreplace")
