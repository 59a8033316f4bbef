"""BussinessFields and Modes: XML text, or a JSON object that becomes XML."""

from xml.etree import ElementTree as ET

import pytest
from operations.core_requests import CREATE, parameters, problems

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules
from bridge.operations.xmltext import BadXml, check

FIELDS = ["BussinessFields", "Modes"]
SETTING = "(the bridge's setting limits.xml_chars)"


def sent(value: JsonValue, name: str = "BussinessFields") -> JsonValue:
    """Return the XML that goes to LCM."""
    return parameters("CreateContact", {**CREATE, name: value})[name]


def problem(value: JsonValue, name: str = "BussinessFields") -> str:
    """Return what is wrong with the field."""
    [(field, text)] = problems("CreateContact", {**CREATE, name: value})
    assert f"data.{name}" == field
    return text


def told(text: str) -> str:
    """Return what is wrong with a text, nothing if there is nothing."""
    try:
        check(text)
    except BadXml as bad:
        return str(bad)
    return ""


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "text",
    [
        "<Data/>",
        "<Data></Data>",
        " <Data>\n<a>1</a>\n</Data> ",
        '<?xml version="1.0"?><Data><a b="c">&amp;&#228;</a></Data>',
        "<Data><!-- note --><a><![CDATA[<b>]]></a></Data>",
        "<Data><first_name>Zoë</first_name></Data>",
    ],
)
def test_well_formed_xml_with_root_data_goes_out_as_it_stands(name: str, text: str) -> None:
    """Character for character."""
    assert text == sent(text, name)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be well-formed XML: line 1, column 1: no element found"),
        ("text", "must be well-formed XML: line 1, column 1: syntax error"),
        ("<Data>", "must be well-formed XML: line 1, column 7: no element found"),
        ("<Data>\n<a>1</b></Data>", "must be well-formed XML: line 2, column 7: mismatched tag"),
        ("<Data/><Data/>", "must be well-formed XML: line 1, column 8: junk after document element"),
        ("<Data>&nbsp;</Data>", "must be well-formed XML: line 1, column 7: undefined entity"),
        ("<Data>a & b</Data>", "must be well-formed XML: line 1, column 10: not well-formed (invalid token)"),
        ("<Data>\0</Data>", "must be well-formed XML: line 1, column 7: not well-formed (invalid token)"),
        ("<x:Data/>", "must be well-formed XML: line 1, column 1: unbound prefix"),
        ("<data/>", "must have the root element Data"),
        ("<Root><Data/></Root>", "must have the root element Data"),
        ('<Data xmlns="urn:x"/>', "must have the root element Data"),
    ],
)
def test_other_text_is_refused_with_its_place(name: str, text: str, message: str) -> None:
    """Line and column count from 1, and are said once."""
    assert message == problem(text, name)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE Data><Data/>",
        '<!DOCTYPE Data SYSTEM "file:///etc/passwd"><Data/>',
        '<!DOCTYPE Data [<!ENTITY a "b">]><Data>&a;</Data>',
        '<!DOCTYPE Data [<!ENTITY a SYSTEM "http://host/">]><Data>&a;</Data>',
        '<!DOCTYPE Data [<!ENTITY % a "b"> %a;]><Data/>',
    ],
)
def test_a_document_type_is_refused(name: str, text: str) -> None:
    """And with it every entity, inside or outside."""
    assert "must not declare a document type or entities" == problem(text, name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "<Data></Data>"),
        ({"a": ""}, "<Data><a></a></Data>"),
        (
            {"first_name": "test", "last_name": "test"},
            "<Data><first_name>test</first_name><last_name>test</last_name></Data>",
        ),
        ({"b": "1", "B": "2", "a": "3"}, "<Data><b>1</b><B>2</B><a>3</a></Data>"),
        ({"a": "<b>&amp;]]>'\""}, "<Data><a>&lt;b&gt;&amp;amp;]]&gt;'\"</a></Data>"),
        ({"a": "x\r\ny\tz"}, "<Data><a>x&#13;\ny\tz</a></Data>"),
        ({"é-1.x_": "ü\U0001f600"}, "<Data><é-1.x_>ü\U0001f600</é-1.x_></Data>"),
    ],
)
def test_an_object_becomes_xml(value: JsonObject, text: str) -> None:
    """Its members, escaped and in order, under Data."""
    assert text == sent(value)


def test_modes_as_an_object_are_the_same_as_modes_as_text() -> None:
    """Objects nest."""
    value: JsonObject = {"Home": {"Cvalue": "609309034", "TZ": "(UTC-05:00) Eastern Time"}}

    assert CREATE["Modes"] == sent(value, "Modes")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, "must hold only strings and objects, but Data.a is a number"),
        ({"a": {"b": True}}, "must hold only strings and objects, but Data.a.b is a boolean"),
        ({"a": None}, "must hold only strings and objects, but Data.a is null"),
        ({"a": ["x"]}, "must hold only strings and objects, but Data.a is an array"),
        ({"a b": "x"}, "holds the member 'a b' at Data, which is not an XML name"),
        ({"a": {"1": "x"}}, "holds the member '1' at Data.a, which is not an XML name"),
        ({"": "x"}, "holds the member '' at Data, which is not an XML name"),
        ({"a\n": "x"}, "holds the member 'a\\n' at Data, which is not an XML name"),
        ({"a><b": "x"}, "holds the member 'a><b' at Data, which is not an XML name"),
        ({"x:a": "x"}, "holds the member 'x:a' at Data, which is not an XML name"),
        ({"a": "x\0"}, "holds a character at Data.a that XML cannot carry"),
        ({"a": "\x1b"}, "holds a character at Data.a that XML cannot carry"),
        ({"a": "\uffff"}, "holds a character at Data.a that XML cannot carry"),
    ],
)
def test_an_object_that_cannot_be_xml_is_refused_with_its_path(value: JsonObject, message: str) -> None:
    """A string is not made out of a number here either."""
    assert message == problem(value)


