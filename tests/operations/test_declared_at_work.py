"""What a declared operation makes of a request and of LCM's answer, each key of the declaration by itself."""

import pytest
from operations.core_declarations import FIELDS, command, made, text

from bridge.failures import ContactNotFound, Detail, InvalidData, WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.declared.conflicts import conflicts
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import read
from bridge.operations.model import Address, Answer, Reserved, Route, Rules, Telling, UnexpectedResult

CONTACT = "shape = 'contact'\nmembers = {AccountNumber = 'text'}"
CONTACTS = "shape = 'contacts'\nmembers = {AccountNumber = 'text'}"
ID: JsonObject = {"Id": "x"}


def test_a_route_says_what_is_declared_and_no_more() -> None:
    """What is not said of the reply's address is as in the request's."""
    [plain] = made().routes
    [telling] = made(
        route="reply = 'T'\nreply_topic = 'R'\ntold_by = {members = ['Id', 'Count'], least = 2}\n"
        "refuses = {members = ['A', 'B'], least = 2, because = 'is an A'}"
    ).routes

    request = Address("LCM", "WebService", "GetThing")
    assert Route(request, Address("LCM", "WebService", "Thing")) == plain
    told_by, refuses = Telling(("Id", "Count"), 2), Telling(("A", "B"), 2)
    assert Route(request, Address("LCM", "R", "T"), told_by, refuses, "is an A") == telling


@pytest.mark.parametrize(
    ("top", "data", "expected"),
    [
        ("side_effect = true", {}, True),
        ("side_effect = false", {}, False),
        ("side_effect_when = {Count = 2}", {"Count": 2}, True),
        ("side_effect_when = {Count = 2}", {}, False),
        ("side_effect_when = {Urgent = true}", {"Urgent": "yes"}, True),
        ("side_effect_when = {Urgent = true}", {"Urgent": 0}, False),
    ],
)
def test_a_side_effect_is_one_as_declared(top: str, data: JsonObject, *, expected: bool) -> None:
    """Always, never, or by the value of a field."""
    assert expected is command(made(top=top), {**ID, **data}).side_effect


def test_lcm_is_told_each_parameter_under_its_name() -> None:
    """Not what it is not to be told, and in the order of the fields."""
    data = (
        "[data.A]\ntype = 'text'\nlcm = 'X'\n[data.B]\ntype = 'text'\nlcm = false\n[data.C]\ntype = 'text'\n"
        "required = false\n[data.D]\ntype = 'text'"
    )
    call = command(made(data=data), {"D": "4", "B": "2", "A": "1"}).call

    assert call is not None
    assert [("X", "1"), ("D", "4")] == list(call.parameters.items())
    alone = command(made(data="[data.A]\ntype = 'text'\nlcm = 'X'"), {"A": "1"}).call
    assert alone is not None
    assert {"X": "1"} == alone.parameters


def test_the_method_is_the_name_unless_another_is_declared() -> None:
    """And a broadcast is one if that is said."""
    other = made(top="side_effect = false\nmethod = 'Get'\nbroadcast = true")

    assert [("GetThing", False), ("Get", True)] == [(one.method, one.broadcast) for one in (made(), other)]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"From": "02/01/2024", "Till": "01/01/2024"}, [Detail("data.Till", "must not be before From")]),
        ({"From": "01/01/2024", "Till": "01/01/2024"}, []),
        ({"Till": "01/01/2024"}, []),
        ({"From": "02/01/2024"}, []),
    ],
)
def test_a_date_is_not_before_another(data: JsonObject, wrong: list[Detail]) -> None:
    """Where both are given; the same day is right."""
    try:
        command(made(), {**ID, **data})
    except InvalidData as invalid:
        told = invalid.details
    else:
        told = []

    assert wrong == told


@pytest.mark.parametrize(
    ("top", "reply", "cache", "expected"),
    [
        ("side_effect = false", CONTACT, "shelf = 'od'", Reserved("od", 1)),
        ("side_effect = false", CONTACT, "shelf = 'manual'\nconsent = 'Urgent'", Reserved("manual", 1, "Y")),
        ("side_effect = false", CONTACTS, "shelf = 'od'\ncount = 'Count'", Reserved("od", 3)),
        (
            "side_effect = false",
            CONTACTS,
            "shelf = 'od'\ncount = 'Count'\nconsent = 'Urgent'",
            Reserved("od", 3, "Y"),
        ),
        ("side_effect = false", CONTACTS, "shelf = 'od'\nserves = false", None),
        ("side_effect = true", CONTACT, "shelf = 'od'", None),
    ],
)
def test_cached_contacts_answer_as_many_and_of_the_consent_asked_for(
    top: str, reply: str, cache: str, expected: Reserved | None
) -> None:
    """Also where one contact is asked for; never in place of a side effect."""
    operation = made(top=top, reply=reply, rest=f"[cache]\nagent = 'Id'\n{cache}")
    found = command(operation, {**ID, "Count": 3, "Urgent": True})

    assert (expected, "x") == (found.reserved, found.agent)
    assert f"shelf = '{found.shelf}'" in cache


