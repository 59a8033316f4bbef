"""How long is waited before something is tried again."""

import random


class Backoff:
    """Waits whose bound doubles from ``first`` to ``most`` seconds.

    Each is random between ``least``, a share of its bound, and the bound: a fleet that lost the same server
    does not come back at one moment.
    """

    def __init__(self, first: float, most: float, *, least: float = 0.1) -> None:
        self._first = min(first, most)
        self._most = most
        self._least = least
        self._bound = self._first

    def next(self) -> float:
        """Return the seconds to wait now."""
        bound = self._bound
        self._bound = min(self._most, bound * 2)
        return random.uniform(bound * self._least, bound)  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        """Start again from ``first``."""
        self._bound = self._first
