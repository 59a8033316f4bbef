"""How a fault of a declaration is told: at the key as it is written, once, and in the words of TOML."""

import pytest
from operations.core_declarations import FIELDS, faults, made, text

from bridge.operations.declared.examples import example_faults
from bridge.operations.declared.reading import LONGEST_TEXT, BadDeclaration, read

NAME = "must begin with a letter, and go on with letters, digits and _, at most 64"
FIELD = "must begin with a letter or _, and go on with letters, digits and _, at most 64"
ADDRESS = "must be a word of a routing key: letters, digits, _ and -, at most 64"
KEYS = "shortest, longest, one_of, default"
SCALAR = "must be a valid boolean, or must be a valid integer, or must be a valid string"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("lcm = 5", "lcm: must be a valid string, or must be false"),
        ("lcm = 'a b'", f"lcm: {FIELD}, or must be false"),
        ("aliases = ['a', 'a b']", f"aliases[1]: {FIELD}"),
        ("one_of = ['a ']", "one_of[0]: must be one line that neither begins nor ends with a blank"),
        ("one_of = ['']", "one_of[0]: must have at least 1 character"),
        ("one_of = []", "one_of: must have at least 1 item, not 0"),
        ("shortest = -1", "shortest: must be greater than or equal to 0"),
        ("longst = 4", "longst: is no key here; did you mean longest?"),
        (
            "zzz = 4",
            f"zzz: is no key here; there are about, aliases, required, lcm, type, {KEYS}",
        ),
    ],
)
def test_a_fault_of_a_field_is_told_at_its_key(lines: str, expected: str) -> None:
    """Where a value may be of several types, no name of such a type is added to the key."""
    assert [f"data.Id.{expected}"] == faults(data=f"[data.Id]\ntype = 'text'\n{lines}")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("[data.Id]\ntype = 'flag'\nyes = [1]", f"data.Id.yes: {SCALAR}"),
        (
            "[data.Id]\ntype = 'flag'\nyes = {bool = 1.5}",
            f"data.Id.yes.bool: {SCALAR.split(',', maxsplit=1)[0]}",
        ),
        (
            "[data.Id]\ntype = 'integer'\nmost = 'limits.contact'",
            "data.Id.most: must be a valid integer, or must be 'limits.contacts'",
        ),
        ("[data.'a b']\ntype = 'text'", f"data.a b: {FIELD}"),
        ("[data.5]\ntype = 'text'", f"data.5: {FIELD}"),
        ("[data]\nId = 5", "data.Id: must be a table"),
    ],
)
def test_a_fault_of_another_type_is_told_likewise(lines: str, expected: str) -> None:
    """So are those of the names of fields."""
    assert expected in faults(data=lines)