@pytest.mark.parametrize("effect", [True, False])
def test_what_is_cached_leaves_as_declared(*, effect: bool) -> None:
    """One contact or all of a kind; the request itself goes to LCM as any other."""
    top = f"side_effect = {str(effect).lower()}"
    plain = command(made(top=top), ID)
    drops = command(made(top=top, rest="[cache]\nagent = 'Id'\ndrops = 'Id'\nfetched = true"), ID)
    forgets = command(made(top=top, rest="[cache]\nagent = 'Id'\nforgets = 'od'"), ID)

    assert ("x", True, None) == (drops.skips, drops.fetched, drops.forgets)
    assert (None, "od") == (forgets.skips, forgets.forgets)
    for one in (drops, forgets):
        assert (plain.content, plain.call, effect, "x") == (one.content, one.call, one.side_effect, one.agent)


def test_the_reply_repeats_what_the_request_has() -> None:
    """In front of the response; what was not given is not there."""
    operation = made(reply="shape = 'success'\nrepeats = ['From', 'Id']")

    assert [("Id", "x"), ("response", {"success": True})] == list(
        operation.answer(command(operation, ID), result=True).message.items()
    )


def test_the_cache_keeps_what_it_answered() -> None:
    """The contacts that were given."""
    operation = made(reply=CONTACT, rest="[cache]\nagent = 'Id'\nshelf = 'od'")
    contact: JsonObject = {"AccountNumber": "1"}

    assert Answer({"response": contact}, [contact]) == operation.answer_cached([contact])


@pytest.mark.parametrize(
    ("reply", "result", "response"),
    [
        ("shape = 'object'\nmembers = {A = 'text'}\nothers = true", {"B": 1}, UnexpectedResult),
        ("shape = 'object'\nmembers = {A = 'text'}\nothers = true", {"a": "1", "B": 1}, {"A": "1", "B": 1}),
        ("shape = 'object'\nmembers = {A = 'text'}", {"a": "1", "B": 1}, {"A": "1"}),
        ("shape = 'object'\nmembers = {A = 'text'}", None, WsError),
        ("shape = 'object'\nmembers = {A = 'text'}\nnothing = 'refused'", None, WsError),
        ("shape = 'object'\nmembers = {A = 'text'}\nnothing = 'empty'", None, {}),
        ("shape = 'object'\nmembers = {A = 'text'}\nfrom_xml = true", "<R><A>1</A></R>", {"A": "1"}),
        ("shape = 'array'\nmembers = {A = 'text'}", None, []),
        ("shape = 'array'\nmembers = {A = 'text'}\nnothing = 'refused'", None, WsError),
        ("shape = 'array'", [1, "x"], [1, "x"]),
        ("shape = 'array'\nothers = true", [{"A": 1}], [{"A": 1}]),
        ("shape = 'array'\nothers = true", [1], UnexpectedResult),
        (f"{CONTACTS}\nrefused = 'CONTACT_NOT_FOUND'\nnothing = 'refused'", [], ContactNotFound),
        (CONTACTS, {"AccountNumber": "1"}, [{"AccountNumber": "1"}]),
        ("shape = 'key'", "0|1", "0|1"),
        ("shape = 'key'", None, WsError),
    ],
)
def test_lcms_result_is_read_as_declared(
    reply: str, result: JsonValue, response: JsonValue | type[Exception]
) -> None:
    """Each shape, what nothing means in it, and which failure LCM's no is."""
    operation = made(reply=reply)
    request = command(operation, ID)

    if isinstance(response, type):
        with pytest.raises(response):
            operation.answer(request, result)
    else:
        assert {"response": response} == operation.answer(request, result).message


@pytest.mark.parametrize("shape", ["success", "key", "none", "contact", "object", "contacts", "array"])
def test_lcms_no_bears_the_text_that_is_declared(shape: str) -> None:
    """In each shape that has a no, and the failure."""
    nothing = "\nnothing = 'refused'" if shape in ("contacts", "array", "object") else ""
    members = "" if shape in ("success", "key", "none") else "\nmembers = {A = 'text'}"
    reply = f"shape = '{shape}'\nrefused = 'CONTACT_NOT_FOUND'\nrefused_text = 'no luck'{nothing}{members}"
    operation = made(route="" if shape == "none" else "reply = 'T'", reply=reply)

    with pytest.raises(ContactNotFound, match="no luck"):
        operation.answer(command(operation, ID), result=False)


