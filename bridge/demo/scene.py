"""One exchange of the demonstration: what is published, and what the contract says must come back."""

from dataclasses import dataclass, field
from typing import Literal

from bridge.demo.expectation import Containing, Expected, Matching
from bridge.jsontypes import JsonObject

RETRYABLE = frozenset({"REQUEST_EXPIRED", "LCM_UNAVAILABLE", "LCM_TIMEOUT", "INTERNAL_ERROR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A call of the simulator's control API, made before the request is published."""

    method: Literal["POST", "PUT", "DELETE"]
    path: str
    body: JsonObject = field(default_factory=dict)
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One request and its expected reply.

    `request` is published as it stands (str: in UTF-8; bytes: as they are). `deadline_in` is the
    deadline in seconds from now. `cache` is what the reply's header x-bridge-cache must say, None: it is
    absent. `reply` says where the reply is asked to go; with `none` the answer is expected as an event.
    `event` means that the reply must also reach the events exchange, `dead_letter` that the request must
    lie among the dead letters under that reason.
    """

    title: str
    note: str = ""
    request: str | bytes
    routing_key: str
    expected: Expected
    error_type: str | None = None
    cache: Literal["hit", "miss", "stale"] | None = None
    deadline_in: float | None = None
    reply: Literal["queue", "direct", "none"] = "queue"
    event: bool = False
    dead_letter: str | None = None
    before: tuple[Control, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Scenes that belong together."""

    title: str
    scenes: tuple[Scene, ...]


def reply_of(
    subtopic: str, message: Expected, *, channel: str = "LCM", topic: str = "WebService"
) -> Expected:
    """Describe a reply envelope."""
    return {"channel": channel, "topic": topic, "subtopic": subtopic, "message": message}


def failure_of(subtopic: str, error_type: str, says: str = ".", *fields: str, msg: str = ".") -> Expected:
    """Describe a failure on the operation's normal reply subtopic; `fields` must be among its details."""
    response: dict[str, Expected] = {
        "success": False,
        "errorType": error_type,
        "errorMessage": Matching(says),
        "msg": Matching(msg),
        "retryable": error_type in RETRYABLE,
    }
    if error_type == "INVALID_DATA":
        problem = Matching(".")
        response["details"] = Containing(tuple({"field": name, "problem": problem} for name in fields))
    return reply_of(subtopic, {"response": response})


def error_event(error_type: str, says: str, *, channel: str = "LCM") -> Expected:
    """Describe the vendor's error event, for a request whose operation cannot be told."""
    return {
        "channel": channel,
        "topic": "Error",
        "subtopic": "ApiError",
        "data": {
            "errorType": error_type,
            "errorMessage": Matching(says),
            "msg": Matching("."),
            "retryable": error_type in RETRYABLE,
        },
    }
