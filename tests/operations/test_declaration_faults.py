"""What a declaration must be: everything that cannot be right is refused, with file, key and reason."""

import pytest

from bridge.envelope import Envelope
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import BadDeclaration, read
from bridge.operations.model import Rules

GOOD = """
name = "GetThing"
about = "A thing."
side_effect = false

[[routes]]
subtopic = "GetThing"
reply = "Thing"

[data.Id]
type = "text"

[data.Count]
type = "integer"
default = 1

[data.From]
type = "date"
required = false

[reply]
shape = "object"
members = { Name = "text", AccountNumber = "text" }
"""


def faults_of(text: str) -> list[str]:
    """Return what is wrong with a declaration, without the file's name."""
    with pytest.raises(BadDeclaration) as bad:
        Declared(read(text, "x.toml"), Rules())
    assert all(fault.startswith("x.toml: ") for fault in bad.value.faults)
    return [fault.removeprefix("x.toml: ") for fault in bad.value.faults]


def changed(old: str, new: str) -> str:
    """Return the good declaration with one part changed, which must be there."""
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_what_is_right_is_taken() -> None:
    """The declaration that the others are made of."""
    assert "GetThing" == Declared(read(GOOD, "x.toml"), Rules()).name


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("side_effect = false", "", "side_effect: must be said"),
        (
            "side_effect = false",
            "side_effect = true\nside_effect_when = {Id = 'x'}",
            "side_effect: must be said",
        ),
        ("side_effect = false", "side_effect = 0", "side_effect: must be a valid boolean"),
        (
            "side_effect = false",
            "side_effect_when = {Idd = 'x'}",
            "side_effect_when.Idd: Idd is no field of data",
        ),
        (
            "side_effect = false",
            "side_effect_when = {From = '01/01/2024'}",
            "side_effect_when.From: From may be",
        ),
        (
            "side_effect = false",
            "side_effect_when = {Count = 'x'}",
            "side_effect_when.Count: must be an integer",
        ),
        (
            "side_effect = false",
            "side_effect_when = {Id = 'Delete'}",
            "side_effect_when.Id: must be a flag, an integer or a text with one_of",
        ),
        (
            "side_effect = false",
            "side_effect_when = {From = '01/01/2024'}",
            "side_effect_when.From: must be a flag, an integer or a text with one_of",
        ),
        ('type = "text"', 'type = "flag"\nyes = 1\nno = true', "data.Id.yes: is the same as no"),
        ('type = "text"', 'type = "flag"\nyes = "N"\nno = "N"', "data.Id.yes: is the same as no"),
        (
            "side_effect = false",
            "side_efect = false",
            "side_efect: is no key here; did you mean side_effect?",
        ),
        ('"GetThing"', '"Unknown"', "name: is what the metrics call requests of no known operation"),
        ('"GetThing"', '"Get Thing"', "name: must begin with a letter"),
        ('"GetThing"', f'"{"x" * 65}"', "name: must begin with a letter"),
        (
            'subtopic = "GetThing"',
            'subtopic = "Get.Thing"',
            "routes[0].subtopic: must be a word of a routing key",
        ),
        ('subtopic = "GetThing"', 'subtopic = "*"', "routes[0].subtopic: must be a word of a routing key"),
        (
            'subtopic = "GetThing"',
            'subtopic = " GetThing "',
            "routes[0].subtopic: must be a word of a routing",
        ),
        ('subtopic = "GetThing"', 'subtopics = "GetThing"', "routes[0].subtopic: is missing"),
        (
            'subtopic = "GetThing"',
            'subtopics = "GetThing"',
            "routes[0].subtopics: is no key here; did you mean",
        ),
        ('reply = "Thing"', "", "routes[0].reply: is missing"),
        (
            "[data.Id]",
            '[[routes]]\nsubtopic = "getthing"\nreply = "T"\n[data.Id]',
            "routes[1]: is there twice",
        ),
        (
            'reply = "Thing"',
            'reply = "T"\ntold_by = {members = ["X"]}',
            "routes[0].told_by.members: X is no name",
        ),
        ('type = "text"', 'type = "string"', "data.Id: type must be one of text, integer,"),
        ('type = "text"', "longest = 4", "data.Id: type is missing: one of text, integer,"),
        (
            'type = "text"',
            'type = "text"\nlongst = 4',
            "data.Id.longst: is no key here; did you mean longest?",
        ),
        ('type = "text"', 'type = "text"\nleast = 4', "data.Id.least: is no key here"),
        ('type = "text"', 'type = "text"\nlongest = "4"', "data.Id.longest: must be a valid integer"),
        ('type = "text"', 'type = "text"\nshortest = 9\nlongest = 4', "data.Id.shortest: is above longest"),
        ('type = "text"', 'type = "text"\ndefault = ""', "data.Id.default: must not be empty"),
        ('type = "text"', 'type = "text"\naliases = ["count"]', "data.Count: Count is a name of Id already"),
        ('type = "text"', 'type = "text"\naliases = ["Id"]', "data.Id.aliases: Id is there twice"),
        ('type = "text"', 'type = "text"\naliases = ["id"]', "data.Id.aliases: id is there twice"),
        ('type = "text"', 'type = "text"\naliases = ["A", "a"]', "data.Id.aliases: a is there twice"),
        (
            'type = "text"',
            'type = "text"\nlcm = "Count"',
            "data.Count.lcm: Count is the parameter of Id already",
        ),
        (
            'type = "text"',
            'type = "text"\nlcm = "COUNT"',
            "data.Count.lcm: Count is the parameter of Id already",
        ),
        ('type = "text"', 'type = "text"\none_of = ["a", "A"]', "data.Id.one_of: holds a word twice"),
        (
            'type = "text"',
            'type = "text"\none_of = ["a"]\nlongest = 4',
            "data.Id.longest: does not go with one_of",
        ),
        ("default = 1", "default = 1\nleast = 2", "data.Count.default: must be 2 to"),
        ("default = 1", "default = 1\nrequired = true", "data.Count.required: contradicts the default"),
        ("default = 1", 'most = "limits.contact"', "data.Count.most"),
        (
            'type = "date"',
            'type = "date"\nnot_before = "Id"',
            "data.From.not_before: Id is no other field of the same",
        ),
        ("[data.From]", "[data.'From Day']", "data.From Day: must begin with a letter"),
        ('shape = "object"', 'shape = "objekt"', "reply.shape: must be 'contact', 'contacts', 'object'"),
        ('shape = "object"', 'shape = "success"', "reply.members: does not go with the shape success"),
        ('shape = "object"', 'shape = "object"\nrepeats = ["Idd"]', "reply.repeats: Idd is no field of data"),
        ('shape = "object"', 'shape = "none"', "routes[0].reply: goes with no reply"),
        (
            'Name = "text"',
            'Name = "string"',
            "reply.members.Name: must be 'text', 'number', 'yes_no', 'flag' or 'any'",
        ),
        ("[reply]", '[cache]\nagent = "Id"\n[reply]', "cache: needs one of shelf, drops and forgets"),
        (
            "[reply]",
            '[cache]\nagent = "Count"\nforgets = "od"\n[reply]',
            "cache.agent: Count must be of type text",
        ),
        ("[reply]", '[cache]\nagent = "Id"\nshelf = "od"\n[reply]', "cache.shelf: needs the shape contact"),
        (
            '[reply]\nshape = "object"',
            '[cache]\nagent = "Id"\nshelf = "od"\ncount = "Count"\n[reply]\nshape = "contacts"',
            "cache.count: Count must have least = 1 or more",
        ),
        ("[reply]", '[example]\ndata = "{"\n[reply]', "example.data: is not JSON: "),
        ("[reply]", '[example]\ndata = "[]"\n[reply]', "example.data: must be an object"),
        ("[reply]", f'[example]\ndata = "{"9" * 5000}"\n[reply]', "example.data: holds a number of too many"),
        ("[reply]", f'[example]\ndata = "{"[" * 5000}"\n[reply]', "example.data: is nested deeper than 32"),
        (
            "[reply]",
            f"[example]\ndata = '{{\"a\": {'[' * 32}{']' * 32}}}'\n[reply]",
            "example.data: is nested deeper than 32",
        ),
    ],
)
def test_what_cannot_be_right_is_refused(old: str, new: str, expected: str) -> None:
    """One fault among those told is the one expected."""
    faults = faults_of(changed(old, new))

    assert [fault for fault in faults if fault.startswith(expected)], faults


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("default = 100", "data.Count.default: must be 1 to 50 (the bridge's setting limits.contacts)"),
        ("least = 60\nrequired = true", "data.Count.least: is above most, which is 50 here"),
    ],
)
def test_a_limit_of_the_site_is_held_against_the_others(limits: str, expected: str) -> None:
    """What fits under the default of the setting need not fit under the site's."""
    least = "" if "least" in limits else "least = 1\n"
    right = read(changed("default = 1", f'{least}{limits}\nmost = "limits.contacts"'), "x.toml")

    Declared(right, Rules(contacts=100))
    with pytest.raises(BadDeclaration) as bad:
        Declared(right, Rules(contacts=50))
    assert [f"x.toml: {expected}"] == bad.value.faults


