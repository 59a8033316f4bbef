"""A request's body: an envelope, a reply, or `InvalidEnvelope`; then its operation's own refusals.

What is taken is what Python's and orjson's readers read there too.
"""

import json
from typing import Final

import orjson

from bridge.envelope import Envelope, ReplyAsRequest, parse
from bridge.failures import InvalidData, InvalidEnvelope, UnknownOperation
from bridge.jsontypes import JsonValue
from bridge.once import content
from bridge.replies import encode, error_event
from fuzz.targets.site import CATALOGUE, LIMITS, told

WORDS: Final = (
    *(b'"channel"', b'"topic"', b'"subtopic"', b'"source"', b'"data"', b'"message"', b'"Channel"', b'"LCM"'),
    *(b'"WebService"', b'"SkipManualDialContact"', b'"CreateContact"', b'"AgentID"', b'"UserID"', b"null"),
    *(
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"\\ud800",
        b"\\ud83d\\ude00",
        b"\xef\xbb\xbf",
        b"\xc2\xa0",
        b"\xe2\x80\x9d",
    ),
    *(b"[" * 33, b"{" * 33, b"9" * 1001, b"\xc5\xbf", b"\xe2\x84\xaa", b"true", b"-0", b"\\u0000"),
)


def check(data: bytes) -> None:
    """Read the bytes as a request's body."""
    try:
        envelope = parse(data, LIMITS)
    except ReplyAsRequest:
        return
    except InvalidEnvelope as refused:
        if len(refused.message) > 500 or not refused.message.isprintable():  # noqa: PLR2004 - a line
            raise AssertionError(refused.message) from refused
        orjson.loads(encode(error_event(refused.channel, refused)))
        return
    _as_others_read(data, envelope)
    try:
        operation, _ = CATALOGUE.find(envelope)
    except UnknownOperation as unknown:
        if not unknown.message.isprintable():
            raise AssertionError(unknown.message) from unknown
        told(unknown)
        return
    try:
        command = operation.translate(envelope)
    except InvalidData as invalid:
        told(invalid)
        return
    if command.call is not None:
        content(command)
        orjson.dumps(command.call.parameters)


def _as_others_read(body: bytes, envelope: Envelope) -> None:
    whole = json.loads(body.decode("utf-8-sig"))
    members = {name.casefold(): value for name, value in whole.items()}
    if isinstance(members.get("data"), dict) and members["data"] != envelope.data:
        raise AssertionError(members["data"], envelope.data)
    if (members["channel"], members["topic"]) != (envelope.channel, envelope.topic):
        raise AssertionError(members, envelope)
    if not _beyond_64_bits(whole) and orjson.loads(body.removeprefix(b"\xef\xbb\xbf")) != whole:
        raise AssertionError(whole)


def _beyond_64_bits(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return any(map(_beyond_64_bits, value.values()))
    if isinstance(value, list):
        return any(map(_beyond_64_bits, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**64
