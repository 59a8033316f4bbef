"""Logs: structlog, one JSON line per event on standard output, or a console form for people.

Libraries that use standard logging come out of the same pipe.
"""

import io
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from ipaddress import IPv4Address
from typing import Any

import orjson
import structlog

from bridge.settings import Log

# Blanks of any kind (pasted numbers hold U+00A0), but not over the end of a line.
_NUMBER = re.compile(r"\+?\d(?:[^\S\r\n]|[\d().\-\u2010-\u2015]){4,}\d")
# Bounded, so that no text takes time that grows with the square of its length.
_LOG_IN = re.compile(r"(://[^\s:/@]{0,256}:)\S{0,256}@")
_ADDRESS = re.compile(r"[^\s@,;:'\"]{1,128}@[^\s@,;:'\"]{1,255}")

PERSONAL = frozenset({"agent", "phone", "account"})
"""Keys whose value is masked whatever it looks like."""

_FREE_TEXT = frozenset({"error", "event", "exception", "source", "message", "reply_to"})
"""Keys whose text may quote what a stranger or LCM wrote."""


_LONGEST = 8000
"""Characters of one value; a stack trace is the longest that is meant to be there."""

_DEEPEST = 4
"""Levels of a logged value that are looked into; what lies deeper is not shown."""


def mask(text: str) -> str:
    """Keep the last two characters of a phone number or agent id: enough to compare, not to call."""
    return f"***{text[-2:]}" if len(text) > 4 else "***"  # noqa: PLR2004 - a short one would show too much


def _mask_text(text: str) -> str:
    if "@" in text:
        text = _ADDRESS.sub(lambda match: mask(match.group()), text)
    return _NUMBER.sub(lambda match: _mask_number(match.group()), text)


def _mask_number(text: str) -> str:
    # The node that does not answer is what the person on call wants to read.
    try:
        return str(IPv4Address(text))
    except ValueError:
        return mask(text)


def mask_personal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Mask phone numbers and agent ids in what is about to be logged."""
    for key, value in event.items():
        event[key] = _masked(key, value, _DEEPEST)
    return event


def _masked(key: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - anything may be logged
    if key in PERSONAL and value is not None:
        return mask(str(value))
    if isinstance(value, str) and key in _FREE_TEXT:
        return _mask_text(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth == 0:
        return "***"
    if isinstance(value, Mapping):
        return {name: _masked(str(name), one, depth - 1) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, one, depth - 1) for one in value]
    return value


def hide_log_ins(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Hide passwords in URLs, which libraries put into what they say: also where nothing else is masked."""
    for key, value in event.items():
        if isinstance(value, str) and "://" in value:
            event[key] = _LOG_IN.sub(r"\1***@", value)
    return event


def configure(settings: Log) -> None:
    """Set up structlog and standard logging for the process."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What cannot be encoded is escaped: a log line never fails a request.
        sys.stdout.reconfigure(errors="backslashreplace")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_empty,
        hide_log_ins,
        _bound,
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
    # What happens to connections and channels is told by `bridge.bus`, once and with what comes next;
    # and what aiormq says of messages holds their bodies.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def _drop_empty(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    return {key: value for key, value in event.items() if value is not None}


def _bound(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Cut long texts: what others sent is quoted, and a line is for reading."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > _LONGEST:
            # The end of a stack trace is what names the error.
            head, tail = value[: _LONGEST // 2], value[-_LONGEST // 2 :]
            event[key] = f"{head} ... ({len(value)} characters) ... {tail}"
    return event


def _json(event: Any, **_: Any) -> str:  # noqa: ANN401 - structlog's own signature
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, a number beyond 64 bits, a value that holds itself
        return orjson.dumps({str(key): _plain(value) for key, value in event.items()}).decode()


def _plain(value: object) -> str:
    return str(value).encode(errors="backslashreplace").decode()
