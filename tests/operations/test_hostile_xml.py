"""Hostile XML: what is refused, and with which words, is what defusedxml would refuse."""

from xml.etree.ElementTree import ParseError

import pytest
from defusedxml import DefusedXmlException, ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st
from operations.core_strategies import TEXTS, steady

from bridge.operations.xmltext import BadXml, check

PIECES = st.sampled_from(
    [
        "<Data>", "</Data>", "<Data/>", "<data/>", "<a>", "</a>", "<a b='c'>", '<a b="&c;"/>', "<x:Data/>",
        '<Data xmlns="u">', '<Data xmlns:x="u}">', "<x:a/>", "&amp;", "&#0;", "&#xD800;", "&a;", "%a;", "& ",
        "<!DOCTYPE Data>", "<!DOCTYPE Data [", "]>", '<!ENTITY a "b">', '<!ENTITY % a "b">',
        "<!ELEMENT Data ANY>",
        '<!ENTITY a SYSTEM "file:///etc/passwd">', '<!DOCTYPE Data SYSTEM "http://host/">', "<!doctype Data>",
        '<!ENTITY a SYSTEM "x" NDATA y>', '<!NOTATION y SYSTEM "z">', '<!ATTLIST Data b CDATA "c">', "<!",
        '<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-16"?>', '<?xml version="1.1"?>',
        '<?xml version="1.0" encoding="no-such"?>', '<?xml version="1.0" standalone="yes"?>', "<?pi ?>", "<?",
        "<![CDATA[", "]]>", "<!--", "-->", "--", "\0", "\ufeff", "\ufffe", "\ud800", "\r\n", "\n",
        " ", "<", ">",
    ]
)  # fmt: skip


def hardened(text: str) -> str:
    """Return the problem by defusedxml's parser, which builds a tree."""
    try:
        root = ElementTree.fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        return "must not declare a document type or entities"
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(": line ")[0]
        return f"must be well-formed XML: line {line}, column {column + 1}: {reason}"
    except (ValueError, LookupError):
        return "must be well-formed XML in plain characters"
    return "" if root.tag == "Data" else "must have the root element Data"


def ours(text: str) -> str:
    """Return the problem, empty if there is none."""
    try:
        check(text)
    except BadXml as bad:
        return str(bad)
    return ""


@settings(steady, max_examples=500)
@given(st.lists(PIECES | TEXTS, max_size=9).map("".join))
def test_any_text_has_the_problem_that_defusedxml_finds(text: str) -> None:
    """The same words, line and column; or none."""
    assert hardened(text) == ours(text)


@settings(steady, max_examples=500)
@given(st.lists(PIECES | TEXTS, max_size=5).map("".join), st.lists(PIECES, max_size=3).map("".join))
def test_any_text_in_a_root_has_the_problem_that_defusedxml_finds(inner: str, before: str) -> None:
    """So does what stands before the root, where a document type has its place."""
    text = f"{before}<Data>{inner}</Data>"

    assert hardened(text) == ours(text)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE Data [<!ENTITY a0 "ha">'
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
        + "]><Data>&a29;</Data>",
        f'<!DOCTYPE Data [<!ENTITY a "{"x" * 30_000}">]><Data>{"&a;" * 10_000}</Data>',
        "<!DOCTYPE Data [" + '<!ENTITY % a "%a;">' * 3_000 + "%a;]><Data/>",
        f"<!DOCTYPE {'x' * 60_000}><Data/>",
    ],
)
def test_entities_that_grow_are_refused_before_they_do(text: str) -> None:
    """As a document type, wherever the text would lead."""
    assert "must not declare a document type or entities" == ours(text)


@pytest.mark.parametrize("declared", ["xmlns:p={}", "xmlns = {}", "xmlns:p\n=\t{}"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_namespace_is_taken_up_to_256_characters(declared: str, quote: str) -> None:
    """The parser copies it for each name that it stands for: 30,000 of them for each of 3,000 take long."""
    taken, refused = (
        f"<Data><a {declared.format(quote + 'u' * size + quote)}/></Data>" for size in (256, 257)
    )

    assert "" == ours(taken)
    assert "must not declare a namespace of more than 256 characters" == ours(refused)
