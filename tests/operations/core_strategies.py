"""Anything that may come: JSON of every shape, and requests valid, nearly valid or spelled otherwise."""

from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from operations.core_requests import REQUESTS

from bridge.jsontypes import JsonObject, JsonValue

if TYPE_CHECKING:
    from collections.abc import Callable

steady = settings(derandomize=True, deadline=None, database=None, max_examples=150)
"""The same examples on every run, however busy the machine is."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ALIASES = {"UserId", "BusinessFields", "Cvalue", "x", "X"}
NAMES = st.sampled_from(sorted({name for data in REQUESTS.values() for name in data} | ALIASES))
LIKELY = st.sampled_from(
    [
        "", " ", "0", "1", "007", "-1", "1.0", "Yes", "no", "true", "FALSE", "null", "Y", "+12345678900",
        "24/10/2024 07:33",
        "23/10/2024 07:33", "30/02/2024 07:33", "<Data/>", "<Data><a>1</a></Data>", "<a/>", "<Data>", "\0",
        "\u00a0",         "x" * 128, "x" * 129, "x" * 257, "77|1|18|0|0|84|0", "9" * 30,
    ]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(), st.integers(-2, 101), st.floats(allow_nan=False, allow_infinity=False), st.just(2**63)
)
SCALARS: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, LIKELY)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS | NAMES, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def spelled(draw: st.DrawFn, value: JsonObject) -> JsonObject:
    """Return the same members in another order, their names in another case."""
    changes: list[Callable[[str], str]] = [str, str.lower, str.upper, str.swapcase]
    return {draw(st.sampled_from(changes))(name): value[name] for name in draw(st.permutations(list(value)))}


@st.composite
def damaged(draw: st.DrawFn, value: JsonObject) -> JsonObject:
    """Return the members with some of them changed, missing or added."""
    members = dict(value)
    for name in draw(st.lists(st.sampled_from(sorted(members)) | NAMES, max_size=4)):
        if draw(st.booleans()):
            members.pop(name, None)
        else:
            members[name] = draw(JSON)
    return members


@st.composite
def unambiguous(draw: st.DrawFn, value: JsonObject | None) -> JsonObject:
    """Return arbitrary members, or those given after some damage; no name twice in whatever spelling."""
    anything = st.dictionaries(NAMES | TEXTS, JSON, max_size=9)
    members = draw(anything if value is None else damaged(value))
    names = {name.casefold(): name for name in members}
    return {name: members[name] for name in names.values()}


ASCII = st.characters(codec="ascii")
PHONES = st.from_regex(r" {0,2}\+?[0-9*# .\-()\[\]]{0,9}[0-9]{3}", fullmatch=True, alphabet=ASCII)
XML_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,8}", fullmatch=True, alphabet=ASCII)
XML_TEXTS = st.text(
    st.sampled_from("\t\n\r<>&\"'")
    | st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"),
    max_size=20,
)
XML_OBJECTS: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(XML_NAMES, XML_TEXTS, max_size=4),
    lambda inner: st.dictionaries(XML_NAMES, XML_TEXTS | inner, max_size=4),
    max_leaves=8,
)

IDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=128
).filter(lambda text: bool(text.strip()))
TRUE: list[JsonValue] = [True, "true", "Yes", "YES", "Y", 1]
FALSE: list[JsonValue] = [False, "False", "No", "n", 0]


@st.composite
def flags(draw: st.DrawFn) -> tuple[JsonValue, JsonValue]:
    """Return two spellings of one boolean."""
    forms = draw(st.sampled_from([TRUE, FALSE]))
    return draw(st.sampled_from(forms)), draw(st.sampled_from(forms))


@st.composite
def integers(draw: st.DrawFn, least: int, most: int) -> tuple[JsonValue, JsonValue]:
    """Return two spellings of one integer."""
    number = draw(st.integers(least, most))
    forms: list[JsonValue] = [number, str(number), f"00{number}"]
    return draw(st.sampled_from(forms)), draw(st.sampled_from(forms))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, JsonObject, JsonObject]:
    """Return an operation and two spellings of the same data: forms, aliases, defaults, order, case."""
    agent, account = draw(IDS), draw(IDS)
    one: JsonObject
    two: JsonObject
    match draw(st.sampled_from(["GetReservedManualDialContact", "SkipManualDialContact", "CreateContact"])):
        case "GetReservedManualDialContact" as name:
            (number, same_number), (flag, same_flag) = draw(integers(1, 100)), draw(flags())
            consent, same_consent = draw(flags())
            one = {
                "AgentID": agent,
                "NumberOfContactsRequired": number,
                "Consent": consent,
                "ReservedContacts": flag,
            }
            two = {
                "UserID": agent,
                "numberofcontactsrequired": same_number,
                "Consent": same_consent,
                "ReservedContacts": same_flag,
                "AgentID": agent,
                "extra": draw(SCALARS),
            }
        case "SkipManualDialContact" as name:
            outcome, same_outcome = draw(integers(0, 2**63 - 1))
            one = {"OutcomeId": outcome, "UserID": agent, "AccountNumber": account, "PhoneNumber": "123"}
            two = {
                "OutcomeId": same_outcome,
                "AgentID": agent,
                "AccountNumber": account,
                "PhoneNumber": "123",
            }
        case name:
            flag, same_flag = draw(flags())
            kind, same_kind = draw(integers(0, 2))
            fields = draw(XML_OBJECTS)
            one = {
                "CampaignID": account,
                "Calltype": kind,
                "callStartDateTime": "01/02/2024 00:00",
                "callEndDateTime": "01/02/2024 00:00",
                "Modes": "<Data/>",
                "BussinessFields": fields,
                "IsAccountNumber": flag,
            }
            two = {
                **one,
                "IsAccountNumber": same_flag,
                "Calltype": same_kind,
                "Status": "4",
                "priority": 0,
                "ListID": None,
                "ZipCode": "",
                "BusinessFields": fields,
                "BussinessFields": None,
            }
    return name, one, draw(spelled(two))
