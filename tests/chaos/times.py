"""How long requesters waited, and how long nobody was answered when something broke."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.traffic import Request


@dataclass(kw_only=True)
class Outage:
    """What one fault did to the replies; the seconds count from `began` (`time.monotonic`).

    ``side_effects`` leaves the replies to reads out: those need no Redis.
    """

    title: str
    side_effects: bool = False
    began: float = field(default_factory=time.monotonic)
    recovered: float | None = None
    silent: float = 0.0
    longest: float = 0.0
    _last: float = field(default_factory=time.monotonic)
    _first: asyncio.Event = field(default_factory=asyncio.Event)

    def replied(self, request: Request, now: float) -> None:
        """Take down the first reply to a request."""
        if self.side_effects and not request.side_effect:
            return
        self.silent, self._last = max(self.silent, now - self._last), now
        if request.born < self.began:
            return
        if self.recovered is None:
            self.recovered = now - self.began
            self._first.set()
        if not any(request.ends):
            self.longest = max(self.longest, now - request.born)

    async def over(self, bound: float) -> None:
        """Wait until the first request that was made after the fault is answered. Raises TimeoutError."""
        async with asyncio.timeout(bound):
            await self._first.wait()


class Times:
    """Takes down when requests were answered for the first time."""

    def __init__(self) -> None:
        self.answered: list[tuple[float, float]] = []
        self.outages: list[Outage] = []
        self._open: list[Outage] = []

    def replied(self, request: Request) -> None:
        """Take down a reply."""
        now = time.monotonic()
        if not any(request.ends):
            self.answered.append((request.born, now - request.born))
        for outage in self._open:
            outage.replied(request, now)

    def begin(self, title: str, *, side_effects: bool = False) -> Outage:
        """Begin an outage, at this moment."""
        outage = Outage(title=title, side_effects=side_effects)
        self.outages.append(outage)
        self._open.append(outage)
        return outage

    def end(self, outage: Outage) -> None:
        """End it: what comes now has nothing to do with it."""
        self._open.remove(outage)

    def between(self, first: float, last: float) -> list[float]:
        """Return the seconds that the requests waited which were made between two moments."""
        return [seconds for born, seconds in self.answered if first <= born < last]

    def report(self) -> list[str]:
        """Return the lines that tell of each kind of outage: medians, and each one."""
        lines = []
        for title in dict.fromkeys(outage.title for outage in self.outages):
            outages = [outage for outage in self.outages if outage.title == title]
            first = [outage.recovered for outage in outages if outage.recovered is not None]
            never = len(outages) - len(first)
            lines += [
                f"{title}, {len(outages)} times{f', {never} without any reply' if never else ''}; medians:",
                f"  first reply to a request made after it  {_seconds(first)}",
                f"  longest time without any reply          {_seconds([one.silent for one in outages])}",
                f"  longest that a request waited           {_seconds([one.longest for one in outages])}",
            ]
        return lines


def _seconds(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{statistics.median(values):.2f} s ({' '.join(f'{one:.2f}' for one in values)})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed; NaN without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
