"""W3C Trace Context: the headers `traceparent` and `tracestate`, read and written. Pure.

https://www.w3.org/TR/trace-context/ speaks of HTTP. In AMQP the two are headers of these very names that hold
text (https://w3c.github.io/trace-context-amqp/ is a draft of the same).

What a stranger wrote goes into the head of an HTTP request: nothing leaves here but printable ASCII on one
line.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

PARENT: Final = "traceparent"
STATE: Final = "tracestate"

# "Version ff is invalid", and so are ids of zeros. A higher version is read by its first 55 characters, if
# what follows begins with a dash (3.2.2, and 4.3 "Versioning of traceparent").
_PARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
_THIS_VERSION: Final = "00"
_SAMPLED: Final = 0x01

# 3.3.1.3.1: a simple key, or one of a tenant of a system.
_KEY: Final = r"[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
_VALUE: Final = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER: Final = re.compile(f"({_KEY})={_VALUE}")

LONGEST_PARENT: Final = 512
"""Characters of a traceparent of some later version that is looked at."""

LONGEST_STATE: Final = 512
"""Characters of a tracestate that is passed on: what 3.3.1.5 asks everybody to bear, and no more."""

MOST_MEMBERS: Final = 32
"""List-members of a tracestate (3.3.1.1)."""


class TraceContext(NamedTuple):
    """A trace context as it is passed on: both are fit for a header of any protocol."""

    parent: str
    state: str | None = None

    @property
    def trace_id(self) -> str:
        """The id of the trace, 32 hex digits."""
        return self.parent[3:35]

    def write(self, headers: dict[str, Any]) -> None:
        """Put it into a message's headers, in place of another."""
        headers[PARENT] = self.parent
        if self.state is None:
            headers.pop(STATE, None)
        else:
            headers[STATE] = self.state


def read(headers: Mapping[str, Any]) -> TraceContext | None:
    """Return the context in a message's headers, None without a `traceparent` that can be used.

    One of version 00 is returned as it came; one of a later version in the form of 00, as 4.3 asks.
    A tracestate that is malformed or too long is left out: "failure to parse tracestate MUST NOT affect
    the parsing of traceparent" (3.3).
    """
    given = headers.get(PARENT)
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > LONGEST_PARENT:
        return None
    match = _PARENT.fullmatch(given)
    if match is None:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    if version != _THIS_VERSION:
        given = f"{_THIS_VERSION}-{trace_id}-{parent_id}-{int(flags, 16) & _SAMPLED:02x}"
    elif rest is not None:
        return None
    return TraceContext(given, _state(headers.get(STATE)))


def _state(given: object) -> str | None:
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_STATE:
        return None
    # "Empty list members are allowed", and so is white space around them.
    members = [member for one in given.split(",") if (member := one.strip(" \t"))]
    if not 0 < len(members) <= MOST_MEMBERS:
        return None
    keys = set()
    for member in members:
        match = _MEMBER.fullmatch(member)
        if match is None:
            return None
        keys.add(match[1])
    # "Only one entry per key is allowed": which of two counts is not for the bridge to say.
    return given if len(keys) == len(members) else None
