"""What must hold between the parts of a declaration: each fault is told with its key, and alone."""

import pytest
from operations.core_declarations import faults

CONTACT = "members = {AccountNumber = 'text'}"
ANY_CASE = "names are matched without regard to case"


def field(lines: str) -> str:
    """Return the one field Id with these lines."""
    return f"[data.Id]\n{lines}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("type = 'integer'\nleast = 2\nmost = 2", []),
        ("type = 'integer'\nleast = 3\nmost = 2", ["least: is above most"]),
        ("type = 'decimal'\nleast = 3\nmost = 2", ["least: is above most"]),
        ("type = 'text'\nshortest = 2\nlongest = 2", []),
        ("type = 'text'\nshortest = 3\nlongest = 2", ["shortest: is above longest"]),
        (
            "type = 'text'\none_of = ['a']\nshortest = 1\nlongest = 2",
            ["shortest: does not go with one_of", "longest: does not go with one_of"],
        ),
        (
            "type = 'text'\none_of = ['a', 'b', 'A']",
            ["one_of: holds a word twice; words are matched without regard to case"],
        ),
        ("type = 'array'\nrequired = true", []),
        ("type = 'text'\nrequired = true\ndefault = 'x'", ["required: contradicts the default"]),
        ("type = 'text'\nrequired = false\ndefault = 'x'", []),
        ("type = 'phone'\nlongest = 3", []),
        ("type = 'phone'\nlongest = 2", ["longest: must be greater than or equal to 3"]),
        ("type = 'date'\nnot_before = 'Id'", ["not_before: Id is no other field of the same type"]),
        ("type = 'date'\nnot_before = 'Ix'", ["not_before: Ix is no other field of the same type"]),
    ],
)
def test_what_a_field_says_agrees(lines: str, expected: list[str]) -> None:
    """Its limits leave something that it takes, also just one thing."""
    assert [f"data.Id.{fault}" for fault in expected] == faults(data=field(lines))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("[data.B]\ntype = 'date'\nnot_before = 'A'", []),
        (
            "[data.B]\ntype = 'minute'\nnot_before = 'A'",
            ["data.B.not_before: A is no other field of the same type"],
        ),
        ("[data.B]\ntype = 'text'\nlcm = 'A'", ["data.B.lcm: A is the parameter of A already"]),
        ("[data.B]\ntype = 'text'\nlcm = false\n[data.C]\ntype = 'text'\nlcm = 'B'", []),
        ("[data.B]\ntype = 'text'\naliases = ['a']", [f"data.B: a is a name of A already; {ANY_CASE}"]),
        ("[data.B]\ntype = 'text'\naliases = ['b']", [f"data.B.aliases: b is there twice; {ANY_CASE}"]),
    ],
)
def test_fields_agree_with_each_other(lines: str, expected: list[str]) -> None:
    """A parameter that is not told to LCM is none, and so its name is free."""
    assert expected == faults(data=f"[data.A]\ntype = 'date'\n{lines}")


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("reply = 'T'\n[[routes]]\nsubtopic = 'Other'\nreply = 'T'", []),
        (
            "reply = 'T'\n[[routes]]\nsubtopic = 'GETTHING'\nreply = 'T'",
            ["routes[1]: is there twice; addresses are matched without regard to case"],
        ),
        ("", ["routes[0].reply: is missing: the subtopic of the reply"]),
        ("reply = 'T'\ntold_by = {members = ['ID', 'Count'], least = 2}", []),
        (
            "reply = 'T'\ntold_by = {members = ['Id'], least = 2}",
            [f"routes[0].told_by.least: is above the number of members; {ANY_CASE}"],
        ),
        (
            "reply = 'T'\ntold_by = {members = ['Id', 'ID'], least = 2}",
            [f"routes[0].told_by.least: is above the number of members; {ANY_CASE}"],
        ),
        (
            "reply = 'T'\ntold_by = {members = ['Id']}\nrefuses = {members=['X'], least = 2, because = 'n'}",
            [f"routes[0].refuses.least: is above the number of members; {ANY_CASE}"],
        ),
        ("reply = 'T'\ntold_by = {members = ['Id']}\nrefuses = {members = ['X'], because = 'no'}", []),
        (
            "reply = 'T'\nrefuses = {members = ['X'], because = 'no'}",
            ["routes[0].refuses: needs told_by: data that is told by it is not refused"],
        ),
        ("reply = 'T'\ntold_by = {members = ['X']}", ["routes[0].told_by.members: X is no name of a field"]),
    ],
)
def test_routes_agree_with_each_other_and_the_fields(route: str, expected: list[str]) -> None:
    """What tells an operation can be there, and each address once."""
    assert expected == faults(route=route)


