"""Reading a widget envelope: ``{channel, topic, subtopic, source?, data}`` as UTF-8 JSON.

Pure: bytes in, an `Envelope` out or a typed refusal that says what to change.
"""

from typing import NamedTuple

from bridge.failures import InvalidEnvelope
from bridge.jsontypes import JsonObject, JsonValue, json_type
from bridge.strictjson import LONE_SURROGATE, Limits, bounded_object, read, shown

MAX_ECHOED_CHANNEL = 255
"""Characters of a request's channel that an error event repeats; a longer one is not a channel."""


class ReplyAsRequest(Exception):
    """The envelope has ``message`` and no ``data`` (or null): a reply. It is never answered."""


class Envelope(NamedTuple):
    """A request, its members as received.

    ``data`` is None where it is missing or not an object, which is for the operation to refuse.
    """

    channel: str
    topic: str
    subtopic: str
    source: str | None
    data: JsonObject | None


def parse(body: bytes, limits: Limits, *, left_out: int = 0) -> Envelope:
    """Read a request's body, of which so many bytes at the end were ``left_out`` because it is too large.

    Raises `InvalidEnvelope` (says what stands where) and `ReplyAsRequest`.
    """
    value = read(body, limits, left_out=left_out)
    try:
        return _envelope(bounded_object(value, body, limits))
    except InvalidEnvelope as refusal:
        refusal.channel = _certain_channel(value)
        raise


def parse_object(body: bytes, limits: Limits) -> JsonObject:
    """Read a JSON object, as the one that ``data`` is, by the rules of a body. Raises `InvalidEnvelope`."""
    return bounded_object(read(body, limits), body, limits)


def _envelope(value: JsonObject) -> Envelope:
    members = _members(value)
    # Some serialisers write every member of a class, so null data beside a message is no data.
    if "message" in members and (
        "data" not in members or (members["data"] is None and members["message"] is not None)
    ):
        raise ReplyAsRequest
    channel, topic, subtopic = _text(members, "channel"), _text(members, "topic"), _text(members, "subtopic")
    data = members.get("data")
    if isinstance(data, dict):
        _members(data, "data.")
    source = members.get("source")
    return Envelope(
        channel,
        topic,
        subtopic,
        source=source if isinstance(source, str) else None,
        data=data if isinstance(data, dict) else None,
    )


def _certain_channel(value: JsonValue) -> str | None:
    """Return the one channel of a refused envelope, for the error event that tells of it."""
    members = value if isinstance(value, dict) else {}
    match [member for key, member in members.items() if key.casefold() == "channel"]:
        case [str(channel)] if not LONE_SURROGATE.search(channel):
            return channel
    return None


def _text(members: JsonObject, name: str) -> str:
    if name not in members:
        raise InvalidEnvelope(f"{name} is missing")
    value = members[name]
    if not isinstance(value, str):
        raise InvalidEnvelope(f"{name} must be a string, not {json_type(value)}")
    return value


def _members(value: JsonObject, path: str = "") -> JsonObject:
    """Return the members under their lower-case names; the same name twice is ambiguous."""
    members = {key.casefold(): member for key, member in value.items()}
    if len(members) < len(value):
        spellings: dict[str, str] = {}
        for key in value:
            first = spellings.setdefault(key.casefold(), key)
            if first != key:
                raise InvalidEnvelope(
                    f"{shown(path + key)} is given twice (also as {shown(path + first)}); "
                    "keys are matched without regard to case"
                )
    return members
