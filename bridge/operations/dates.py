"""The two date formats in which LCM writes ExpiryTime."""

import re
from datetime import datetime, tzinfo
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# GetReservedManualDialContact: 01/31/2024 23:59:00
_SLASHES: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2}):([0-9]{2})")
# GetReservedContactOD, as SQL Server writes it: Oct  7 2020 11:59PM (the day may be padded with a blank)
_SQL_SERVER: Final = re.compile(
    r"([A-Za-z]{3}) +([0-9]{1,2}) +([0-9]{4}) +([0-9]{1,2}):([0-9]{2}) ?(AM|PM)", re.IGNORECASE
)
_NOON: Final = 12


def expiry(text: object, zone: tzinfo) -> float | None:
    """Return an ExpiryTime, read in ``zone``, in unix seconds; None if it cannot be read."""
    if not isinstance(text, str):
        return None
    try:
        moment = _read(text.strip(), zone)
        return None if moment is None else moment.timestamp()
    except (ValueError, OverflowError):  # the 31st of February, the year 0
        return None


def _read(text: str, zone: tzinfo) -> datetime | None:
    if match := _SLASHES.fullmatch(text):
        month, day, year, hour, minute, second = map(int, match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    if match := _SQL_SERVER.fullmatch(text):
        name, *numbers, half = match.groups()
        day, year, hour, minute = map(int, numbers)
        if not 1 <= hour <= _NOON or name.casefold() not in _MONTHS:
            return None
        hour = hour % _NOON + (_NOON if half.casefold() == "pm" else 0)
        return datetime(year, _MONTHS.index(name.casefold()) + 1, day, hour, minute, tzinfo=zone)
    return None
