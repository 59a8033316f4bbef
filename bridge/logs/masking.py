"""What a log line must not show: passwords in URLs always, phone numbers and agent ids with ``log.mask``."""

import re
from collections.abc import Mapping, MutableMapping
from ipaddress import IPv4Address
from typing import Any, Final

from bridge.case import kept_private
from bridge.quotes import mask
from bridge.urls import HIDDEN, without_password

# Blanks of any kind (pasted numbers hold U+00A0), but not over the end of a line; bars are in LCM's keys.
_NUMBER: Final = re.compile(r"\+?\d(?:[^\S\r\n]|[\d().|\-\u2010-\u2015]){4,}\d")
_WORD: Final = re.compile(r"\S+")
_LAST_WORD: Final = re.compile(r"(?<!\S)\S+\Z")
_NEXT_URL: Final = re.compile(r",(?=[A-Za-z][A-Za-z0-9+.-]{0,31}://)")
_NOT_OF_A_NAME: Final = re.compile(r"[^\w.-]")
_NAME_AFTER: Final = re.compile(r"-?[^\W\d]|\.[a-z][a-z0-9-]*\.[a-z]")
_ADDRESS: Final = re.compile(r"[^\s@,;:'\"]{1,128}@[^\s@,;:'\"]{1,255}")

_UUID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_UUID_CHARS: Final = 36

_HIDDEN: Final = f"{HIDDEN}@"
"""What stands in the place of a password in a URL."""

PERSONAL: Final = frozenset({"agent", "phone", "account"})
"""Keys whose value is masked whatever it looks like."""

_OURS: Final = frozenset(
    {
        *(
            "operation",
            "correlation_id",
            "message_id",
            "queue",
            "trace_id",
            "outcome",
            "cache",
            "dead_letter",
        ),
        *("level", "timestamp", "logger", "next", "version", "admin", "node", "connection", "record"),
        *("settings", "reason", "reply", "to"),
    }
)
"""Keys whose text is the bridge's own, or an id by which a request is found."""

_NUMBERS: Final = (int, float)

_FEWEST_DIGITS: Final = 6
"""Digits of a number that is taken for a phone number."""

_LONGEST: Final = 8000
"""Characters of one value; a stack trace is the longest that is meant to be there."""

_LONGEST_DELAY: Final = 8
"""Digits of a number in the name of a delayed queue: more milliseconds than a day has."""

_LONGEST_NAME: Final = 80
"""Characters of a name that are looked at before a number in it."""

_LONGEST_ESCAPE: Final = 6
"""Characters of an escaped one."""

_DEEPEST: Final = 4
"""Levels of a logged value that are looked into; what lies deeper is not shown."""

_EVENT: Final = re.compile(r"[a-z_]+\.[a-z_]+")
"""The name of an event of the bridge: nobody else's text looks like it."""


def mask_text(text: str) -> str:
    """Mask phone numbers, LCM's keys, and agent ids that are addresses, in what anybody may have written."""
    if "@" in text:
        text = _ADDRESS.sub(lambda match: _mask_address(match.group()), text)
    return _NUMBER.sub(_mask_number, text)


def _mask_address(text: str) -> str:
    return (
        text if text.startswith(_HIDDEN) else mask(text)
    )  # the host is what the person on call wants to read


def _mask_number(match: re.Match[str]) -> str:
    text = match[0]
    if "|" not in text and sum(char.isdigit() for char in text) < _FEWEST_DIGITS:
        return text  # a version, a time of day
    if _is_in_a_name(match):
        return text
    # The node that does not answer is what the person on call wants to read.
    return text if _is_address(text) else mask(text)


