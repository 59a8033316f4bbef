"""Logs: structlog, one JSON line per event on standard output, or a console form for people.

Libraries that use standard logging come out of the same pipe.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from bridge.settings import Log

_NUMBER = re.compile(r"\+?\d[\d ().\-]{4,}\d")
_IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_ADDRESS = re.compile(r"[^\s@,;:'\"]+@[^\s@,;:'\"]+")

PERSONAL = frozenset({"agent", "phone", "account"})
"""Keys whose value is masked whatever it looks like."""

_FREE_TEXT = frozenset({"error", "event", "exception", "source", "message"})
"""Keys whose text may quote what a stranger or LCM wrote."""


def mask(text: str) -> str:
    """Keep the last two characters of a phone number or agent id: enough to compare, not to call."""
    return f"***{text[-2:]}" if len(text) > 4 else "***"  # noqa: PLR2004 - a short one would show too much


def _mask_text(text: str) -> str:
    text = _ADDRESS.sub(lambda match: mask(match.group()), text)
    return _NUMBER.sub(lambda match: _mask_number(match.group()), text)


def _mask_number(text: str) -> str:
    # The node that does not answer is what the person on call wants to read.
    return text if _IP_ADDRESS.fullmatch(text) else mask(text)


def mask_personal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Mask phone numbers and agent ids in what is about to be logged."""
    for key, value in event.items():
        if isinstance(value, str):
            if key in PERSONAL:
                event[key] = mask(value)
            elif key in _FREE_TEXT:
                event[key] = _mask_text(value)
    return event


def configure(settings: Log) -> None:
    """Set up structlog and standard logging for the process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_empty,
    ]
    if settings.mask:
        shared.append(mask_personal)
    renderer: structlog.typing.Processor
    if settings.format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    level = getattr(logging, settings.level)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    # Every lost or refused connection is told of by `bridge.bus`, once and with what comes next.
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)


def _drop_empty(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    return {key: value for key, value in event.items() if value is not None}


def _json(event: Any, **_: Any) -> str:  # noqa: ANN401 - structlog's own signature
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
