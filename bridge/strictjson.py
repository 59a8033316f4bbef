"""Reading JSON strictly: within limits, and without a key given twice, NaN or half a surrogate pair.

Pure: bytes in, a value out or an `InvalidEnvelope` that says what stands where.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

from bridge.failures import InvalidEnvelope
from bridge.jsontypes import JsonObject, JsonValue, deeper_than, json_type, strings

LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CURLY_QUOTE = re.compile("[\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u2033\u00ab\u00bb]")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an envelope may be.

    Its body in bytes, its nesting in levels, the values in all its objects and arrays together, the
    characters of one string or member's name; ``header_bytes`` are those of its AMQP properties, headers
    included.
    """

    body_bytes: int = 1024 * 1024
    depth: int = 32
    values: int = 10_000
    string_chars: int = 262_144
    header_bytes: int = 65_536


class _Refused(ValueError):
    """Raised out of the decoder's hooks."""


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"the key {shown(key)} is given twice in one object")
            seen.add(key)
    return value


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Refused(f"the number {shown(text)} is too large")
    return number


def _int(text: str) -> int:
    if len(text) > 1000:  # noqa: PLR2004 - far beyond any id; Python's own limit is 4,300 digits
        raise _Refused(f"a number of {len(text)} digits is too large")
    return int(text)


class _Constant(ValueError):
    """The decoder met NaN, Infinity or -Infinity, which it does not say where."""


def _constant(text: str) -> NoReturn:
    raise _Constant(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)


# One that is not closed reaches to the end: looked at again from each quote within, it would take hours.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STRING_OR_CONSTANT = re.compile(rf"{_STRING.pattern}|NaN|-?Infinity")
_BLANKS = " \t\r\n"


def read(body: bytes, limits: Limits, *, left_out: int = 0) -> JsonValue:
    """Read a body, of which so many bytes at the end were ``left_out``, as a JSON value.

    Its nesting and strings are looked at by `bounded_object`. Raises `InvalidEnvelope`.
    """
    if left_out or len(body) > limits.body_bytes:
        raise InvalidEnvelope(
            f"the body has {len(body) + left_out} bytes; at most {limits.body_bytes} are taken (the bridge's"
            " setting limits.body_bytes)"
        )
    try:
        text = body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InvalidEnvelope(
            f"the body is not UTF-8: byte {body[error.start]:#04x} at offset {error.start}"
        ) from error
    if not text.strip(_BLANKS):
        raise InvalidEnvelope("the body is not JSON: it is empty")
    if (values := _values(text, limits.values)) > limits.values:
        raise InvalidEnvelope(
            f"the objects and arrays of the body have {values} values; at most {limits.values} are taken (the"
            " bridge's setting limits.json_values)"
        )
    try:
        value: JsonValue = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidEnvelope(_what_stands_there(error)) from error
    except _Constant as error:
        tokens = _STRING_OR_CONSTANT.finditer(text)
        position = next(token.start() for token in tokens if not token[0].startswith('"'))
        where = json.JSONDecodeError(f"Expecting value, not {error}", text, position)
        raise InvalidEnvelope(_what_stands_there(where)) from error
    except _Refused as error:
        raise InvalidEnvelope(f"the body cannot be taken: {error}") from error
    except RecursionError as error:
        raise _too_deep(limits) from error
    return value


def _values(text: str, most: int) -> int:
    """Return how many values a JSON text has in objects and arrays, or a bound that is not above ``most``.

    They are counted before anything is made of them: one of two bytes takes thirty times as much then.
    """
    bound = text.count(",") + text.count("[") + text.count("{")
    if bound <= most:
        return bound
    bare = _STRING.sub("0", text)
    for blank in _BLANKS:
        bare = bare.replace(blank, "")
    empty = bare.count("[]") + bare.count("{}")
    return bare.count(",") + bare.count("[") + bare.count("{") - empty


def bounded_object(value: JsonValue, body: bytes, limits: Limits) -> JsonObject:
    """Return the value of a body if it is an object within the limits. Raises `InvalidEnvelope`."""
    # A body with fewer brackets than the limit cannot be deeper, and one without an escape
    # cannot hold a lone surrogate (UTF-8 has none): almost no envelope needs the walk.
    if body.count(b"{") + body.count(b"[") > limits.depth and deeper_than(value, limits.depth):
        raise _too_deep(limits)
    if b"\\u" in body and (text := _lone_surrogate(value)):
        raise InvalidEnvelope(
            f"the string {shown(text)} holds half of a surrogate pair, which is no character"
        )
    # So too: no string has more characters than the body has bytes.
    if len(body) > limits.string_chars and (longest := _longest(value)) > limits.string_chars:
        raise InvalidEnvelope(
            f"the body holds a string of {longest} characters; at most {limits.string_chars} are taken (the"
            " bridge's setting limits.string_chars)"
        )
    if not isinstance(value, dict):
        raise InvalidEnvelope(f"the body must be a JSON object, not {json_type(value)}")
    return value


def _too_deep(limits: Limits) -> InvalidEnvelope:
    return InvalidEnvelope(
        f"the body is nested deeper than {limits.depth} levels (the bridge's setting limits.depth)"
    )


def _lone_surrogate(root: JsonValue) -> str:
    return next((text for text in strings(root) if LONE_SURROGATE.search(text)), "")


def _longest(root: JsonValue) -> int:
    return max(map(len, strings(root)), default=0)


def shown(text: str, limit: int = 60) -> str:
    """Quote what a stranger sent: bounded, one line, no control characters."""
    return ascii(text if len(text) <= limit else text[:limit] + "...")


def _name(char: str) -> str:
    return f"{unicodedata.name(char, 'nameless character').lower()} (U+{ord(char):04X})"


def _what_stands_there(error: json.JSONDecodeError) -> str:
    """Say line, column and character: text copied from a web page has no-break spaces and curly quotes."""
    text, position = error.doc, error.pos
    reason = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
    where = f"the body is not JSON: line {error.lineno}, column {error.colno}: {reason}"
    if position < len(text):
        char = text[position]
        where += f", but a {_name(char)} stands there" if not char.isascii() else f", found {char!r}"
    else:
        where += ", but the text ends there"
    # A curly quote that should close a string is only missed further on: at the line's end, or nowhere.
    start = text.rfind("\n", 0, position) + 1
    end = position if not error.msg.startswith("Unterminated") else len(text)
    if quote := _CURLY_QUOTE.search(text, start, end):
        line, column = text.count("\n", 0, position) + 1, quote.start() - start + 1
        where += f"; a {_name(quote[0])} stands at line {line}, column {column}: use a straight quote"
    return where
