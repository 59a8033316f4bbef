"""What LCM gives, contacts above all, read into the shape of the vendor's pages."""

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Final, Literal

from bridge.jsontypes import JsonObject, JsonValue, json_type
from bridge.operations.fields import MAX_INTEGER
from bridge.operations.model import UnexpectedResult

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
    """Read a number member, of 64 bits; LCM may give it as a string of digits."""
    whole = _whole(value)
    if whole is None:
        raise UnexpectedResult(f"is {json_type(value)} where a whole number was expected")
    if abs(whole) > MAX_INTEGER:  # JSON's reader makes a float of such a one, and its writer refuses it
        raise UnexpectedResult("is a number beyond 64 bits")
    return whole


def _whole(value: JsonValue) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        digits = value.strip()
        if digits.isascii() and digits.removeprefix("-").isdigit() and len(digits) <= 20:  # noqa: PLR2004 - 64 bits, and -
            return int(digits)
    return None


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


def true_false(value: JsonValue) -> bool:
    """Read a flag: true or false, which LCM may give as a word."""
    return yes_no(value) == "Yes"


# An empty text is how some databases write "none"; as a number or a flag it is nothing.
_TAKE_EMPTY: Final = (text, as_given)


def failure_reason(result: JsonValue) -> str | None:
    """Return LCM's ``RequestFailureReason``, if the result is an object (or an array of one) with it."""
    if isinstance(result, list) and len(result) == 1:
        result = result[0]
    if not isinstance(result, dict) or FAILURE_REASON not in map(str.casefold, result):
        return None
    for key, value in result.items():
        if key.casefold() == FAILURE_REASON and value:
            return str(value)
    return None


def is_nothing(result: JsonValue) -> bool:
    """Tell the forms of "no contact": null, [], "", {}, false, an empty reason (a zero is none of them)."""
    if isinstance(result, dict):
        return all(key.casefold() == FAILURE_REASON for key in result)
    return (
        result is None or result is False or result == [] or (isinstance(result, str) and not result.strip())
    )


ReaderName = Literal["text", "number", "yes_no", "flag", "any"]
"""How a member is read, as a declaration names it."""

READERS: Final[Mapping[ReaderName, Reader]] = {
    "text": text,
    "number": number,
    "yes_no": yes_no,
    "flag": true_false,
    "any": as_given,
}

_SCHEMAS: Final[Mapping[ReaderName, JsonObject]] = {
    "text": {"type": ["string", "null"]},
    "number": {"type": ["integer", "null"]},
    "yes_no": {"title": "YesOrNo", "type": ["string", "null"], "enum": ["Yes", "No", None]},
    "flag": {"type": ["boolean", "null"]},
    "any": {"description": "as LCM gives it"},
}
"""What each reader gives, null where LCM has none."""


_KINDS: Final[Mapping[ReaderName, tuple[type, ...]]] = {
    "text": (str, NoneType),
    "number": (int, NoneType),
    "yes_no": (str, NoneType),
    "flag": (bool, NoneType),
    "any": (object,),
}
"""The same as types."""


class Members:
    """The members of an object in the reply's order, each with what reads it.

    ``noun`` is what such an object is called, "a contact" say, ``nouns`` several of them. With ``others``,
    members that are not listed are passed on behind those that are.
    """

    def __init__(self, members: Mapping[str, ReaderName], *, noun: str, others: bool = False) -> None:
        self._members = [(name, name.casefold(), READERS[read]) for name, read in members.items()]
        self._keys = frozenset(key for _, key, _ in self._members)
        self._kinds = {name: _KINDS[read] for name, read in members.items()}
        self._schemas = {name: dict(_SCHEMAS[read]) for name, read in members.items()}
        self.nouns = f"{noun.partition(' ')[2]}s"
        self._noun = noun
        self._others = others

    def read(self, result: JsonValue) -> JsonObject:
        """Read one object: names matched without regard to case, missing ones null, unknown ones dropped.

        Raises `UnexpectedResult` for what is no such object at all.
        """
        if not isinstance(result, dict):
            raise UnexpectedResult(f"{self._noun} is {json_type(result)} where an object was expected")
        given = {key.casefold(): value for key, value in result.items()}
        if self._keys and self._keys.isdisjoint(given):
            raise UnexpectedResult(f"{self._noun} has none of the members of {self._noun}")
        found: JsonObject = {}
        for name, key, read in self._members:
            value = given.get(key)
            if value is None or (value == "" and read not in _TAKE_EMPTY):
                found[name] = None
                continue
            try:
                found[name] = read(value)
            except UnexpectedResult as unexpected:
                raise UnexpectedResult(f"{self._noun}'s {name} {unexpected}") from unexpected
        if self._others:
            found |= {name: value for name, value in result.items() if name.casefold() not in self._keys}
        return found

    def recognise(self, one: JsonObject) -> None:
        """Raise `UnexpectedResult` for what `read` cannot have given; cheaper than to read again."""
        kinds = self._kinds
        if not (kinds.keys() <= one.keys() if self._others else kinds.keys() == one.keys()):
            raise UnexpectedResult(f"{self._noun} has other members than {self._noun}")
        for name, kind in kinds.items():
            if not isinstance(one[name], kind):
                raise UnexpectedResult(f"{self._noun}'s {name} is {json_type(one[name])}")

    def schema(self) -> JsonObject:
        """Return the JSON schema of what `read` gives: each member is there, null where LCM has none."""
        schema: JsonObject = {"type": "object"}
        if self._schemas:
            schema |= {"properties": dict(self._schemas), "required": list(self._schemas)}
        if self._others:
            schema |= {"additionalProperties": True, "description": "and whatever else LCM gives"}
        return schema
