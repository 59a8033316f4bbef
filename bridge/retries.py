"""How long a request is parked before it comes back. Pure but for the jitter."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

_LONGEST_HOLD_MS: Final = 30_000
"""Held requests look for Redis at least this often, so that they are soon done once it is back."""


class Delays:
    """Chooses among the delayed queues that there are; ``steps`` are their delays, rising milliseconds."""

    def __init__(self, steps: Sequence[int]) -> None:
        self._steps = list(steps)

    @property
    def shortest(self) -> int:
        """Return the shortest delay in milliseconds."""
        return self._steps[0]

    def before_retry(self, attempts: int) -> int:
        """Return the delay after ``attempts`` failed tries: full jitter below a ceiling that rises with them.

        A queue has one delay for all, so the random time is rounded up to the next queue's.
        """
        ceiling = self._steps[min(attempts, len(self._steps)) - 1]
        wanted = random.uniform(0, ceiling)  # noqa: S311 - jitter, no secret
        return self._steps[bisect_left(self._steps, wanted)]

    def while_held(self, held: float, left: float) -> int:
        """Return the delay for a request held for ``held`` seconds that has ``left`` seconds to its deadline.

        The longer Redis is away the rarer the looks, but none is later than the deadline if that can be.
        """
        most = min(held / 2 * 1000, _LONGEST_HOLD_MS, left * 1000)
        return self._steps[max(bisect_right(self._steps, most), 1) - 1]