def test_a_side_effect_is_told_by_what_has_one_form() -> None:
    """A flag, an integer, and a word of a list: each of its spellings comes out alike."""
    words = changed('type = "text"', 'type = "text"\none_of = ["delete", "keep"]')
    for text, when, spellings in (
        (words, "{Id = 'delete'}", [{"Id": "DELETE"}, {"Id": " Delete "}]),
        (GOOD, "{Count = 2}", [{"Id": "x", "Count": "2"}, {"Id": "x", "Count": "002"}]),
    ):
        made = Declared(read(text.replace("side_effect = false", f"side_effect_when = {when}"), "x"), Rules())
        for data in spellings:
            envelope = Envelope("LCM", "WebService", "GetThing", source=None, data=dict(data))
            assert made.translate(envelope).side_effect, data


def test_all_faults_are_told_at_once() -> None:
    """Whoever writes one reads the list, and not the first fault again and again."""
    text = changed('type = "text"', 'type = "text"\nlongst = 4').replace('"date"', '"day"')

    assert ["data.Id.longst", "data.From"] == [fault.partition(": ")[0] for fault in faults_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "is not TOML"),
        ("x" * 200_000, "has more than"),
        (f"a = {'[' * 5000}", "is nested too deeply"),
        (f"a = {'9' * 5000}", "holds a number of too many digits"),
    ],
)
def test_what_is_no_toml_is_refused(text: str, expected: str) -> None:
    """With the reader's line and column, before anything else is looked at."""
    [fault] = faults_of(text)

    assert fault.startswith(expected)