def _is_in_a_name(match: re.Match[str]) -> bool:
    """Tell whether the digits are a part of a host's or queue's name, or of an id, and no phone number's."""
    around, (start, end) = match.string, match.span()
    before = around[max(0, start - _LONGEST_NAME) : start]
    # No further than one that begins with the number, or each number would be as dear as the text is long.
    ids = _UUID.finditer(around, start - len(before), start + _UUID_CHARS + 1)
    if any(id_.start() <= start and end <= id_.end() for id_ in ids):
        return True
    if "\\" in before[-_LONGEST_ESCAPE:]:  # an escaped character ends in letters
        return False
    if not match[0].isdecimal() and not _is_address(match[0].replace("-", ".")):
        return False
    if before[-1:] == ".":
        # One dot is not enough: people write Tel.030 and forget the blank after a full stop.
        labels = _NOT_OF_A_NAME.split(before)[-1].split(".")
        # A delay, in milliseconds; the last label is empty.
        return len(match[0]) <= _LONGEST_DELAY and len(labels) > 2 and labels[0][:1].isalpha()  # noqa: PLR2004
    if match[0].isdecimal() and len(match[0]) > _FEWEST_DIGITS:
        return False
    touching = before[-2:-1] if before[-1:] == "-" else before[-1:]
    return touching.isalpha() or touching == "_" or _NAME_AFTER.match(around, end) is not None


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def hide_log_ins(text: str) -> str:
    """Hide the passwords in URLs, which libraries put into what they say; of several with commas, in each."""
    if "://" not in text or "@" not in text:
        return text
    return _WORD.sub(lambda word: ",".join(map(without_password, _NEXT_URL.split(word[0]))), text)


class Presentable:
    """Makes what is logged fit to be read, in one pass, since every request writes a line.

    What is None is left out, log-ins are hidden, long texts are cut. With ``masked``, phone numbers and
    agent ids are masked, and whatever else a line quotes of its request's data, such as names: LCM's faults
    repeat what they were given. Events that begin with one of ``ours`` tell of no strangers: of their lines
    only what is quoted is masked, unless they have a traceback, which may hold anything.
    """

    def __init__(self, *, masked: bool, ours: tuple[str, ...] = ()) -> None:
        self._masked = masked
        self._ours = ours

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
        """Return the event as it is shown."""
        shown: dict[str, Any] = {}
        strangers = self._masked and not self._is_ours(event)
        for key, given in event.items():
            kind = type(given)
            if kind is str:
                if key in _OURS and len(given) <= _LONGEST and "://" not in given:
                    shown[key] = given  # as `_text` would, without the call: these are most of a line
                else:
                    shown[key] = self._text(key, given, strangers=strangers)
            elif given is None:
                continue
            elif kind is float or kind is bool or (kind is int and key not in PERSONAL):
                shown[key] = given
            else:
                shown[key] = self._inside(key, given, _DEEPEST, strangers=strangers)
        return shown

    def _is_ours(self, event: Mapping[str, Any]) -> bool:
        name = event["event"]
        return (
            name != "request.settled"  # which every request has
            and isinstance(name, str)
            and name.startswith(self._ours)
            and not ("exception" in event or "logger" in event)
        )

    def _text(self, key: str, text: str, *, strangers: bool) -> str:
        text = hide_log_ins(_cut(text))
        if not self._masked or key in _OURS:
            return text
        if key in PERSONAL:
            return mask(text)
        if key == "event" and _EVENT.fullmatch(text):
            return text
        if key != "source" and (said := kept_private()) is not None:  # a source stands on every line
            text = said.masked_in(text)
        return mask_text(text) if strangers else text

    def _inside(self, key: str, value: Any, depth: int, *, strangers: bool) -> Any:  # noqa: ANN401 - anything may be logged
        if self._masked and key in PERSONAL and value is not None:
            return mask(str(value))
        if value is None or isinstance(value, _NUMBERS):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return f"({len(value)} bytes)"  # a body, or a part of one
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._nested(key, value, depth - 1, strangers=strangers) if depth else "***"
        # An error, or another thing of which only the text says anything.
        return self._text(key, str(value), strangers=strangers)

    def _nested(self, key: str, value: Any, depth: int, *, strangers: bool) -> Any:  # noqa: ANN401 - anything may be logged
        if not isinstance(value, Mapping):
            return [self._inside(key, one, depth, strangers=strangers) for one in value]
        ours = key if key in _OURS else ""
        return {
            self._text(ours, str(name), strangers=strangers): self._inside(
                ours or str(name), one, depth, strangers=strangers
            )
            for name, one in value.items()
        }


def _cut(text: str) -> str:
    """Cut a long text: what others sent is quoted, and a line is for reading."""
    if len(text) <= _LONGEST:
        return text
    # The end of a stack trace is what names the error. Of a log-in that is cut in two nothing is left.
    head, tail = text[: _LONGEST // 2], text[-_LONGEST // 2 :]
    last, first = _LAST_WORD.search(head), _WORD.match(tail)
    if last and "://" in last[0]:
        head = head[: last.start() + last[0].index("://")]
    if first and "@" in first[0]:
        tail = tail[first[0].rindex("@") :]
    return f"{head} ... ({len(text)} characters) ... {tail}"
