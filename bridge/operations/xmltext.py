"""XML inside JSON: the ``BussinessFields`` and ``Modes`` of CreateContact.

Parsed by a hardened parser: no document type, no entities, nothing external.
"""

import re
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as HardenedTree

from bridge.envelope import json_type
from bridge.jsontypes import JsonObject, JsonValue

ROOT = "Data"

LONGEST_NAME = 256
"""Characters of one element's name."""

_NAME = re.compile(r"[A-Za-z_\u00C0-\uD7FF][\w.\-\u00B7]*")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXml(ValueError):
    """The text is not the XML that LCM takes; the text completes ``data.<name> ...``."""


def check(text: str) -> None:
    """Refuse what is not well formed with root ``Data``, or what declares a document type or entities."""
    try:
        root = HardenedTree.fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadXml("must not declare a document type or entities") from error
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(": line ")[0]  # expat's own place counts columns from 0
        raise BadXml(f"must be well-formed XML: line {line}, column {column + 1}: {reason}") from error
    except (ValueError, LookupError) as error:  # characters or a declared encoding that expat cannot take
        raise BadXml("must be well-formed XML in plain characters") from error
    if root.tag != ROOT:
        raise BadXml(f"must have the root element {ROOT}")


def build(members: JsonObject) -> str:
    """Turn a JSON object into ``<Data>..</Data>``: members become elements, strings are escaped."""
    return _element(members, (ROOT,))


def _element(value: JsonValue, path: tuple[str, ...]) -> str:
    name = path[-1]
    if isinstance(value, str):
        if _NOT_XML.search(value):
            raise BadXml(f"holds a character at {_place(path)} that XML cannot carry")
        return f"<{name}>{escape(value, {chr(13): '&#13;'})}</{name}>"
    if not isinstance(value, dict):
        raise BadXml(f"must hold only strings and objects, but {_place(path)} is {json_type(value)}")
    children = []
    for member, child in value.items():
        if len(member) > LONGEST_NAME or not _NAME.fullmatch(member):
            raise BadXml(f"holds the member {_shown(member)!a} at {_place(path)}, which is not an XML name")
        children.append(_element(child, (*path, member)))
    return f"<{name}>{''.join(children)}</{name}>"


def _place(path: tuple[str, ...]) -> str:
    return _shown(".".join(path))


def _shown(text: str, limit: int = 100) -> str:
    """Bound what a stranger sent: it is quoted in replies, headers and logs."""
    return text if len(text) <= limit else text[:limit] + "..."
