"""Warnings, and errors that nobody caught: each is a line of the log, too."""

import asyncio
import logging
import sys
import threading
from types import TracebackType
from typing import Any

import structlog


def hear_all() -> None:
    """Have warnings, and errors that nobody catches, logged too. In the event loop that runs."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    asyncio.get_running_loop().set_exception_handler(_asyncio_fault)


def _log() -> Any:  # noqa: ANN401 - structlog's own
    """Return a logger of the present configuration, not of an earlier one."""
    return structlog.get_logger(__name__)


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
