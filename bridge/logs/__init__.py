"""Logs: structlog, one JSON line per event on standard output, or a console form for people.

Libraries that use standard logging come out of the same pipe, as do warnings and errors that nobody caught.
"""

import asyncio
import io
import logging
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Final, TextIO, cast

import orjson
import structlog

from bridge.case import noted
from bridge.logs import console
from bridge.logs.flow import Flow
from bridge.logs.masking import PERSONAL, Presentable, hide_log_ins, mask_text
from bridge.logs.output import LibraryHandler, Output
from bridge.quotes import mask
from bridge.settings import Log

__all__ = ["PERSONAL", "configure", "end", "hear_all", "hide_log_ins", "mask", "mask_text"]

_OURS: Final = (
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
    *(*_OURS, "lcm.listener", "python.", "ledger.leases_not_renewed", "ledger.record_forgotten"),
    "contact_cache.skip_forgotten",
)
"""What events begin with that are about those, or another request.

They carry no ids of the request that happened to notice.
"""


def configure(settings: Log) -> None:
    """Set up structlog and standard logging for the process."""
    json = settings.format == "json"
    flow = Flow(_tell_left_out, time.monotonic)
    _flows[:] = [flow]
    shared: list[structlog.typing.Processor] = [
        _with_traceback,
        Presentable(masked=settings.mask, ours=_OURS),
        _leveled,
    ]
    text = _json_text if json else console.renderer(colours=sys.stdout.isatty())
    renderer: structlog.typing.Processor = text
    file = cast("TextIO", Output(sys.stdout))
    output: Callable[..., structlog.typing.WrappedLogger] = structlog.PrintLoggerFactory(file)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What cannot be encoded is escaped: a log line never fails a request.
        sys.stdout.reconfigure(errors="backslashreplace")
        if json:  # as bytes, written at once
            renderer, output = (
                _json,
                structlog.BytesLoggerFactory(cast("BinaryIO", Output(sys.stdout.buffer))),
            )
    level = getattr(logging, settings.level)
    structlog.configure(
        processors=[_Beginning(flow), *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=output,
        cache_logger_on_first_use=True,
    )
    handler = LibraryHandler(file)
    handler.addFilter(_Bounded(flow))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[_of_a_library, *shared], processors=[text])
    )
    # At every level: what libraries say at DEBUG quotes what they send and get.
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    # What happens to connections and channels is told by `bridge.bus`, once and with what comes next;
    # and what aiormq says of messages holds their bodies.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def hear_all() -> None:
    """Have warnings, and errors that nobody catches, logged too. In the event loop that runs."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    asyncio.get_running_loop().set_exception_handler(_asyncio_fault)


def _log() -> Any:  # noqa: ANN401 - structlog's own
    """Return a logger of the present configuration: one that is kept would write where an earlier one did."""
    return structlog.get_logger(__name__)


def end() -> None:
    """Tell what was left out and would not be told any more."""
    for flow in _flows:
        flow.end()


# --- errors that nobody caught ------------------------------------------------------------------


def _asyncio_fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # asyncio's own handler writes out the objects that it is about, and what they hold.
    error = context.get("exception")
    # Of a callback asyncio also says with which arguments, such as bytes of a body; uvloop says its handle.
    message = str(context.get("message")).partition("(")[0]
    _log().error(
        "python.task_fault",
        error=_named(error),
        message=message,
        task=_name(context.get("task") or context.get("future")),
        exc_info=error,
        next="a fault of the bridge: report it; the worker goes on",
    )


def _named(error: BaseException | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"


def _name(task: object) -> str | None:
    return task.get_name() if isinstance(task, asyncio.Task) else None


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, Exception):  # Ctrl-C
        sys.__excepthook__(kind, error, trace)
        return
    _log().critical(
        "worker.crashed",
        error=_named(error),
        exc_info=error,
        next="a fault of the bridge: report it; the process ends",
    )


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    _log().error(
        "python.thread_fault",
        error=_named(args.exc_value),
        thread=args.thread.name if args.thread else None,
        exc_info=args.exc_value,
        next="a fault of the bridge: report it; the worker goes on",
    )


def _unraisable(args: Any) -> None:  # noqa: ANN401 - its type stands in no module
    _log().error(
        "python.clean_up_fault",
        error=_named(args.exc_value),
        exc_info=args.exc_value,
        next="a fault in the clean-up of an object: report it; the worker goes on",
    )


# --- what becomes of an event -------------------------------------------------------------------

_flows: Final[list[Flow]] = []


def _tell_left_out(name: str, count: int) -> None:
    _log().warning(
        "log.left_out", of=name, suppressed=count, next="none: lines of an event are bounded per second"
    )


class _Beginning:
    """What comes first for each line of the bridge: whether it is told, and whose it is."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
        name = event["event"]
        if name == "request.settled":  # the one that every request has
            return {**noted(), **event}
        left_out = self._flow.admit(str(name))
        if left_out is None:
            raise structlog.DropEvent
        if left_out:
            event["suppressed"] = left_out
        return event if str(name).startswith(APART) else {**noted(), **event}


class _Bounded(logging.Filter):
    """The same bound for libraries, by their loggers."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self._flow = flow

    def filter(self, record: logging.LogRecord) -> bool:
        left_out = self._flow.admit(f"logger {record.name}")
        if left_out:
            record.suppressed = left_out
        return left_out is not None


def _of_a_library(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    record: logging.LogRecord = event.pop("_record")
    del event["_from_structlog"]
    left_out = getattr(record, "suppressed", None)
    return {**noted(), "logger": record.name, "suppressed": left_out, **event}


def _with_traceback(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    return structlog.processors.format_exc_info(_, method, event) if "exc_info" in event else event


def _leveled(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    event["level"] = "error" if method == "exception" else "warning" if method == "warn" else method
    event["timestamp"] = datetime.now(UTC)  # orjson makes a text of it much faster than isoformat()
    return event


def _json(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:  # noqa: ANN401 - structlog's own signature
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    except TypeError:  # half a surrogate pair, a number beyond 64 bits, a value that holds itself
        return orjson.dumps({str(key): _plain(value) for key, value in event.items()})


def _json_text(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ANN401 - structlog's own signature
    return _json(logger, method, event).decode()


def _plain(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text.encode(errors="backslashreplace").decode()
