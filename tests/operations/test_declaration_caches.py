"""What a declaration may say of cached contacts and of its example, and what it may not."""

import pytest
from operations.core_declarations import FIELDS, faults

CONTACT = "shape = 'contact'\nmembers = {AccountNumber = 'text'}"
CONTACTS = "shape = 'contacts'\nmembers = {AccountNumber = 'text'}"
REPEATED = "does not go with reply.repeats: cached contacts answer no request in particular"


@pytest.mark.parametrize(
    ("cache", "reply", "expected"),
    [
        ("shelf = 'od'", CONTACT, []),
        ("shelf = 'od'\nconsent = 'Urgent'", CONTACT, []),
        ("shelf = 'od'\ncount = 'Count'", CONTACTS, []),
        ("shelf = 'od'\nserves = false", CONTACTS, []),
        (
            "shelf = 'od'",
            CONTACTS,
            ["cache.count: is missing: the field that says how many are asked for; or serves = false"],
        ),
        ("shelf = 'od'\ncount = 'Count'", CONTACT, ["cache.count: does not go with the shape contact"]),
        (
            "shelf = 'od'",
            "shape = 'contact'\nmembers = {Name = 'text'}",
            ["cache.shelf: needs the shape contact or contacts, and among the members AccountNumber"],
        ),
        (
            "shelf = 'od'",
            "shape = 'object'\nmembers = {AccountNumber = 'text'}",
            ["cache.shelf: needs the shape contact or contacts, and among the members AccountNumber"],
        ),
        (
            "shelf = 'od'",
            f"{CONTACT}\nrepeats = ['Id']",
            [f"cache.shelf: {REPEATED}"],
        ),
        ("drops = 'Id'\nfetched = true", CONTACT, []),
        ("forgets = 'od'", CONTACT, []),
        ("forgets = 'od'\nfetched = true", CONTACT, ["cache.fetched: needs drops"]),
        ("forgets = 'od'\nserves = false", CONTACT, ["cache.serves: needs shelf"]),
        ("drops = 'Id'\ncount = 'Count'", CONTACT, ["cache.count: needs shelf"]),
        ("drops = 'Id'\nconsent = 'Urgent'", CONTACT, ["cache.consent: needs shelf"]),
        ("", CONTACT, ["cache: needs one of shelf, drops and forgets"]),
        ("shelf = 'od'\nforgets = 'od'", CONTACT, ["cache: needs one of shelf, drops and forgets"]),
        ("forgets = 'od'", "shape = 'echo'", ["cache: does not go with the shape echo"]),
    ],
)
def test_the_keys_of_a_cache_go_together(cache: str, reply: str, expected: list[str]) -> None:
    """One that says nothing beside the others is refused."""
    assert expected == faults(reply=reply, rest=f"[cache]\nagent = 'Id'\n{cache}")


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("agent", "X", "X is no field of data"),
        ("agent", "From", "From may be absent: it must be required or have a default"),
        ("agent", "More", "More may be absent: it must be required or have a default"),
        ("agent", "Count", "Count must be of type text"),
        ("drops", "Count", "Count must be of type text"),
        ("count", "Id", "Id must be of type integer"),
        ("consent", "Count", "Count must be of type flag"),
    ],
)
def test_a_cache_names_fields_that_always_have_a_value(key: str, name: str, expected: str) -> None:
    """Of the type that it takes them for."""
    keys = {"agent": "Id", ("drops" if key == "drops" else "shelf"): "od", key: name}
    if key != "drops":
        keys = {"count": "Count", **keys}
    lines = "\n".join(f"{one} = '{other}'" for one, other in keys.items())

    assert [f"cache.{key}: {expected}"] == faults(reply=CONTACTS, rest=f"[cache]\n{lines}")


def test_what_counts_may_have_a_default_and_must_not_be_zero() -> None:
    """A number of contacts is one or more; that it need not be given is no fault where it has a default."""
    counted = "[cache]\nagent = 'Id'\nshelf = 'od'\ncount = 'Count'"
    for least, expected in ((1, []), (0, ["cache.count: Count must have least = 1 or more"])):
        data = FIELDS.replace("least = 1\ndefault = 1", f"least = {least}\ndefault = 1\nrequired = false")

        assert expected == faults(data=data, reply=CONTACTS, rest=counted)


@pytest.mark.parametrize("key", ["data", "call", "result", "message"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ('{"a": "\\ud800"}', "holds half of a surrogate pair, which is no character"),
        ('{"a": NaN}', "holds a number of too many digits, or one that JSON does not have"),
        ('{"a": -Infinity}', "holds a number of too many digits, or one that JSON does not have"),
        ('{"a": 1e999}', "holds a number of too many digits, or one that JSON does not have"),
        (f'{{"a": {"9" * 5000}}}', "holds a number of too many digits, or one that JSON does not have"),
        (f"{'[' * 33}{']' * 33}", "is nested deeper than 32 levels"),
        (f"{'[' * 5000}{']' * 5000}", "is nested deeper than 32 levels"),
    ],
)
def test_an_example_is_json_that_a_request_may_be(key: str, value: str, expected: str) -> None:
    """Any other is refused where it would be taken as a request, and so is no example of one."""
    data = "" if key == "data" else "data = '{}'\n"
    found = faults(rest=f"[example]\n{data}{key} = '{value}'")

    assert f"example.{key}: {expected}" == found[0]
    assert set(found[1:]) <= {"example.data: must be an object"}


def test_an_example_at_the_limit_is_taken() -> None:
    """What is nested as deeply as a body may be."""
    value = f'{{"a": {"[" * 31}{"]" * 31}}}'

    assert [] == faults(rest=f"[example]\ndata = '{value}'\nresult = '\"\u00e9\"'")
