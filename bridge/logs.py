"""Logs: structlog, one JSON line per event on standard output, or a console form for people.

Libraries that use standard logging come out of the same pipe.
"""

import io
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import IO, Any, BinaryIO, TextIO, cast

import orjson
import structlog

from bridge.case import noted
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

_SUSPECT = PERSONAL | _FREE_TEXT

_SIMPLE = (str, int, float)
"""Types in which nothing else can be nested."""

_LONGEST = 8000
"""Characters of one value; a stack trace is the longest that is meant to be there."""

_DEEPEST = 4
"""Levels of a logged value that are looked into; what lies deeper is not shown."""


def mask(text: str) -> str:
    """Keep the last two characters of a phone number or agent id: enough to compare, not to call."""
    return f"***{text[-2:]}" if len(text) > 4 else "***"  # noqa: PLR2004 - a short one would show too much


def mask_text(text: str) -> str:
    """Mask phone numbers and agent ids in a text that anybody may have written."""
    if "@" in text:
        text = _ADDRESS.sub(lambda match: mask(match.group()), text)
    return _NUMBER.sub(lambda match: _mask_number(match.group()), text)


def _mask_number(text: str) -> str:
    # The node that does not answer is what the person on call wants to read.
    try:
        return str(IPv4Address(text))
    except ValueError:
        return mask(text)


def _masked(key: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - anything may be logged
    if key in PERSONAL and value is not None:
        return mask(str(value))
    if isinstance(value, str) and key in _FREE_TEXT:
        return mask_text(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth == 0:
        return "***"
    if isinstance(value, Mapping):
        return {name: _masked(str(name), one, depth - 1) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, one, depth - 1) for one in value]
    return value


def hide_log_ins(text: str) -> str:
    """Hide the passwords in URLs, which libraries put into what they say."""
    return _LOG_IN.sub(r"\1***@", text)


class _Presentable:
    """Makes what is logged fit to be read, in one pass, since every request writes a line.

    What is None is left out, log-ins are hidden, long texts are cut. With ``masked``, phone numbers and
    agent ids are masked.
    """

    def __init__(self, *, masked: bool) -> None:
        self._masked = masked

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
        shown = {}
        for key, given in event.items():
            if given is None:
                continue
            value = given
            if isinstance(given, str) and ("://" in given or len(given) > _LONGEST):
                value = _cut(hide_log_ins(given))
            if self._masked and (key in _SUSPECT or not isinstance(given, _SIMPLE)):
                value = _masked(key, value, _DEEPEST)
            shown[key] = value
        return shown


def _cut(text: str) -> str:
    """Cut a long text: what others sent is quoted, and a line is for reading."""
    if len(text) <= _LONGEST:
        return text
    # The end of a stack trace is what names the error.
    head, tail = text[: _LONGEST // 2], text[-_LONGEST // 2 :]
    return f"{head} ... ({len(text)} characters) ... {tail}"


class _Output:
    """A file that takes what it can: a full disk, or a pipe that nobody reads, must not fail a request.

    A line that is logged between a call of LCM and its recording would. Standard error is told, once.
    """

    def __init__(self, file: IO[Any]) -> None:
        self._file = file
        self._told = False

    def write(self, line: Any) -> None:  # noqa: ANN401 - text or bytes, as the file takes it
        """Write a line."""
        try:
            self._file.write(line)
        except OSError as error:
            self._tell(error)

    def flush(self) -> None:
        """Bring it out."""
        try:
            self._file.flush()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            with suppress(OSError):
                sys.stderr.write(f"log lines are lost: {error}\n")
                sys.stderr.flush()


def configure(settings: Log) -> None:
    """Set up structlog and standard logging for the process."""
    json = settings.format == "json"
    shared: list[structlog.typing.Processor] = [
        _of_the_request,
        structlog.processors.format_exc_info,
        _Presentable(masked=settings.mask),
        structlog.processors.add_log_level,
        _stamp if json else structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    text = _json_text if json else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    renderer: structlog.typing.Processor = text
    output: Callable[..., structlog.typing.WrappedLogger] = structlog.PrintLoggerFactory(
        cast("TextIO", _Output(sys.stdout))
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What cannot be encoded is escaped: a log line never fails a request.
        sys.stdout.reconfigure(errors="backslashreplace")
        if json:  # as bytes, written at once
            renderer, output = (
                _json,
                structlog.BytesLoggerFactory(cast("BinaryIO", _Output(sys.stdout.buffer))),
            )
    level = getattr(logging, settings.level)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=output,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, text],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    # What happens to connections and channels is told by `bridge.bus`, once and with what comes next;
    # and what aiormq says of messages holds their bodies.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def _of_the_request(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    return {**noted(), **event}


def _stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
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
