"""Whether something grows: samples of a long run, and what is said of each series."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Sample = Mapping[str, Any]
"""``at`` (seconds since the beginning), and whatever could be read then, by the name of its series."""


class Kind(NamedTuple):
    """What a series counts. Its level may grow by ``share`` of itself, or by ``least`` if that is more.

    ``level`` is the share of a third's samples that are below it: the median, or the floor of what a backlog
    drives up, as it does the connections of a pool, which stay open as long as they are used in turn.
    """

    title: str
    unit: str
    share: float
    least: float
    level: float = 0.5


KINDS: Final[Mapping[str, Kind]] = {
    "rss": Kind("resident memory", "MiB", 0.05, 4.0),
    "fds": Kind("open files", "", 0.05, 16.0, 0.1),
    "tasks": Kind("asyncio tasks", "", 0.05, 8.0, 0.1),
    "keys": Kind("keys in Redis", "", 0.1, 100.0),
    "redis": Kind("memory of Redis", "MiB", 0.1, 4.0),
    "unacknowledged": Kind("unacknowledged requests", "", 0.05, 8.0, 0.1),
}
"""By the first word of a series' name; a number follows where each worker has its own."""

WARM_UP: Final = 1 / 6
"""The part of a run in which everything may grow: pools fill, and what is kept reaches its age."""
FEWEST: Final = 12
"""Samples by which a series can be judged."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What became of the level of one series between the first and the last third after the warm-up."""

    name: str
    kind: Kind
    first: float
    last: float
    lowest: float
    highest: float
    per_hour: float
    samples: int

    @property
    def flat(self) -> bool:
        """Whether it did not grow. What was not sampled often enough is not flat."""
        allowed = max(self.kind.least, self.kind.share * self.first)
        return self.samples >= FEWEST and self.last - self.first <= allowed

    def line(self) -> str:
        """Return it for people."""
        unit = f" {self.kind.unit}" if self.kind.unit else ""
        return (
            f"{self.name:16} {'flat ' if self.flat else 'GROWS'}  first third {self.first:,.1f}{unit},"
            f" last third {self.last:,.1f}{unit}, slope {self.per_hour:+,.1f}{unit}/h,"
            f" from {self.lowest:,.1f} to {self.highest:,.1f}{unit} ({self.samples} samples)"
        )


def series(samples: Sequence[Sample], name: str) -> list[tuple[float, float]]:
    """Return the points of one series: seconds and value."""
    return [(one["at"], float(one[name])) for one in samples if one.get(name) is not None]


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """Judge every series of a run, in the order of `KINDS`."""
    names = {name for one in samples for name in one if name.split()[0] in KINDS}
    order = list(KINDS)
    return [
        _growth(samples, name) for name in sorted(names, key=lambda one: (order.index(one.split()[0]), one))
    ]


def _growth(samples: Sequence[Sample], name: str) -> Growth:
    length = max(one["at"] for one in samples)
    points = [(at, value) for at, value in series(samples, name) if at >= WARM_UP * length]
    third = (1 - WARM_UP) * length / 3
    first = [value for at, value in points if at < WARM_UP * length + third]
    last = [value for at, value in points if at >= length - third]
    enough, kind = bool(first and last), KINDS[name.split(maxsplit=1)[0]]
    values = [value for _, value in points] or [0.0]
    return Growth(
        name=name,
        kind=kind,
        first=_level(first, kind),
        last=_level(last, kind),
        lowest=min(values),
        highest=max(values),
        per_hour=statistics.linear_regression(*zip(*points, strict=True)).slope * 3600 if enough else 0.0,
        samples=len(points) if enough else 0,
    )


def _level(values: Sequence[float], kind: Kind) -> float:
    return sorted(values)[int(kind.level * (len(values) - 1))] if values else 0.0
