"""The types that an operation's ``data`` takes, and `Fields`, which reads them all at once.

Each field gives the value in the form in which it goes to LCM, or says what is wrong with it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.envelope import json_type
from bridge.failures import Detail, InvalidData
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations import xmltext

MAX_INTEGER: Final = 2**63 - 1
"""The largest integer taken: .NET's Int64."""
_MOST_DIGITS: Final = len(str(MAX_INTEGER))


class Wrong(ValueError):
    """A value is not of the field's type; the text completes ``data.<name> ...``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(ABC):
    """One member of ``data``.

    ``aliases`` are further names it is taken by; every name is matched without regard to case.
    A field with a ``default`` is optional, and null counts as absent.
    """

    name: str
    aliases: tuple[str, ...] = ()
    default: JsonValue = None

    @abstractmethod
    def take(self, value: JsonValue) -> JsonValue:
        """Return the value as it goes to LCM. Raises `Wrong`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Field):
    """A string of ``shortest`` to ``longest`` characters; never made out of a number."""

    shortest: int = 1
    longest: int | None = None

    def take(self, value: JsonValue) -> str:
        text = _string(value)
        if len(text) < self.shortest or (self.longest is not None and len(text) > self.longest):
            if not text:
                raise Wrong("must not be empty")
            raise Wrong(f"must have {self.shortest} to {self.longest} characters, not {len(text)}")
        if self.shortest and not text.strip():
            raise Wrong("must not be blank")
        if "\0" in text:
            raise Wrong("must not hold a NUL character")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    """A JSON integer or a string of digits ``[0-9]+``; never a boolean or a fraction."""

    least: int = -MAX_INTEGER
    most: int = MAX_INTEGER

    def take(self, value: JsonValue) -> int:
        number = _integer(value)
        if not self.least <= number <= self.most:
            if self.most == MAX_INTEGER and self.least == 0:
                raise Wrong("must be 0 or more, within 64 bits")
            raise Wrong(f"must be {self.least} to {self.most}")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalText(Integer):
    """An `Integer` that goes to LCM as a decimal string."""

    def take(self, value: JsonValue) -> str:  # type: ignore[override]  # the wire form differs on purpose
        return str(Integer.take(self, value))


_TRUE: Final = frozenset({"true", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Field):
    """A boolean: true/false, "true"/"false", "Yes"/"No", "Y"/"N", 1/0.

    ``yes`` and ``no`` are the forms that go to LCM.
    """

    yes: JsonValue = True
    no: JsonValue = False

    def take(self, value: JsonValue) -> JsonValue:
        if value is True:
            return self.yes
        if value is False:
            return self.no
        word = "" if isinstance(value, float | list | dict) else str(value).casefold()
        if word in _TRUE:
            return self.yes
        if word in _FALSE:
            return self.no
        raise Wrong('must be true or false (also "Yes"/"No", "Y"/"N", 1/0)')


_NO_MINUTE: Final = "must be a real date and time as dd/mm/yyyy HH:MM"
_MINUTE: Final = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([0-9]{2}):([0-9]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute(Field):
    """A real date and time ``dd/mm/yyyy HH:MM``; goes to LCM as received."""

    def take(self, value: JsonValue) -> str:
        text = _string(value)
        match = _MINUTE.fullmatch(text)
        if match is None:
            raise Wrong(_NO_MINUTE)
        day, month, year, hour, minute = map(int, match.groups())
        try:
            datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the site's wall clock, only checked
        except ValueError as error:
            raise Wrong(_NO_MINUTE) from error
        return text


def sortable(minute: str) -> str:
    """Return what a `Minute` took in a form that sorts by time."""
    return f"{minute[6:10]}{minute[3:5]}{minute[:2]}{minute[10:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Xml(Field):
    """XML text with root ``Data``, or a JSON object whose members become the children of ``Data``.

    ``longest`` is the limit of the XML text in characters.
    """

    longest: int

    def take(self, value: JsonValue) -> str:
        try:
            text = (
                xmltext.build(value) if isinstance(value, dict) else _string(value, "a string or an object")
            )
            if len(text) > self.longest:
                raise Wrong(f"must have at most {self.longest} characters of XML, not {len(text)}")
            xmltext.check(text)
        except xmltext.BadXml as error:
            raise Wrong(str(error)) from error
        return text


_PHONE: Final = re.compile(r" *\+?[0-9*# .\-()\[\]]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone(Field):
    """A dialable number: at least 3 digits; digits, a leading ``+``, ``*#``, blanks, ``.-``, brackets."""

    longest: int = 64

    def take(self, value: JsonValue) -> str:
        text = _string(value)
        if sum(char in "0123456789" for char in text) < 3:  # noqa: PLR2004 - the contract's own number
            raise Wrong("must hold at least 3 digits")
        if len(text) > self.longest:
            raise Wrong(f"must have at most {self.longest} characters")
        if not _PHONE.fullmatch(text):
            raise Wrong("must hold only digits, a leading +, *, #, blanks, ., - and brackets")
        return text


def _string(value: JsonValue, expected: str = "a string") -> str:
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


class Fields:
    """The members that an operation's ``data`` takes."""

    def __init__(self, *fields: Field) -> None:
        # Folded here, once: for each request it would cost as much as reading the texts.
        self._fields = [
            (field, [(name, name.casefold()) for name in (field.name, *field.aliases)]) for field in fields
        ]

    def __iter__(self) -> Iterator[Field]:
        return (field for field, _ in self._fields)

    def read(
        self,
        data: Mapping[str, JsonValue] | None,
        clashes: Callable[[JsonObject], Iterable[Detail]] = lambda _: (),
    ) -> JsonObject:
        """Read every field of ``data`` and return the values under their canonical names, in order.

        ``clashes`` says what is wrong between the fields that could be read. Raises
        `InvalidData` that names every fault at once.
        """
        if data is None:
            raise InvalidData([Detail("data", "must be an object")])
        given = {key.casefold(): value for key, value in data.items()}
        values: JsonObject = {}
        problems: list[Detail] = []
        for field, names in self._fields:
            try:
                values[field.name] = _read_field(field, names, given)
            except Wrong as wrong:
                problems.append(Detail(f"data.{field.name}", str(wrong)))
        problems.extend(clashes(values))
        if problems:
            raise InvalidData(problems)
        return values


def _read_field(field: Field, names: Iterable[tuple[str, str]], given: Mapping[str, JsonValue]) -> JsonValue:
    """Read a field under each of its names, which ``given`` has in lower case."""
    first, taken = "", field.default
    for name, key in names:
        value = given.get(key)
        if value is None:
            continue
        another = field.take(value)
        if first and another != taken:
            raise Wrong(f"is given as {first} and as {name} with different values")
        first, taken = first or name, another
    if not first and taken is None:
        raise Wrong("is missing")
    return taken
