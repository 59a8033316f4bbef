"""The forms in which strings, dates and phone numbers are taken."""

import pytest
from operations.core_requests import (
    CREATE,
    DIAL,
    MANUAL,
    OD,
    REQUESTS,
    SKIP,
    parameters,
    problems,
    translated,
)

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.fields import Text, Wrong
from bridge.operations.moments import Time

TEXTS = [
    ("GetReservedManualDialContact", MANUAL, "AgentID", 128),
    ("GetReservedContactOD", OD, "UserID", 128),
    ("SkipManualDialContact", SKIP, "UserID", 128),
    ("SkipManualDialContact", SKIP, "AccountNumber", 256),
    ("CreateContact", CREATE, "CampaignID", 256),
]
OPTIONAL_TEXTS = [
    "AgentID",
    "SMSData",
    "MailSubject",
    "MailMsg",
    "MailAttachment",
    "ZipCode",
    "ContactDetail",
]
"""Optional strings of CreateContact."""
BAD_DATE = "must be a real date and time as dd/mm/yyyy HH:MM"


@pytest.mark.parametrize(("subtopic", "data", "name", "longest"), TEXTS)
def test_a_text_is_taken_up_to_its_limit(subtopic: str, data: JsonObject, name: str, longest: int) -> None:
    """As it stands; one character more is refused."""
    for text in ("x", "ä" * longest, " x |/\\\"' \u00a0\U0001f600"):
        assert text == parameters(subtopic, {**data, name: text})[name]
    assert [(f"data.{name}", f"must have 1 to {longest} characters, not {longest + 1}")] == problems(
        subtopic, {**data, name: "x" * (longest + 1)}
    )


def test_a_text_may_have_a_least_length_alone() -> None:
    """What is too short is told so, without a limit that there is not."""
    with pytest.raises(Wrong, match="must have 3 or more characters, not 2"):
        Text(name="Code", shortest=3).take("ab")


@pytest.mark.parametrize(("subtopic", "data", "name"), [text[:3] for text in TEXTS])
def test_an_empty_text_is_refused(subtopic: str, data: JsonObject, name: str) -> None:
    """These strings are ids."""
    assert [(f"data.{name}", "must not be empty")] == problems(subtopic, {**data, name: ""})


@pytest.mark.parametrize("value", [" ", "\t", "\u00a0\n"])
def test_a_blank_id_is_refused(value: str) -> None:
    """It names nobody."""
    assert [("data.UserID", "must not be blank")] == problems("GetReservedContactOD", {"UserID": value})


def test_a_nul_is_refused() -> None:
    """No id and no text of LCM's holds one."""
    assert [("data.UserID", "must not hold a NUL character")] == problems(
        "GetReservedContactOD", {"UserID": "a\0"}
    )


@pytest.mark.parametrize(
    ("value", "called"),
    [
        (5, "a number"),
        (5.5, "a number"),
        (True, "a boolean"),
        (["x"], "an array"),
        ({"x": "y"}, "an object"),
    ],
)
def test_a_string_is_never_made_out_of_something_else(value: JsonValue, called: str) -> None:
    """In every string field: an account number 007 would have become 7 on its way."""
    for subtopic, data, name, _ in TEXTS:
        assert [(f"data.{name}", f"must be a string, not {called}")] == problems(
            subtopic, {**data, name: value}
        )
    for name in (*OPTIONAL_TEXTS, "callStartDateTime", "callEndDateTime"):
        assert [(f"data.{name}", f"must be a string, not {called}")] == problems(
            "CreateContact", {**CREATE, name: value}
        )
    for subtopic in ("SkipManualDialContact", "ManualDialCall"):
        data = {**REQUESTS[subtopic], "PhoneNumber": value}
        assert [("data.PhoneNumber", f"must be a string, not {called}")] == problems(subtopic, data)


@pytest.mark.parametrize("name", OPTIONAL_TEXTS)
@pytest.mark.parametrize("text", ["", " ", "text", "\u00e4" * 5000, "line\r\nline"])
def test_an_optional_text_is_taken_as_it_stands(name: str, text: str) -> None:
    """Empty, blank or long."""
    assert text == parameters("CreateContact", {**CREATE, name: text})[name]


