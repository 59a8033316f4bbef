"""The retry budget: quick retries are a share of the calls, so that an outage is not multiplied."""

from typing import Final

MOST: Final = 10.0
"""Retries that can be saved up."""


class RetryBudget:
    """A token bucket: each call adds ``share`` of a retry, each retry takes a whole one. It starts full."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = MOST if share else 0.0

    def earn(self) -> None:
        """Note a call's first try."""
        self._saved = min(MOST, self._saved + self._share)

    def take(self) -> bool:
        """Take a retry, if there is one."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
