"""Contacts as LCM gives them, read into the shape of the vendor's pages."""

from collections.abc import Callable, Mapping
from typing import Final

from bridge.envelope import json_type
from bridge.jsontypes import JsonValue
from bridge.operations.model import Contact, UnexpectedResult

FAILURE_REASON: Final = "requestfailurereason"

Reader = Callable[[JsonValue], JsonValue]


def text(value: JsonValue) -> str:
    """Read a string member; LCM may give a number where its page says String."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnexpectedResult(f"is {json_type(value)} where a string was expected")


def number(value: JsonValue) -> int:
    """Read a number member; LCM may give it as a string of digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        digits = value.strip()
        if digits.isascii() and digits.removeprefix("-").isdigit() and len(digits) <= 19:  # noqa: PLR2004 - Int64
            return int(digits)
    raise UnexpectedResult(f"is {json_type(value)} where a whole number was expected")


def yes_no(value: JsonValue) -> str:
    """Read a consent: "Yes" or "No", which LCM may give as a boolean."""
    word = str(value).strip().casefold()
    if word in ("yes", "y", "true", "1"):
        return "Yes"
    if word in ("no", "n", "false", "0"):
        return "No"
    raise UnexpectedResult("is neither Yes nor No")


def as_given(value: JsonValue) -> JsonValue:
    """Pass on a member on whose type the vendor's table and sample disagree."""
    return value


def failure_reason(result: JsonValue) -> str | None:
    """Return LCM's ``RequestFailureReason``, if the result is an object (or an array of one) with it."""
    if isinstance(result, list) and len(result) == 1:
        result = result[0]
    if not isinstance(result, dict):
        return None
    for key, value in result.items():
        if key.casefold() == FAILURE_REASON and value:
            return str(value)
    return None


def is_nothing(result: JsonValue) -> bool:
    """Tell the forms of "no contact": null, [], "", {}, false, an empty reason (a zero is none of them)."""
    if isinstance(result, dict) and [key.casefold() for key in result] == [FAILURE_REASON]:
        return True
    return (
        result is None
        or result is False
        or result in ([], {})
        or (isinstance(result, str) and not result.strip())
    )


def read_contact(result: JsonValue, members: Mapping[str, Reader]) -> Contact:
    """Read one contact: members matched without regard to case, missing ones null, unknown ones dropped.

    Raises `UnexpectedResult` for what is no contact at all.
    """
    if not isinstance(result, dict):
        raise UnexpectedResult(f"a contact is {json_type(result)} where an object was expected")
    given = {key.casefold(): value for key, value in result.items()}
    if not any(name.casefold() in given for name in members):
        raise UnexpectedResult("a contact has none of the members of a contact")
    contact: Contact = {}
    for name, read in members.items():
        value = given.get(name.casefold())
        try:
            # An empty text is how some databases write "none"; as a number or a flag it is nothing.
            empty = value is None or (value == "" and read is not text and read is not as_given)
            contact[name] = None if empty else read(value)
        except UnexpectedResult as unexpected:
            raise UnexpectedResult(f"a contact's {name} {unexpected}") from unexpected
    return contact
