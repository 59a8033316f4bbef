"""What becomes of an event on its way to a line: is it told, whose is it, when was it, how is it written."""

import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog

from bridge.case import noted
from bridge.logs.flow import Flow

OURS: Final = (
    *(
        "amqp.",
        "brake.",
        "consumer.",
        "credentials.",
        "lcm.breaker",
        "log.",
        "publisher.",
        "queue.",
        "redis.",
    ),
    *("topology.", "tracing.", "worker."),
)
"""What events begin with that are about a dependency or the process: no requester gets a text there."""

APART: Final = (
    *(*OURS, "lcm.listener", "python.", "ledger.leases_not_renewed", "ledger.record_forgotten"),
    "contact_cache.skip_forgotten",
)
"""What events begin with that are about those, or another request.

They carry no ids of the request that happened to notice.
"""


class Beginning:
    """What comes first for each line of the bridge: whether it is told, and whose it is."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
        """Return the event with the ids of its request. Raises `structlog.DropEvent`."""
        name = event["event"]
        if name == "request.settled":  # the one that every request has
            return {**noted(), **event}
        left_out = self._flow.admit(str(name))
        if left_out is None:
            raise structlog.DropEvent
        if left_out:
            event["suppressed"] = left_out
        return event if str(name).startswith(APART) else {**noted(), **event}


class Bounded(logging.Filter):
    """The same bound for libraries, by their loggers."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self._flow = flow

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line is told, and note how many were not."""
        left_out = self._flow.admit(f"logger {record.name}")
        if left_out:
            record.suppressed = left_out
        return left_out is not None


def of_a_library(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Say which logger a line of a library is from, and stand it among those of its request."""
    record: logging.LogRecord = event.pop("_record")
    del event["_from_structlog"]
    left_out = getattr(record, "suppressed", None)
    return {**noted(), "logger": record.name, "suppressed": left_out, **event}


def with_traceback(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Write out the error that a line is about."""
    return structlog.processors.format_exc_info(_, method, event) if "exc_info" in event else event


def leveled(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Add level and time."""
    event["level"] = "error" if method == "exception" else "warning" if method == "warn" else method
    event["timestamp"] = datetime.now(UTC)  # orjson makes a text of it much faster than isoformat()
    return event


def as_json(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:  # noqa: ANN401 - structlog's own signature
    """Write a line as bytes of JSON, whatever it holds."""
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    except TypeError:  # half a surrogate pair, a number beyond 64 bits, a value that holds itself
        return orjson.dumps({str(key): _plain(value) for key, value in event.items()})


def as_json_text(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ANN401 - structlog's own signature
    """Write the same as text."""
    return as_json(logger, method, event).decode()


def _plain(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text.encode(errors="backslashreplace").decode()
