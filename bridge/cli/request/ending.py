"""How a request ended: what is told of it, and the exit code."""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from bridge import exitcodes
from bridge.advice import ADVICE
from bridge.failures import OutcomeUnknown
from bridge.headers import CACHE, ERROR_TYPE, REPLAYED, STATUS

if TYPE_CHECKING:
    from bridge.cli.request.sending import Sent

_ACTIONS: Final = {kind.error_type: advice.action for kind, advice in ADVICE.items()}


class Exit(IntEnum):
    """Exit codes, for scripts: what may be done next differs."""

    SUCCESS = exitcodes.DONE
    FAILURE = exitcodes.FAILED
    WRONG_USAGE = exitcodes.WRONG_USAGE
    RETRYABLE = 3
    OUTCOME_UNKNOWN = 4
    NO_REPLY = 5
    NOT_SENT = 6
    INTERRUPTED = exitcodes.INTERRUPTED


def exit_code(body: object, headers: Mapping[str, Any]) -> Exit:
    """Return how a reply ends the command."""
    if headers.get(STATUS) == "ok":
        return Exit.SUCCESS
    if headers.get(ERROR_TYPE) == OutcomeUnknown.error_type:
        return Exit.OUTCOME_UNKNOWN
    return Exit.RETRYABLE if _failure(body).get("retryable") is True else Exit.FAILURE


def last_line(sent: "Sent", operation: str, ids: str) -> str:
    """Return one line about the outcome, the times, and after a failure what to do.

    ``ids`` are the request's, for whoever must look what became of it.
    """
    confirmed = f"confirmed after {_milliseconds(sent.confirmed)}"
    if sent.headers is None or sent.replied is None:
        return f"ok: {confirmed}; {operation} is never answered"
    told = [f"{confirmed}, reply after {_milliseconds(sent.replied)}"]
    if cache := sent.headers.get(CACHE):
        told.append(f"cache: {cache}")
    if sent.headers.get(REPLAYED):
        told.append("the stored reply of an earlier request with this key")
    status = str(sent.headers.get(ERROR_TYPE) or sent.headers.get(STATUS))
    if status in _ACTIONS:
        told.append(_ACTIONS[status])
    if status == OutcomeUnknown.error_type:
        told.append(ids)
    return f"{status}: {'; '.join(told)}"


def pretty(value: object) -> str:
    """Return a value as indented JSON, with a line's end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"  # a relay's integers know no bounds


def _failure(body: object) -> Mapping[str, Any]:
    """Return what a failure reply, or the error event, says; nothing of what is neither."""
    if isinstance(body, dict):
        for path in (("message", "response"), ("data",)):
            part: Any = body
            for name in path:
                part = part.get(name) if isinstance(part, dict) else None
            if isinstance(part, dict):
                return part
    return {}


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