@pytest.mark.parametrize(
    ("part", "lines", "expected"),
    [
        ("top", "side_effect_when = {Id = 1.5}", f"side_effect_when.Id: {SCALAR}"),
        (
            "top",
            "side_effect_when = {Id = 1, Count = 1}",
            "side_effect_when: must have at most 1 item, not more",
        ),
        ("top", "side_effect_when = {'a b' = 1}", f"side_effect_when.a b: {FIELD}"),
        ("top", "side_effect = false\nmethod = 'a b'", f"method: {FIELD}"),
        (
            "top",
            "side_effect = false\ntold_by = 1",
            "told_by: is no key here; there are name, about, ",
        ),
        ("route", "reply = 'T'\nreply_channel = 'a.b'", f"routes[0].reply_channel: {ADDRESS}"),
        ("route", "reply = 'T'\nreply_topic = 'a.b'", f"routes[0].reply_topic: {ADDRESS}"),
        ("route", "reply = 'a.b'", f"routes[0].reply: {ADDRESS}"),
        ("route", "reply = 'T'\nchannel = 'a.b'", f"routes[0].channel: {ADDRESS}"),
        ("route", "reply = 'T'\ntopic = 'a.b'", f"routes[0].topic: {ADDRESS}"),
        ("route", "reply = 'T'\ntold_by = 1", "routes[0].told_by: must be a table"),
        ("route", "reply = 'T'\nchanel = 'a'", "routes[0].chanel: is no key here; did you mean channel?"),
        (
            "route",
            "reply = 'T'\ntold_by = {members = ['Id'], lest = 1}",
            "routes[0].told_by.lest: is no key here; did you mean least?",
        ),
        (
            "route",
            "reply = 'T'\nrefuses = {members = ['Id'], becaus = 'x'}",
            "routes[0].refuses.becaus: is no key here; did you mean because?",
        ),
        ("reply", "shape = 'key'\nmembers = {'a b' = 'text'}", f"reply.members.a b: {FIELD}"),
        ("reply", "shape = 'key'\nmembers = 5", "reply.members: must be a table"),
        ("reply", "shape = 'key'\nrepeats = 5", "reply.repeats: must be an array"),
        ("reply", "shap = 'key'", "reply.shape: is missing"),
        ("reply", "shape = 'key'\nshap = 'key'", "reply.shap: is no key here; did you mean shape?"),
        ("rest", "[cache]\nagent = 'Id'\nshelve = 'od'", "cache.shelve: is no key here; did you mean shelf?"),
        ("rest", "[example]\ndata = '{}'\ncal = ''", "example.cal: is no key here; did you mean call?"),
    ],
)
def test_a_fault_elsewhere_is_told_at_its_key(part: str, lines: str, expected: str) -> None:
    """A key that there is not is told with those of its own table."""
    told = faults(**{part: lines})

    assert [fault for fault in told if fault.startswith(expected)], told


def test_the_name_of_an_operation_begins_with_a_letter() -> None:
    """It is a value of labels; other names may begin otherwise."""
    with pytest.raises(BadDeclaration) as bad:
        read(text().replace('name = "GetThing"', 'name = "_x"'), "x.toml")

    assert [f"x.toml: name: {NAME}"] == bad.value.faults


def test_all_faults_stand_in_one_line() -> None:
    """That is the text of the exception."""
    with pytest.raises(BadDeclaration) as bad:
        made(top="side_effect = 1\nbroadcast = 1")

    assert "x.toml: side_effect: must be a valid boolean; x.toml: broadcast: must be a valid boolean" == str(
        bad.value
    )


def test_every_default_that_is_not_taken_is_told() -> None:
    """And a field that takes nothing under the site's rules, beside them."""
    data = "[data.A]\ntype = 'text'\ndefault = ''\n[data.B]\ntype = 'time'\ndefault = '25:00'\n"

    assert ["data.A.default", "data.B.default"] == [one.partition(": ")[0] for one in faults(data=data)]


def test_a_declaration_has_so_many_characters() -> None:
    """One more is refused before it is read."""
    start = text() + "#"
    longest = start + "x" * (LONGEST_TEXT - len(start))

    assert longest == read(longest, "x.toml").text
    with pytest.raises(BadDeclaration, match="has more than 131072 characters"):
        read(longest + "x", "x.toml")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", ["example.data: is refused: data.Id is missing"]),
        (
            "Id",
            [
                'example.call: must be {"Id": "\u00e9", "Count": 1, "Urgent": "N"}',
                "example.result: does not fit [reply]: LCM refused it without saying why",
            ],
        ),
    ],
)
def test_what_an_example_must_say_is_told_as_json(lines: str, expected: list[str]) -> None:
    """As it is written into the declaration, not as Python shows it."""
    data = '{"Id": "\u00e9"}' if lines else "{}"
    operation = made(data=FIELDS, rest=f"[example]\ndata = '{data}'")

    assert [f"x.toml: {one}" for one in expected] == list(example_faults(operation))


def test_the_message_of_an_example_is_told_as_json() -> None:
    """With null and true as JSON has them."""
    reply = "shape = 'object'\nmembers = {A = 'text', B = 'flag'}"
    example = "[example]\ndata = '{}'\ncall = '{}'\nresult = '{\"b\": \"Yes\"}'"
    operation = made(data="", reply=reply, rest=example)

    expected = 'x.toml: example.message: must be {"response": {"A": null, "B": true}}'
    assert [expected] == list(example_faults(operation))
