"""The shapes of ``response``: what LCM's result becomes, and which results are LCM's no."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, NamedTuple

from bridge.failures import ContactNotFound, WsError
from bridge.jsontypes import JsonObject, JsonValue, json_type
from bridge.operations.model import Contact, UnexpectedResult
from bridge.operations.results import Members, failure_reason, is_nothing
from bridge.operations.xmltext import leaves

_TEXTS: Final = ("msg", "message", "errormessage")
"""Members in which LCM says why not, the first that has something wins."""


class Refused(NamedTuple):
    """What LCM's no is told as: an errorType, and the text where LCM gives none."""

    kind: type[ContactNotFound | WsError]
    text: str


_MOST_SIGNS: Final = 20_000
"""Tags and references of XML in a result: each takes a microsecond, in which nobody else is served."""

Given = tuple[JsonValue, Sequence[Contact]]
"""The ``response``, and the contacts in it."""


class Shape(ABC):
    """One shape; ``form`` says how a person writes such a response, empty where any will do."""

    form: str = ""

    @abstractmethod
    def read(self, result: JsonValue) -> Given:
        """Read LCM's result. Raises `UnexpectedResult`, and the failure that is LCM's no."""

    def present(self, contacts: Sequence[Contact]) -> Given:
        """Give cached contacts as if LCM had. Raises `UnexpectedResult` for what are none."""
        raise NotImplementedError

    def fits(self, response: JsonValue) -> bool:
        """Tell whether a response that a person wrote has the shape."""
        return True

    @abstractmethod
    def schema(self) -> JsonObject:
        """Return the JSON schema of the ``response``."""


class One(Shape):
    """One object: the only one, or the first of an array."""

    form = "a JSON object"

    def __init__(self, members: Members, refused: Refused, *, may_be_empty: bool, from_xml: bool) -> None:
        self._members = members
        self._refused = refused
        self._may_be_empty = may_be_empty
        self._from_xml = from_xml

    def read(self, result: JsonValue) -> Given:
        if reason := failure_reason(result):
            raise self._refused.kind(reason)
        if is_nothing(result):
            if self._may_be_empty:
                return {}, ()
            raise self._refused.kind(self._refused.text)
        if self._from_xml and isinstance(result, str):
            if result.count("<") + result.count("&") > _MOST_SIGNS:
                raise UnexpectedResult(f"its XML has more than {_MOST_SIGNS} tags and references")
            result = dict(leaves(result))
        one = self._members.read(result[0] if isinstance(result, list) else result)
        return one, [one]

    def present(self, contacts: Sequence[Contact]) -> Given:
        self._members.recognise(contacts[0])
        return contacts[0], contacts[:1]

    def fits(self, response: JsonValue) -> bool:
        return isinstance(response, dict)

    def schema(self) -> JsonObject:
        schema = self._members.schema()
        if self._may_be_empty and "required" in schema:
            return {"anyOf": [schema, {"type": "object", "maxProperties": 0}]}
        return schema


class Many(Shape):
    """An array of objects, or of what LCM gives where ``members`` is None; LCM may give one as it stands."""

    def __init__(
        self, members: Members | None, refused: Refused, *, may_be_empty: bool, one_as_object: bool
    ) -> None:
        self.form = "an array" if members is None else f"an array of {members.nouns}"
        self._members = members
        self._refused = refused
        self._may_be_empty = may_be_empty
        self._one_as_object = one_as_object

    def read(self, result: JsonValue) -> Given:
        if reason := failure_reason(result):
            raise self._refused.kind(reason)
        if is_nothing(result):
            if not self._may_be_empty:
                raise self._refused.kind(self._refused.text)
            return [], ()
        items: list[JsonValue] = result if isinstance(result, list) else [result]
        if self._members is None:
            return items, ()
        return self._given([self._members.read(one) for one in items])

    def present(self, contacts: Sequence[Contact]) -> Given:
        if self._members is not None:
            for one in contacts:
                self._members.recognise(one)
        return self._given(contacts)

    def _given(self, contacts: Sequence[Contact]) -> Given:
        if self._one_as_object and len(contacts) == 1:
            return contacts[0], contacts
        return list(contacts), contacts

    def fits(self, response: JsonValue) -> bool:
        items = response if isinstance(response, list) else [response]
        return self._members is None or (bool(items) and all(isinstance(one, dict) for one in items))

    def schema(self) -> JsonObject:
        item: JsonObject = {} if self._members is None else self._members.schema()
        schema: JsonObject = {"type": "array", "items": item}
        if not self._may_be_empty:
            schema["minItems"] = 1
        return {"anyOf": [item, schema]} if self._one_as_object else schema


