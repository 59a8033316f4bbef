"""The types that an operation's ``data`` takes.

Dates and times are in `bridge.operations.moments`, XML, objects and arrays in `bridge.operations.nested`.
Each field gives the value in the form in which it goes to LCM, or says what is wrong with it, and tells in
a JSON schema (2020-12) what it takes.
"""

import decimal
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final

from bridge.jsontypes import JsonObject, JsonValue, json_type

MAX_INTEGER: Final = 2**63 - 1
"""The largest integer taken: .NET's Int64."""
_MOST_DIGITS: Final = len(str(MAX_INTEGER))


class Wrong(ValueError):
    """A value is not of the field's type; the text completes ``data.<name> ...``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(ABC):
    """One member of ``data``.

    ``aliases`` are further names it is taken by; every name is matched without regard to case.
    A field with a ``default`` is optional, and null counts as absent; one that is not ``required`` may be
    absent without one, and then LCM is told nothing of it.
    """

    name: str
    aliases: tuple[str, ...] = ()
    default: JsonValue = None
    required: bool = True

    @abstractmethod
    def take(self, value: JsonValue) -> JsonValue:
        """Return the value as it goes to LCM. Raises `Wrong`."""

    @abstractmethod
    def schema(self) -> JsonObject:
        """Return the JSON schema of what is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Field):
    """A string of ``shortest`` to ``longest`` characters; never made out of a number."""

    shortest: int = 1
    longest: int | None = None

    def take(self, value: JsonValue) -> str:
        text = string(value)
        if len(text) < self.shortest or (self.longest is not None and len(text) > self.longest):
            if not text:
                raise Wrong("must not be empty")
            most = "or more" if self.longest is None else f"to {self.longest}"
            raise Wrong(f"must have {self.shortest} {most} characters, not {len(text)}")
        if self.shortest and not text.strip():
            raise Wrong("must not be blank")
        if "\0" in text:
            raise Wrong("must not hold a NUL character")
        return text

    def schema(self) -> JsonObject:
        schema: JsonObject = {"type": "string", "minLength": self.shortest}
        if self.longest is not None:
            schema["maxLength"] = self.longest
        if self.shortest:
            schema["pattern"] = r"\S"
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Field):
    """One of ``words``, matched without regard to case; goes to LCM as it is spelled here."""

    words: tuple[str, ...]
    _spelled: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_spelled", {word.casefold(): word for word in self.words})

    def take(self, value: JsonValue) -> str:
        word = self._spelled.get(string(value).strip().casefold())
        if word is None:
            raise Wrong(f"must be one of {', '.join(self.words)}")
        return word

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": rf"^\s*(?:{any_case(*self.words)})\s*$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    """A JSON integer or a string of digits ``[0-9]+``; never a boolean or a fraction.

    ``setting`` names the one that ``most`` is, if it is one.
    """

    least: int = -MAX_INTEGER
    most: int = MAX_INTEGER
    setting: str = ""

    def take(self, value: JsonValue) -> int:
        number = _integer(value)
        if not self.least <= number <= self.most:
            if self.most == MAX_INTEGER and self.least == 0:
                raise Wrong("must be 0 or more, within 64 bits")
            raise Wrong(f"must be {self.least} to {self.most}{by_setting(self.setting)}")
        return number

    def schema(self) -> JsonObject:
        whole: JsonObject = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return {"anyOf": [whole, {"type": "string", "pattern": "^[0-9]+$"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalText(Integer):
    """An `Integer` that goes to LCM as a decimal string."""

    def take(self, value: JsonValue) -> str:  # type: ignore[override]  # the wire form differs on purpose
        return str(Integer.take(self, value))


_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decimal(Field):
    """An amount: a JSON number, or a string such as "12.50"; goes to LCM as a string, digit for digit."""

    least: int = -MAX_INTEGER
    most: int = MAX_INTEGER

    def take(self, value: JsonValue) -> str:
        text = value if isinstance(value, str) else ""
        if isinstance(value, int) and not isinstance(value, bool):
            text = str(value)
        elif isinstance(value, float):
            text = f"{decimal.Decimal(repr(value)):f}"  # small and large ones have an exponent otherwise
        if not _DECIMAL.fullmatch(text):
            raise Wrong('must be a number such as 12.5, or a string such as "12.50"')
        if not self.least <= float(text) <= self.most:
            raise Wrong(f"must be {self.least} to {self.most}")
        return text

    def schema(self) -> JsonObject:
        number: JsonObject = {"type": "number", "minimum": self.least, "maximum": self.most}
        return {"anyOf": [number, {"type": "string", "pattern": f"^{_DECIMAL.pattern}$"}]}


TRUE: Final = ("true", "yes", "y", "1")
FALSE: Final = ("false", "no", "n", "0")
"""The words of a flag, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Field):
    """A boolean: true/false, "true"/"false", "Yes"/"No", "Y"/"N", 1/0.

    ``yes`` and ``no`` are the forms that go to LCM.
    """

    yes: JsonValue = True
    no: JsonValue = False

    def take(self, value: JsonValue) -> JsonValue:
        word = "" if isinstance(value, float | list | dict) else str(value).casefold()
        if word in TRUE:
            return self.yes
        if word in FALSE:
            return self.no
        raise Wrong('must be true or false (also "Yes"/"No", "Y"/"N", 1/0)')

    def schema(self) -> JsonObject:
        words: JsonObject = {"type": "string", "pattern": f"^(?:{any_case(*sorted((*TRUE, *FALSE)))})$"}
        return {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 1}, words]}


LEAST_DIGITS: Final = 3
"""Digits of a number that can be dialled."""
_PHONE: Final = re.compile(r" *\+?[0-9*# .\-()\[\]]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone(Field):
    """A dialable number: at least 3 digits; digits, a leading ``+``, ``*#``, blanks, ``.-``, brackets."""

    longest: int = 64

    def take(self, value: JsonValue) -> str:
        text = string(value)
        if sum(char in "0123456789" for char in text) < LEAST_DIGITS:
            raise Wrong(f"must hold at least {LEAST_DIGITS} digits")
        if len(text) > self.longest:
            raise Wrong(f"must have at most {self.longest} characters")
        if not _PHONE.fullmatch(text):
            raise Wrong("must hold only digits, a leading +, *, #, blanks, ., - and brackets")
        return text

    def schema(self) -> JsonObject:
        digits = f"(?:[^0-9]*[0-9]){{{LEAST_DIGITS}}}"
        return {"type": "string", "maxLength": self.longest, "pattern": f"^(?={digits}){_PHONE.pattern}$"}


def any_case(*words: str) -> str:
    """Return a pattern that matches words in whatever case; JSON schema has no flag for that."""
    letters = (
        "".join(
            f"[{sign.upper()}{sign.lower()}]" if sign.isascii() and sign.isalpha() else _escaped(sign)
            for sign in word
        )
        for word in words
    )
    return "|".join(letters)


def _escaped(sign: str) -> str:
    # Not `re.escape`: what is no syntax must not be escaped in ECMA-262's Unicode mode (IdentityEscape).
    return f"\\{sign}" if sign in "^$\\.*+?()[]{}|/" else sign


def by_setting(setting: str) -> str:
    """Name the setting behind a limit, for whoever runs the bridge and is asked why."""
    return f" (the bridge's setting {setting})" if setting else ""


def string(value: JsonValue, expected: str = "a string") -> str:
    """Return a value that is a string. Raises `Wrong`, which says what was ``expected``."""
    if not isinstance(value, str):
        raise Wrong(f"must be {expected}, not {json_type(value)}")
    return value


def _integer(value: JsonValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        digits = value.lstrip("0") or "0"
        if len(digits) > _MOST_DIGITS:
            raise Wrong("is too large")
        return int(digits)
    raise Wrong('must be an integer (a whole number, or a string of digits such as "7")')
