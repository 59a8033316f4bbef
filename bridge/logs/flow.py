"""A bound on how often an event is told: an outage gives lines a second, not thousands.

What was left out is counted, and told: by the next line of the event, else by one of its own.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Final

MOST: Final = 10
"""Lines of one event in a second."""

WINDOW: Final = 1.0
"""Seconds that they are counted in."""

_MOST_NAMES: Final = 256
"""Names that are told apart; the bridge has a quarter of that, libraries are counted by their logger."""

_ALWAYS: Final = (
    *("request.settled", "worker.", "log."),
    *("ledger.record_forgotten", "contact_cache.skip_forgotten"),
)
"""What each line of stands for itself: the end of a request, what is told once, what is lost for good."""

_OTHERS: Final = "others"


@dataclass(slots=True)
class _Count:
    """Lines of one event: since when they are counted, how many were let through, how many left out."""

    since: float
    lines: int = 0
    left_out: int = 0
    watched: bool = False


class Flow:
    """Decides which lines are let through. ``tell`` is given an event's name and how many were left out."""

    def __init__(self, tell: Callable[[str, int], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def admit(self, name: str) -> int | None:
        """Return how many lines were left out before this one; None if this one is left out too."""
        if name.startswith(_ALWAYS):
            return 0
        count = self._counts.get(name)
        now = self._clock()
        if count is None:
            if len(self._counts) >= _MOST_NAMES:
                name = _OTHERS
            count = self._counts.setdefault(name, _Count(now))
        if now - count.since >= WINDOW:
            count.since, count.lines = now, 0
        if count.lines < MOST:
            count.lines += 1
            left_out, count.left_out = count.left_out, 0
            return left_out
        count.left_out += 1
        if not count.watched:
            self._watch(name, count)
        return None

    def end(self) -> None:
        """Tell what was left out and not told yet."""
        for name, count in self._counts.items():
            self._told(name, count)

    def _watch(self, name: str, count: _Count) -> None:
        """Have it told even if the event does not come again."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread, or the end of the process: told by `end`
            return
        count.watched = True
        # In a context of its own: it is not the request's that happened to be the first one too many.
        loop.call_later(2 * WINDOW, self._look, name, count, context=Context())

    def _look(self, name: str, count: _Count) -> None:
        count.watched = False
        if self._clock() - count.since >= WINDOW:
            self._told(name, count)
        elif count.left_out:
            self._watch(name, count)

    def _told(self, name: str, count: _Count) -> None:
        left_out, count.left_out = count.left_out, 0
        if left_out:
            self._tell(name, left_out)