class ContactsOrReason(Shape):
    """``{Contacts?, RequestFailureReason?}``: as LCM has it, since the vendor's page answers with both."""

    form = "a JSON object with Contacts"

    def __init__(self, members: Members) -> None:
        self._members = members

    def read(self, result: JsonValue) -> Given:
        if reason := failure_reason(result):
            return {"RequestFailureReason": reason}, ()
        if isinstance(result, dict):
            given = {key.casefold(): value for key, value in result.items()}
            if "contacts" in given:
                result = given["contacts"]
        if is_nothing(result):
            return {"Contacts": []}, ()
        items = result if isinstance(result, list) else [result]
        found = [self._members.read(one) for one in items]
        return {"Contacts": list(found)}, found

    def fits(self, response: JsonValue) -> bool:
        return isinstance(response, dict)

    def schema(self) -> JsonObject:
        contacts: JsonObject = {"type": "array", "items": self._members.schema()}
        reason: JsonObject = {"type": "string", "description": "why LCM gives none"}
        return {
            "oneOf": [
                {"type": "object", "required": [name], "properties": {name: schema}}
                for name, schema in (("Contacts", contacts), ("RequestFailureReason", reason))
            ]
        }


class Success(Shape):
    """``{"success": true}`` for ``true`` or ``{"success": true}``; LCM's no bears its own text, if any."""

    form = "'{\"success\": true}'"

    def __init__(self, refused: Refused) -> None:
        self._refused = refused

    def read(self, result: JsonValue) -> Given:
        if reason := failure_reason(result):
            raise self._refused.kind(reason, msg=reason)
        done, text = result, ""
        if isinstance(result, dict):
            members = {key.casefold(): value for key, value in result.items()}
            done = members.get("success")
            text = next((str(members[key]) for key in _TEXTS if members.get(key)), "")
        if done is True:
            return {"success": True}, ()
        if done is False:
            raise self._refused.kind(text or self._refused.text, msg=text)
        raise UnexpectedResult(f"the result is {json_type(result)} that says neither true nor false")

    def fits(self, response: JsonValue) -> bool:
        return response == {"success": True}

    def schema(self) -> JsonObject:
        done: JsonObject = {"type": "boolean", "const": True}
        return {"type": "object", "required": ["success"], "properties": {"success": done}}


class Key(Shape):
    """An LCM key, a bare string; null, false, "", 0 or a negative number mean that nothing was created."""

    form = "the LCM key, a JSON text: '\"0|1|234|0|0|00|1234\"'"

    def __init__(self, refused: Refused) -> None:
        self._refused = refused

    def read(self, result: JsonValue) -> Given:
        if reason := failure_reason(result):
            raise self._refused.kind(reason)
        if _is_no_key(result):
            raise self._refused.kind(self._refused.text)
        if isinstance(result, bool) or not isinstance(result, int | str):
            raise UnexpectedResult(f"the result is {json_type(result)} where an LCM key was expected")
        return str(result), ()

    def fits(self, response: JsonValue) -> bool:
        return isinstance(response, str) and bool(response)

    def schema(self) -> JsonObject:
        return {"type": "string", "minLength": 1, "description": "the LCM key"}


class Nothing(Shape):
    """No response at all: LCM's answer is only looked at for its no."""

    def __init__(self, refused: Refused) -> None:
        self._refused = refused

    def read(self, result: JsonValue) -> Given:
        if reason := failure_reason(result):
            raise self._refused.kind(reason)
        if result is False:
            raise self._refused.kind(self._refused.text)
        return None, ()

    def schema(self) -> JsonObject:
        return {"type": "null"}


def _is_no_key(result: JsonValue) -> bool:
    """Tell null, false, "", 0 and negative numbers, also where they are written as text."""
    if isinstance(result, int | float):
        return result is not True and result <= 0
    if not isinstance(result, str | None):
        return False
    word = (result or "").strip().casefold()
    digits = word.removeprefix("-")
    number = digits.isascii() and digits.isdigit()
    return word in ("", "null", "false") or (number and (word.startswith("-") or not digits.strip("0")))