def test_nobody_is_told_what_lcm_says_to_an_operation_without_a_reply() -> None:
    """Whatever it is; another operation replies."""
    silent = made(route="", reply="shape = 'none'")

    assert (False, True) == (silent.replies, made().replies)
    assert {"response": None} == silent.answer(command(silent, ID), "anything").message


@pytest.mark.parametrize(
    ("reply", "noun"),
    [(CONTACT, "a contact"), (CONTACTS, "a contact"), ("shape = 'object'\nothers = true", "an object")],
)
def test_what_lcm_gives_is_named_in_the_error(reply: str, noun: str) -> None:
    """As what it was to be."""
    operation = made(reply=reply)

    with pytest.raises(UnexpectedResult, match=f"^{noun} is a string where an object was expected"):
        operation.answer(command(operation, ID), "text")


@pytest.mark.parametrize(
    ("said", "rule", "expected"),
    [
        ("contract.single_contact_as_object", True, {"AccountNumber": "1"}),
        ("", True, None),
        ("x", False, None),
    ],
)
def test_a_single_contact_is_an_object_where_both_say_so(
    said: str, expected: JsonValue, *, rule: bool
) -> None:
    """The declaration and the site's setting."""
    line = "\none_as_object = 'contract.single_contact_as_object'" if said else ""
    declaration = read(text(reply=CONTACTS + line), "x.toml")
    operation = Declared(declaration, Rules(single_contact_as_object=rule))
    given: JsonObject = {"AccountNumber": "1"}

    assert {"response": expected or [given]} == operation.answer(command(operation, ID), [given]).message


@pytest.mark.parametrize(
    ("lines", "taken", "refused"),
    [
        ("type = 'decimal'\nleast = 1\nmost = 2", "2", "3"),
        ("type = 'decimal'\nleast = 1\nmost = 2", "1", "0"),
        ("type = 'xml'\nlongest = 8", "<Data />", "<Data></Data>"),
        ("type = 'phone'\nlongest = 4", "1234", "12345"),
        ("type = 'array'\nlongest = 1", [1], [1, 2]),
        ("type = 'text'\nlongest = 2", "ab", "abc"),
        ("type = 'text'\nshortest = 2", "ab", "a"),
    ],
)
def test_a_field_has_the_limits_that_are_declared(lines: str, taken: JsonValue, refused: JsonValue) -> None:
    """Each type its own."""
    operation = made(data=f"[data.Id]\n{lines}")

    assert {"Id": taken} == command(operation, {"Id": taken}).content
    with pytest.raises(InvalidData):
        command(operation, {"Id": refused})


@pytest.mark.parametrize(("value", "expected"), [(True, "Y"), ("no", "N"), (None, "N")])
def test_a_flag_goes_to_lcm_as_declared(value: JsonValue, expected: str) -> None:
    """Also one that is absent, by its default."""
    assert expected == command(made(), {**ID, "Urgent": value}).content["Urgent"]


def test_the_schema_says_what_is_declared() -> None:
    """What is required, what may be null, the defaults, and each limit."""
    words = "[data.Word]\ntype = 'text'\none_of = ['a', 'b']\nabout = 'A word.'\naliases = ['W']"
    schema = made(data=f"{FIELDS}\n{words}").schema()
    properties = schema["properties"]
    assert isinstance(properties, dict)
    about = {name: one for name, one in properties.items() if isinstance(one, dict)}

    assert ["Id"] == schema["required"]
    assert [{"anyOf": [{"required": ["Word"]}, {"required": ["W"]}]}] == schema["allOf"]
    assert "string" == about["Id"]["type"]
    assert ["object", "null"] == about["More"]["type"]
    assert {"Count": 1, "Urgent": False} == {
        name: one["default"] for name, one in about.items() if "default" in one
    }
    assert {"type": "text", "words": ["a", "b"]} == about["Word"]["x-check"]
    assert {"type": "date", "not_before": "From"} == about["Till"]["x-check"]


def test_a_shared_address_is_told_with_what_both_need() -> None:
    """And the files of both."""
    one, other = read(text(), "one.toml"), read(text().replace("GetThing", "GetMore", 1), "other.toml")

    place = "other.toml: routes[0]: LCM/WebService/GetThing is an address of one.toml already"
    assert [f"{place}; to share it, both need told_by"] == conflicts([one, other])
