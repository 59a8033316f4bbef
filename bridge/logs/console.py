"""Log lines for people: what happened first, then how and why, the ids last."""

from collections.abc import MutableMapping
from datetime import datetime
from typing import Any, Final

import structlog
from structlog.dev import BRIGHT, CYAN, DIM, GREEN, MAGENTA, RED, RESET_ALL, YELLOW, Column

_LEVELS: Final = {
    "debug": ("debug", DIM),
    "info": ("info", GREEN),
    "warning": ("WARN", YELLOW),
    "error": ("ERROR", RED),
    "critical": ("FATAL", RED + BRIGHT),
}
_FIRST: Final = ("operation", "outcome", "error", "lcm_error", "next", "seconds", "cache", "attempt")
_LAST: Final = ("logger", "correlation_id", "message_id", "source", "queue", "trace_id")
_WIDE: Final = 24
"""Characters of an event's name; most have fewer."""


def renderer(*, colours: bool) -> structlog.typing.Processor:
    """Return what makes a text of an event: local time, level, event, then ``key=value``."""

    def painted(text: str, colour: str) -> str:
        return f"{colour}{text}{RESET_ALL}" if colours else text

    def time(key: str, value: object) -> str:
        del key
        moment = value.astimezone() if isinstance(value, datetime) else datetime.now().astimezone()
        return painted(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}", DIM)

    def level(key: str, value: object) -> str:
        del key
        name, colour = _LEVELS.get(str(value), (str(value), ""))
        return painted(f"{name:5}", colour)

    def event(key: str, value: object) -> str:
        del key
        return painted(f"{value!s:{_WIDE}}", BRIGHT)

    def pair(key: str, value: object) -> str:
        text = str(value)
        if not text or " " in text or not text.isprintable():
            text = repr(value) if isinstance(value, str) else text
        colour = DIM if key in _LAST else RED if key in ("error", "lcm_error") else MAGENTA
        return f"{painted(key, DIM if key in _LAST else CYAN)}={painted(text, colour)}"

    # The keys that nobody thought of stand between those that come first and the ids: hence the order of
    # the event itself, which `_arranged` makes.
    console = structlog.dev.ConsoleRenderer(
        sort_keys=False,
        columns=[
            Column("", pair),
            Column("timestamp", time),
            Column("level", level),
            Column("event", event),
        ],
    )

    def render(logger: Any, method: str, event_dict: MutableMapping[str, Any]) -> str:  # noqa: ANN401 - structlog's own
        return console(logger, method, _arranged(event_dict))

    return render


def _arranged(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    first = {key: event.pop(key) for key in _FIRST if key in event}
    last = {key: event.pop(key) for key in _LAST if key in event}
    return {**first, **event, **last}
