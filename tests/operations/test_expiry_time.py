"""ExpiryTime in the two formats in which LCM writes it, in the site's time zone."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from bridge.operations.dates import expiry

NEW_YORK = ZoneInfo("America/New_York")
KOLKATA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("01/31/2024 23:59:00", datetime(2024, 1, 31, 23, 59, tzinfo=UTC)),
        ("1/3/2024 5:09:25", datetime(2024, 1, 3, 5, 9, 25, tzinfo=UTC)),
        ("12/01/2024 00:00:00", datetime(2024, 12, 1, tzinfo=UTC)),
        ("02/29/2024 00:00:01", datetime(2024, 2, 29, 0, 0, 1, tzinfo=UTC)),
        ("  01/31/2024 23:59:00 ", datetime(2024, 1, 31, 23, 59, tzinfo=UTC)),
        ("Oct 7 2020 11:59PM", datetime(2020, 10, 7, 23, 59, tzinfo=UTC)),
        ("Oct  7 2020 11:59PM", datetime(2020, 10, 7, 23, 59, tzinfo=UTC)),
        ("Oct 17 2020 11:59PM", datetime(2020, 10, 17, 23, 59, tzinfo=UTC)),
        ("Oct  7 2020  1:05AM", datetime(2020, 10, 7, 1, 5, tzinfo=UTC)),
        ("oct 7 2020 11:59 pm", datetime(2020, 10, 7, 23, 59, tzinfo=UTC)),
        ("Oct 7 2020 12:00AM", datetime(2020, 10, 7, 0, 0, tzinfo=UTC)),
        ("Oct 7 2020 12:59AM", datetime(2020, 10, 7, 0, 59, tzinfo=UTC)),
        ("Oct 7 2020 12:00PM", datetime(2020, 10, 7, 12, 0, tzinfo=UTC)),
        ("Oct 7 2020 01:00PM", datetime(2020, 10, 7, 13, 0, tzinfo=UTC)),
        ("Feb 29 2024 12:30PM", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
    ],
)
def test_both_formats_are_read(text: str, expected: datetime) -> None:
    """Month first, as in America; the day may be padded with a blank, and 12AM is midnight."""
    assert expected.timestamp() == expiry(text, UTC)


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@pytest.mark.parametrize("name", MONTHS)
def test_every_month_is_known(name: str) -> None:
    """By its English abbreviation, whatever the worker's own language."""
    noon = datetime(2024, MONTHS.index(name) + 1, 5, 12, 0, tzinfo=UTC)

    assert noon.timestamp() == expiry(f"{name}  5 2024 12:00PM", UTC)


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        (NEW_YORK, "01/31/2024 23:59:00", datetime(2024, 2, 1, 4, 59, tzinfo=UTC)),
        (NEW_YORK, "Jul 31 2024 11:59PM", datetime(2024, 8, 1, 3, 59, tzinfo=UTC)),
        (KOLKATA, "01/31/2024 23:59:00", datetime(2024, 1, 31, 18, 29, tzinfo=UTC)),
        (KOLKATA, "Oct  7 2020 12:00AM", datetime(2020, 10, 6, 18, 30, tzinfo=UTC)),
    ],
)
def test_the_zone_is_the_sites(zone: tzinfo, text: str, expected: datetime) -> None:
    """Summer time included."""
    assert expected.timestamp() == expiry(text, zone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2024-01-31T23:59:00",
        "/Date(1706745540000)/",
        "31/01/2024 23:59:00",
        "02/30/2024 00:00:00",
        "02/29/2023 00:00:00",
        "01/31/2024 24:00:00",
        "01/31/2024 23:60:00",
        "01/31/2024 23:59",
        "01/31/24 23:59:00",
        "01/31/0000 23:59:00",
        "01/31/2024 23:59:00 PM",
        "Okt 7 2020 11:59PM",
        "Oct 32 2020 11:59PM",
        "Oct 0 2020 11:59PM",
        "Oct 7 2020 13:00PM",
        "Oct 7 2020 0:30AM",
        "Oct 7 2020 11:59",
        "Oct 7 0000 11:59PM",
        "\u0661/\u0661/\u0662\u0660\u0662\u0664 10:00:00",
        None,
        5,
        1706745540000,
        True,
        [],
        {},
    ],
)
def test_what_cannot_be_read_is_none(text: object) -> None:
    """Other formats, days that do not exist, and what is no text: the cache has an age for them."""
    assert expiry(text, UTC) is None


@pytest.mark.parametrize("text", ["01/01/0001 00:00:00", "12/31/9999 23:59:59", "Jan  1 0001 12:00AM"])
@pytest.mark.parametrize("zone", [UTC, NEW_YORK, KOLKATA])
def test_the_ends_of_time_raise_nothing(text: str, zone: tzinfo) -> None:
    """.NET's smallest and largest dates: a moment or nothing, in every zone."""
    moment = expiry(text, zone)

    assert moment is None or abs(moment) > 60_000_000_000
