"""How long is waited before something is tried again."""

import random


class Backoff:
    """Waits that double from ``first`` to ``most`` seconds, with full jitter above a tenth."""

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._attempt = 0

    def next(self) -> float:
        """Return the seconds to wait now."""
        ceiling = min(self._most, self._first * 2.0 ** min(self._attempt, 32))
        self._attempt += 1
        return random.uniform(ceiling / 10, ceiling)  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        """Start again from ``first``."""
        self._attempt = 0


class Waits:
    """The waits of a link: a backoff to ``most`` seconds, or to ``refused`` where all nodes refuse it."""

    def __init__(self, first: float, most: float, refused: float) -> None:
        self._backoff = Backoff(first, most)
        self._patience = Backoff(first, refused)
        self._refusals = 0

    def next(self) -> float:
        """Return the seconds to wait now."""
        self._refusals = 0
        self._patience.reset()
        return self._backoff.next()

    def after_refusal(self, nodes: int) -> float:
        """Return the same after one of so many nodes has refused: the others are tried soon."""
        self._refusals += 1
        return (self._patience if self._refusals >= nodes else self._backoff).next()

    def reset(self) -> None:
        """Start again from ``first``."""
        self._backoff.reset()