@pytest.mark.parametrize(
    ("value", "called"), [(5, "a number"), (True, "a boolean"), ([], "an array"), (["<Data/>"], "an array")]
)
def test_what_is_neither_text_nor_object_is_refused(value: JsonValue, called: str) -> None:
    """With the type that came."""
    for name in FIELDS:
        assert f"must be a string or an object, not {called}" == problem(value, name)


def test_xml_is_taken_up_to_its_limit() -> None:
    """Counted in characters of the XML, also where it is built."""
    rim = len("<Data><a></a></Data>")
    catalogue = Catalogue(Rules(xml_chars=rim + 10))
    values: list[JsonValue] = ["<Data><a>" + "ä" * 10 + "</a></Data>", {"a": "ä" * 10}, {"a": "&&"}]
    for value in values:
        assert parameters("CreateContact", {**CREATE, **dict.fromkeys(FIELDS, value)}, catalogue)
    too_long: JsonObject = {"BussinessFields": "<Data><a>" + "ä" * 11 + "</a></Data>", "Modes": {"a": "&&x"}}

    told = f"must have at most {rim + 10} characters of XML, not {rim + 11} {SETTING}"
    assert [(f"data.{name}", told) for name in FIELDS] == problems(
        "CreateContact", {**CREATE, **too_long}, catalogue
    )


def test_the_limit_of_xml_is_65536_characters_by_default() -> None:
    """A larger text is refused before it is parsed."""
    rim = len("<Data></Data>")
    text = f"<Data>{'x' * (65_536 - rim)}</Data>"

    assert text == sent(text)
    told = f"must have at most 65536 characters of XML, not 65537 {SETTING}"
    assert told == problem(text.replace("<D", " <D", 1))


@pytest.mark.parametrize("declared", ["xmlns", "xmlns:x"])
@pytest.mark.parametrize("within", ["{}</e>", "<a>{}</e></a>", "{}<a xmlns='v' b='c'/></e>"])
def test_a_namespace_may_have_256_characters(declared: str, within: str) -> None:
    """The parser writes it before the name of each attribute: 30,000 before 3,000 made 100 MB."""
    long = "must not declare a namespace of more than 256 characters"
    element = f"<e {declared}='{'u' * 256}' c='{'v' * 300}'>"

    assert "" == told(f"<Data>{within.format(element)}</Data>")
    assert long == told(f"<Data>{within.format(element.replace('uu', 'uuu', 1))}</Data>")


def test_a_namespace_that_is_too_long_is_told_of_before_what_follows() -> None:
    """What cannot be read at all is told of where it stands."""
    long = f"<Data xmlns:x='{'u' * 257}'"

    assert told(f"{long}></a>").startswith("must not declare a namespace")
    assert "mismatched tag" in told(f"<Data></a>{long}/>")
    assert "must not declare a document type or entities" == told(f"<!DOCTYPE Data [{long}/>")


def test_deep_xml_is_taken() -> None:
    """As many elements inside each other as the limit allows: depth is no recursion."""
    levels = 9_000
    text = "<Data>" + "<a>" * levels + "</a>" * levels + "</Data>"

    assert text == sent(text)


@pytest.mark.parametrize(
    "value",
    [
        {"n" * 250_000: 5},
        {"n" * 250_000: {"m" * 250_000: "\0"}},
        {"n" * 250_000: {"1": ""}},
        {"1" * 250_000: ""},
    ],
)
def test_a_problem_is_short_whatever_was_sent(value: JsonObject) -> None:
    """It is quoted in replies, headers and logs."""
    assert len(problem(value)) < 400


def test_an_object_that_is_built_is_what_a_parser_reads() -> None:
    """Escapes, line ends and blanks come back as they were."""
    value: JsonObject = {"a": " <&>\r\n\t\"' ", "b": {"c": "ü"}}
    root = ET.fromstring(str(sent(value)))  # noqa: S314 - our own text

    assert [" <&>\r\n\t\"' ", "ü"] == [root.findtext("a"), root.findtext("b/c")]


def test_the_name_of_a_member_is_bounded() -> None:
    """At 256 characters it is a name, beyond it none, and the problem quotes only its beginning."""
    assert f"<Data><{'a' * 256}>1</{'a' * 256}></Data>" == sent({"a" * 256: "1"})
    assert 300 > len(problem({"a" * 257: "1"}))


@pytest.mark.parametrize(("length", "shown"), [(95, "a" * 95), (96, "a" * 95 + "...")])
def test_a_long_place_is_shown_in_part(length: int, shown: str) -> None:
    """Up to 100 characters, which are quoted in replies and logs."""
    assert f"must hold only strings and objects, but Data.{shown} is a number" == problem({"a" * length: 1})


def test_what_the_parser_does_not_take_as_text_is_refused() -> None:
    """An envelope holds no half of a surrogate pair, but whoever asks is told in the same way."""
    with pytest.raises(BadXml, match=r"^must be well-formed XML in plain characters$"):
        check("<Data>\ud800</Data>")


def test_a_namespace_out_of_an_entity_is_refused_as_the_entity() -> None:
    """Nothing that a document type declares is made use of, also where namespaces are looked at."""
    text = f'<!DOCTYPE Data [<!ENTITY u "{"u" * 300}">]><Data xmlns="&u;"/>'

    with pytest.raises(BadXml, match="must not declare a document type"):
        check(text)