@pytest.mark.parametrize("key", ["reply", "reply_channel", "reply_topic"])
def test_where_nobody_is_answered_no_reply_has_an_address(key: str) -> None:
    """Told at the key that is too much; without any it is right."""
    assert [f"routes[0].{key}: goes with no reply: its shape is none"] == faults(
        route=f"{key} = 'T'", reply="shape = 'none'"
    )
    assert [] == faults(route="", reply="shape = 'none'")


@pytest.mark.parametrize("shape", ["contact", "contacts", "contacts_or_reason"])
def test_a_contact_has_members(shape: str) -> None:
    """Each shape of contacts says which."""
    assert ["reply.members: are missing: the members of a contact"] == faults(reply=f"shape = '{shape}'")
    assert [] == faults(reply=f"shape = '{shape}'\n{CONTACT}")


def test_an_object_has_members_or_others() -> None:
    """One of them is enough."""
    assert ["reply.members: are missing; or others = true passes on what LCM gives"] == faults(
        reply="shape = 'object'"
    )
    assert [] == faults(reply="shape = 'object'\nothers = true")
    assert [] == faults(reply=f"shape = 'object'\n{CONTACT}")


SHAPES = ("contact", "contacts", "object", "array", "contacts_or_reason", "success", "key", "echo", "none")


@pytest.mark.parametrize(
    ("key", "shapes"),
    [
        ("members = {AccountNumber = 'text'}", SHAPES[:5]),
        ("others = true", SHAPES[:5]),
        ("from_xml = true", ("object",)),
        ("nothing = 'empty'", ("contacts", "object", "array")),
        ("one_as_object = 'contract.single_contact_as_object'", ("contacts",)),
        ("repeats = ['Id']", SHAPES[:7]),
    ],
)
def test_a_key_of_the_reply_goes_with_some_shapes(key: str, shapes: tuple[str, ...]) -> None:
    """With any other it says nothing, and is refused."""
    for shape in SHAPES:
        members = "" if key.startswith("members") or shape not in SHAPES[:5] else CONTACT
        name = key.partition(" ")[0]
        route = "" if shape == "none" else "reply = 'T'"
        expected = [] if shape in shapes else [f"reply.{name}: does not go with the shape {shape}"]

        assert expected == faults(route=route, reply=f"shape = '{shape}'\n{members}\n{key}")


def test_what_lcm_gives_is_not_repeated_over() -> None:
    """Nor is what is no field."""
    assert ["reply.repeats: response is what LCM's result becomes"] == faults(
        data="[data.Response]\ntype = 'text'", reply="shape = 'key'\nrepeats = ['Response']"
    )
    assert ["reply.repeats: X is no field of data"] == faults(reply="shape = 'key'\nrepeats = ['X']")


@pytest.mark.parametrize(
    ("top", "shape", "expected"),
    [
        ("side_effect = false\nbroadcast = true", "none", ["broadcast: needs a reply that can be published"]),
        ("side_effect = false\nbroadcast = true", "key", []),
        (
            "side_effect = false\nmethod = 'M'",
            "echo",
            ["method: goes with no call of LCM: the shape is echo"],
        ),
        ("side_effect = false\nmethod = 'M'", "key", []),
        ("side_effect = true", "echo", ["side_effect: must be false: what is echoed does not reach LCM"]),
        (
            "side_effect_when = {Urgent = true}",
            "echo",
            ["side_effect: must be false: what is echoed does not reach LCM"],
        ),
        ("side_effect = true", "key", []),
        ("side_effect = true", "none", []),
    ],
)
def test_what_the_operation_does_agrees_with_its_shape(top: str, shape: str, expected: list[str]) -> None:
    """An echo has no call, and no reply is none that can be published."""
    route = "" if shape == "none" else "reply = 'T'"
    assert expected == faults(top=top, route=route, reply=f"shape = '{shape}'")
