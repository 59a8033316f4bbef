"""The types of ``data`` that hold further values: XML text, objects and arrays."""

from dataclasses import dataclass
from typing import TypeVar

from bridge.jsontypes import JsonObject, JsonValue, json_type
from bridge.operations import xmltext
from bridge.operations.fields import MAX_INTEGER, Field, Wrong, by_setting, string


@dataclass(frozen=True, slots=True, kw_only=True)
class Xml(Field):
    """XML text with root ``Data``, or a JSON object whose members become the children of ``Data``.

    ``longest`` is the limit of the XML text in characters, and ``setting`` names the one that it is, if it
    is one.
    """

    longest: int
    setting: str = ""

    def take(self, value: JsonValue) -> str:
        try:
            text = xmltext.build(value) if isinstance(value, dict) else string(value, "a string or an object")
            if len(text) > self.longest:
                limit = f"{self.longest} characters of XML"
                raise Wrong(f"must have at most {limit}, not {len(text)}{by_setting(self.setting)}")
            xmltext.check(text)
        except xmltext.BadXml as error:
            raise Wrong(str(error)) from error
        return text

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "string", "maxLength": self.longest}, {"type": "object"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyObject(Field):
    """A JSON object; goes to LCM as received."""

    def take(self, value: JsonValue) -> JsonObject:
        if not isinstance(value, dict):
            raise Wrong(f"must be an object, not {json_type(value)}")
        return _sendable(value)

    def schema(self) -> JsonObject:
        return {"type": "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyArray(Field):
    """A JSON array of at most ``longest`` items; goes to LCM as received."""

    longest: int

    def take(self, value: JsonValue) -> list[JsonValue]:
        if not isinstance(value, list):
            raise Wrong(f"must be an array, not {json_type(value)}")
        if len(value) > self.longest:
            raise Wrong(f"must have at most {self.longest} items, not {len(value)}")
        return _sendable(value)

    def schema(self) -> JsonObject:
        return {"type": "array", "maxItems": self.longest}


_Nested = TypeVar("_Nested", JsonObject, list[JsonValue])


def _sendable(value: _Nested) -> _Nested:
    """Return a value with which JSON can be written for LCM. Raises `Wrong`."""
    waiting: list[JsonValue] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, int) and abs(one) > MAX_INTEGER:
            raise Wrong("must hold no integer beyond 64 bits")
    return value
