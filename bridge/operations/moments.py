"""Dates and times in an operation's ``data``: the site's wall clock, as the vendor's pages write it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.fields import Field, Wrong, string

_DATE: Final = "([0-9]{2})/([0-9]{2})/([0-9]{4})"
_TIME: Final = "([0-9]{2}):([0-9]{2})"
_LONGEST_HOUR: Final = 23
_LONGEST_MINUTE: Final = 59


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute(Field):
    """A real date and time ``dd/mm/yyyy HH:MM``; goes to LCM as received."""

    problem: ClassVar[str] = "must be a real date and time as dd/mm/yyyy HH:MM"
    pattern: ClassVar[re.Pattern[str]] = re.compile(f"{_DATE} {_TIME}")

    def take(self, value: JsonValue) -> str:
        text = string(value)
        match = self.pattern.fullmatch(text)
        if match is None:
            raise Wrong(self.problem)
        day, month, year, hour, minute = map(int, (*match.groups(), 0, 0)[:5])
        try:
            datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the site's wall clock, only checked
        except ValueError as error:
            raise Wrong(self.problem) from error
        return text

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Date(Minute):
    """A real date ``dd/mm/yyyy``; goes to LCM as received."""

    problem: ClassVar[str] = "must be a real date as dd/mm/yyyy"
    pattern: ClassVar[re.Pattern[str]] = re.compile(_DATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Time(Field):
    """A time of day ``HH:MM``, of 24 hours; goes to LCM as received."""

    def take(self, value: JsonValue) -> str:
        text = string(value)
        match = re.fullmatch(_TIME, text)
        if match is None or int(match[1]) > _LONGEST_HOUR or int(match[2]) > _LONGEST_MINUTE:
            raise Wrong("must be a time of day as HH:MM, 00:00 to 23:59")
        return text

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


def sortable(moment: str) -> str:
    """Return what a `Minute` or a `Date` took in a form that sorts by time."""
    return f"{moment[6:10]}{moment[3:5]}{moment[:2]}{moment[10:]}"