@pytest.mark.parametrize("key", ["0|1|234|0|0|00|1234", "77|1|18|0|0|84|", "77|1|18|0|0|84|-5", "1", "a key"])
def test_an_lcm_key_is_opaque(key: str) -> None:
    """It is never parsed."""
    assert key == parameters("SkipManualDialContact", {**SKIP, "AccountNumber": key})["AccountNumber"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("24/10/2024 07:33", "24/10/2024 07:33"),
        ("29/02/2024 00:00", "01/03/2024 23:59"),
        ("31/12/2024 23:59", "01/01/2025 00:00"),
        ("31/12/1999 23:59", "01/01/2000 00:00"),
        ("30/09/2024 10:00", "01/10/2024 09:00"),
        ("09/10/2024 10:00", "10/09/2025 09:00"),
    ],
)
def test_dates_go_out_as_received(start: str, end: str) -> None:
    """Day first; the end may be the start."""
    sent = parameters("CreateContact", {**CREATE, "callStartDateTime": start, "callEndDateTime": end})

    assert [start, end] == [sent["callStartDateTime"], sent["callEndDateTime"]]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "24/10/2024", "24/10/2024 7:33", "24/10/2024 07:33:00", "24/10/24 07:33", "2024-10-24 07:33",
        "10/24/2024 07:33", "30/02/2024 07:33", "29/02/2023 07:33", "31/04/2024 07:33", "00/10/2024 07:33",
        "24/00/2024 07:33", "24/10/0000 07:33", "24/10/2024 24:00", "24/10/2024 07:60", " 24/10/2024 07:33",
        "24/10/2024 07:33\n", "24/10/2024  07:33", "24/10/2024T07:33", "24.10.2024 07:33",
        "\u0662\u0664/10/2024 07:33",
    ],
)  # fmt: skip
def test_what_is_no_real_date_is_refused(text: str) -> None:
    """Other formats, and days and hours that do not exist."""
    data = {**CREATE, "callStartDateTime": text, "callEndDateTime": text}

    assert [("data.callStartDateTime", BAD_DATE), ("data.callEndDateTime", BAD_DATE)] == problems(
        "CreateContact", data
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("24/10/2024 07:33", "24/10/2024 07:32"),
        ("01/03/2024 00:00", "29/02/2024 23:59"),
        ("10/09/2025 09:00", "09/10/2024 10:00"),
    ],
)
def test_an_end_before_the_start_is_refused(start: str, end: str) -> None:
    """Compared as times, not as texts."""
    data = {**CREATE, "callStartDateTime": start, "callEndDateTime": end}

    assert [("data.callEndDateTime", "must not be before callStartDateTime")] == problems(
        "CreateContact", data
    )


PHONES = [
    "+12345678900", "123", "+1 (234) 567-8900", "1.234.567", "*123#", "#31#0123", "  +49 30 12", "[0]12 3",
    "0 0 7", "1" * 64,
]  # fmt: skip
"""Digits, a leading plus, star, hash, blanks, dots, dashes, brackets."""


@pytest.mark.parametrize("phone", PHONES)
def test_a_dialable_number_is_relayed_as_received(phone: str) -> None:
    """With at least three digits."""
    assert {"PhoneNumber": phone} == translated("ManualDialCall", {"PhoneNumber": phone}).content["data"]


@pytest.mark.parametrize(
    ("phone", "problem"),
    [
        ("", "must hold at least 3 digits"),
        ("12", "must hold at least 3 digits"),
        ("+*#", "must hold at least 3 digits"),
        ("\u0661\u0662\u0663", "must hold at least 3 digits"),
        ("1" * 65, "must have at most 64 characters"),
    ]
    + [
        (phone, "must hold only digits, a leading +, *, #, blanks, ., - and brackets")
        for phone in (
            "123+4", "++123", "123x4", "tel:123", "sip:123@host", "123;ext=4", "123,4", "1/23", "<123>",
            "123\n", "\n123", "\t123", "\u00a0123", "123\0", "123&456", "123\u0664",
        )
    ],
)  # fmt: skip
def test_what_cannot_be_dialled_is_refused(phone: str, problem: str) -> None:
    """It would reach a softphone: no letters, no schemes, no control characters, also not in front."""
    assert [("data.PhoneNumber", problem)] == problems("ManualDialCall", {**DIAL, "PhoneNumber": phone})


@pytest.mark.parametrize("phone", ["1234567890", "+49 (30) 1", "ext. 5", "x" * 64])
def test_the_number_of_a_skip_is_any_string(phone: str) -> None:
    """LCM compares it with its own."""
    assert phone == parameters("SkipManualDialContact", {**SKIP, "PhoneNumber": phone})["PhoneNumber"]


@pytest.mark.parametrize("text", ["00:00", "07:33", "23:00", "23:59", "00:59"])
def test_a_time_of_day_goes_out_as_received(text: str) -> None:
    """From midnight to the minute before the next."""
    assert text == Time(name="Time").take(text)


@pytest.mark.parametrize("text", ["", "7:33", "24:00", "23:60", "07:33:00", "07.33", " 07:33", "07:33\n"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    """It says which form is taken."""
    with pytest.raises(Wrong, match=r"^must be a time of day as HH:MM, 00:00 to 23:59$"):
        Time(name="Time").take(text)
