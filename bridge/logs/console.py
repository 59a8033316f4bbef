"""Log lines for people: what happened first, then how and why, the ids last."""

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any, Final

import structlog
from structlog.dev import BRIGHT, CYAN, DIM, GREEN, RED, RESET_ALL, YELLOW, Column

_LEVELS: Final = {
    "debug": ("debug", DIM),
    "info": ("info", GREEN),
    "warning": ("WARN", YELLOW),
    "error": ("ERROR", RED),
    "critical": ("FATAL", RED + BRIGHT),
}
_BARE: Final = ("operation", "outcome")
"""Keys whose values say what they are."""

_FIRST: Final = (*_BARE, "error", "lcm_error", "dead_letter", "next", "seconds", "cache")
_LAST: Final = ("logger", "correlation_id", "message_id", "source", "queue", "trace_id")
_USUAL: Final = {"attempt": 1, "redelivered": False}
"""What nobody needs to read as long as it is so."""

_WIDE: Final = 22
"""Characters of an event's name; most have fewer."""


def renderer(*, colours: bool) -> structlog.typing.Processor:
    """Return what makes a text of an event: local time, level, event, ``key=value``, at last a traceback."""

    def painted(text: str, colour: str) -> str:
        return f"{colour}{text}{RESET_ALL}" if colours else text

    def time(key: str, value: object) -> str:
        del key
        moment = value if isinstance(value, datetime) else datetime.now().astimezone()
        return painted(f"{moment.astimezone():%H:%M:%S}.{moment.microsecond // 1000:03d}", DIM)

    def level(key: str, value: object) -> str:
        del key
        name, colour = _LEVELS.get(str(value), (str(value), ""))
        return painted(f"{name:5}", colour)

    def event(key: str, value: object) -> str:
        del key
        return painted(f"{_shown(value):{_WIDE}}", BRIGHT)

    def pair(key: str, value: object) -> str:
        if key in _BARE:
            return painted(_shown(value), BRIGHT)
        colour = DIM if key in _LAST else RED if key in ("error", "lcm_error") else ""
        return f"{painted(key, DIM if key in _LAST else CYAN)}={painted(_shown(value), colour)}"

    console = structlog.dev.ConsoleRenderer(
        sort_keys=False,
        columns=[Column("", pair), Column("timestamp", time), Column("level", level), Column("event", event)],
    )

    def render(logger: Any, method: str, event_dict: MutableMapping[str, Any]) -> Any:  # noqa: ANN401 - structlog's own
        return console(logger, method, _arranged(event_dict))

    return render


def _arranged(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    first = {key: event.pop(key) for key in _FIRST if key in event}
    last = {key: event.pop(key) for key in _LAST if key in event}
    between = {key: value for key, value in event.items() if _USUAL.get(key, ...) != value}
    return {**first, **between, **last}


def _shown(value: object) -> str:
    """Write a value in one line: texts as they are unless they could be misread."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_shown(key)}={_shown(one)}' for key, one in value.items())}}}"
    if not isinstance(value, str):
        return repr(value)
    return value if value.isprintable() and value and not set(value) & _QUOTED else repr(value)


_QUOTED: Final = frozenset(" =,{}\"'")
