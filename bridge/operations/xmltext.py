"""XML inside JSON: the ``BussinessFields`` and ``Modes`` of CreateContact.

Parsed without a document type, and so without entities and anything external, since nothing else can
declare them. By expat itself: defusedxml makes the same refusals with the same parser, but builds a tree
that nobody looks at, at four times the cost. The tests hold the two against each other.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from typing import Final, NoReturn
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from bridge.jsontypes import JsonObject, JsonValue, json_type

ROOT = "Data"

LONGEST_NAME = 256
"""Characters of one element's name."""

LONGEST_NAMESPACE = 256
"""Characters of one namespace's name: expat writes it before the name of each attribute that is of it."""

NAME: Final = re.compile(r"[A-Za-z_\u00C0-\uD7FF][\w.\-\u00B7]*")
"""What an element that is built may be called."""
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXml(ValueError):
    """The text is not the XML that LCM takes; the text completes ``data.<name> ...``."""


class _DocumentType(Exception):
    """The text declares a document type."""


class _LongNamespace(Exception):
    """The text declares a namespace with a name beyond `LONGEST_NAMESPACE`."""


def check(text: str) -> None:
    """Refuse what is not well formed with root ``Data``, or declares a document type or a long namespace."""
    try:
        if "xmlns" in text:
            _check_namespaces(text)
        root = _root(text)
    except _LongNamespace as error:
        raise BadXml(f"must not declare a namespace of more than {LONGEST_NAMESPACE} characters") from error
    except _DocumentType as error:
        raise BadXml("must not declare a document type or entities") from error
    except ExpatError as error:
        reason = str(error).partition(": line ")[0]  # expat's own place counts columns from 0
        raise BadXml(
            f"must be well-formed XML: line {error.lineno}, column {error.offset + 1}: {reason}"
        ) from error
    except (ValueError, LookupError) as error:  # characters or a declared encoding that expat cannot take
        raise BadXml("must be well-formed XML in plain characters") from error
    if root != ROOT:
        raise BadXml(f"must have the root element {ROOT}")


def _root(text: str) -> str:
    """Parse to the end and return the root's name, its namespace and ``}`` in front if it has one."""
    root = ""

    def start(name: str, _: object) -> None:
        nonlocal root
        root = name
        parser.StartElementHandler = None  # only the first one matters

    parser = ParserCreate(namespace_separator="}")
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = start
    # The end apart, as a text that ends too early is refused where it ends.
    parser.Parse(text, False)  # noqa: FBT003 - positional only
    parser.Parse(b"", True)  # noqa: FBT003 - positional only
    return root


def _check_namespaces(text: str) -> None:
    """Refuse a namespace that is too long, before it is written thousands of times; all else is `_root`'s."""

    def start(_: str, attributes: dict[str, str]) -> None:
        for name, value in attributes.items():
            if len(value) > LONGEST_NAMESPACE and name.partition(":")[0] == "xmlns":
                raise _LongNamespace

    parser = ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = start
    with suppress(ExpatError):
        parser.Parse(text, True)  # noqa: FBT003 - positional only


def _refuse_document_type(*_: object) -> NoReturn:
    raise _DocumentType


def build(members: JsonObject) -> str:
    """Turn a JSON object into ``<Data>..</Data>``: members become elements, strings are escaped."""
    parts: list[str] = []
    _write(members, (ROOT,), parts)
    return "".join(parts)


def _write(value: JsonValue, path: tuple[str, ...], parts: list[str]) -> None:
    """Append an element: joined at each level, a long text deep within would be copied at each."""
    name = path[-1]
    if isinstance(value, str):
        if _NOT_XML.search(value):
            raise BadXml(f"holds a character at {_place(path)} that XML cannot carry")
        parts.append(f"<{name}>{escape(value, {chr(13): '&#13;'})}</{name}>")
        return
    if not isinstance(value, dict):
        raise BadXml(f"must hold only strings and objects, but {_place(path)} is {json_type(value)}")
    parts.append(f"<{name}>")
    for member, child in value.items():
        if len(member) > LONGEST_NAME or not NAME.fullmatch(member):
            raise BadXml(f"holds the member {_shown(member)!a} at {_place(path)}, which is not an XML name")
        _write(child, (*path, member), parts)
    parts.append(f"</{name}>")


_OPENING: Final = re.compile(r"<([A-Za-z_][\w.-]*+)[^<>]*+>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"


def leaves(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of every element without children, of XML that may not be well formed.

    LCM's screen pop is such: with a bare ampersand, say. Each character is looked at a few times at most.
    """
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        at = opening.end()
        if opening[0].endswith("/>"):
            yield opening[1], ""
            continue
        if text.startswith(_CDATA, at):
            end = text.find(_CDATA_END, at)
            if end < 0:
                return
            value, at = text[at + len(_CDATA) : end], end + len(_CDATA_END)
            value += unescaped(text[at : max(at, text.find("<", at))])
        else:
            end = text.find("<", at)
            if end < 0:
                return
            value, at = unescaped(text[at:end]), end
        if text.startswith(f"</{opening[1]}", text.find("<", at)):
            yield opening[1], value


def unescaped(text: str) -> str:
    """Resolve references to characters; a text with one of thousands of digits stays as it is."""
    try:
        return unescape(text)
    except ValueError:
        return text


def _place(path: tuple[str, ...]) -> str:
    return _shown(".".join(path))


def _shown(text: str, limit: int = 100) -> str:
    """Bound what a stranger sent: it is quoted in replies, headers and logs."""
    return text if len(text) <= limit else text[:limit] + "..."
