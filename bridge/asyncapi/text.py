"""The document as text."""

import json

import orjson

from bridge.jsontypes import JsonObject


def text(document: JsonObject) -> str:
    """Return a document as JSON, indented, as it is stored and served."""
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, in an example of a site's own
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
