"""What a log line goes through, from the event to standard output."""

import io
import logging
import sys
import time
from typing import BinaryIO, Final, TextIO, cast

import structlog

from bridge.logs import console
from bridge.logs.flow import Flow
from bridge.logs.lines import (
    OURS,
    Beginning,
    Bounded,
    as_json,
    as_json_text,
    leveled,
    of_a_library,
    with_traceback,
)
from bridge.logs.masking import Presentable
from bridge.logs.output import LibraryHandler, Output
from bridge.settings import Log

LIBRARIES_OF_MESSAGES: Final = ("aiormq", "pamqp")
"""The loggers that are silenced."""

_flows: Final[list[Flow]] = []


def configure(settings: Log) -> None:
    """Set up structlog and standard logging for the process."""
    json = settings.format == "json"
    flow = Flow(_tell_left_out, time.monotonic)
    _flows[:] = [flow]
    shared: list[structlog.typing.Processor] = [
        with_traceback,
        Presentable(masked=settings.mask, ours=OURS),
        leveled,
    ]
    text = as_json_text if json else console.renderer(colours=sys.stdout.isatty())
    renderer: structlog.typing.Processor = text
    file = cast("TextIO", Output(sys.stdout))
    output: structlog.PrintLoggerFactory | structlog.BytesLoggerFactory = structlog.PrintLoggerFactory(file)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What cannot be encoded is escaped: a log line never fails a request.
        sys.stdout.reconfigure(errors="backslashreplace")
        if json:  # as bytes, written at once
            renderer, output = (
                as_json,
                structlog.BytesLoggerFactory(cast("BinaryIO", Output(sys.stdout.buffer))),
            )
    level = getattr(logging, settings.level)
    structlog.configure(
        processors=[Beginning(flow), *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=output,
        cache_logger_on_first_use=True,
    )
    handler = LibraryHandler(file)
    handler.addFilter(Bounded(flow))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[of_a_library, *shared], processors=[text])
    )
    # At every level: what libraries say at DEBUG quotes what they send and get.
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    # What happens to connections and channels is told by `bridge.bus`, once and with what comes next;
    # and what libraries say of messages holds their bodies, or the names that a stranger gave headers.
    for library in LIBRARIES_OF_MESSAGES:
        logging.getLogger(library).setLevel(logging.CRITICAL)


def configure_for_a_command() -> None:
    """Set up the log of a command, which says by itself what it does: errors only, for a person."""
    configure(Log(level="ERROR", format="console"))


def end() -> None:
    """Tell what was left out and would not be told any more."""
    for flow in _flows:
        flow.end()


def _tell_left_out(name: str, count: int) -> None:
    # Of the present configuration: one that is kept would write where an earlier one did.
    log = structlog.get_logger(__name__)
    log.warning(
        "log.left_out", of=name, suppressed=count, next="none: lines of an event are bounded per second"
    )
