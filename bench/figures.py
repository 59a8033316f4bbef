"""What is reckoned from the measurements. Pure: no I/O, no clock.

Comparisons are made within a round: each variant's value is divided by the base's value of the same round,
since the machine of the next round may be slower. What is told of several rounds is the median, and the
lowest and the highest as the spread.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.records import Visit

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, lowest and highest of some values, in their unit; ``count`` is how many there were."""

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock of used CPU showed at a moment: both in seconds, ``at`` of CLOCK_MONOTONIC."""

    at: float
    cpu: float


def spread(values: Iterable[float]) -> Spread:
    """Return median, lowest and highest. Raises ValueError when there are no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values to summarise")
    return Spread(statistics.median(ordered), ordered[0], ordered[-1], len(ordered))


def ratios(values: Mapping[int, float], base: Mapping[int, float]) -> Spread:
    """Return the spread of value over base, both given by round.

    Raises ValueError when a round of `values` has no base, or one that is not positive.
    """
    for number in values:
        if base.get(number, 0.0) <= 0:
            raise ValueError(f"round {number} has no base to compare with")
    return spread(value / base[number] for number, value in values.items())


def cpu_per_request(begin: Reading, end: Reading, measured: int, seconds: float) -> float:
    """Return the CPU seconds that one request took.

    `measured` replies came in the `seconds` that the load measured. The two readings are taken by another
    process a little after the interval's ends, and so span another time: their CPU is scaled to it.

    Raises ValueError when nothing was measured or no time passed between the readings.
    """
    passed = end.at - begin.at
    if measured <= 0 or seconds <= 0 or passed <= 0:
        raise ValueError(f"nothing was measured: {measured} replies in {seconds} s, read over {passed} s")
    return (end.cpu - begin.cpu) / passed * seconds / measured


def busy(begin: Reading, end: Reading) -> float:
    """Return how many cores were used on average between the readings: 1.0 is one whole core."""
    return (end.cpu - begin.cpu) / (end.at - begin.at)


def rotated(items: Sequence[Item], number: int) -> list[Item]:
    """Return the items in the order of round `number`.

    Each round begins with the next item, and every other one goes backwards: so none is always the first
    after a pause, or always the one after the same other.
    """
    start = number % len(items) if items else 0
    order = [*items[start:], *items[:start]]
    return order[::-1] if number % 2 else order


@dataclass(frozen=True, slots=True)
class Summary:
    """What several visits with the same load come to: spreads over the rounds.

    `cpu_us` are microseconds of CPU per request, `ratio` is that over the base's (None without a base),
    rates are per second, `latency_ms` is by percentile, `peak_bytes` the highest of all rounds.
    """

    cpu_us: Spread
    ratio: Spread | None
    rate: Spread
    rate_per_core: Spread
    busy: Spread
    latency_ms: dict[str, Spread]
    peak_bytes: int


def summarise(visits: Sequence[Visit], base: Sequence[Visit] = ()) -> Summary:
    """Sum up the rounds of one variant with one load, compared with `base`: another variant's.

    Raises ValueError when there are no visits, or when `base` lacks one of their rounds.
    """
    return Summary(
        cpu_us=spread(one.cpu_us for one in visits),
        ratio=compared(visits, base, lambda one: one.cpu_us) if base else None,
        rate=spread(one.rate for one in visits),
        rate_per_core=spread(one.rate_per_core for one in visits),
        busy=spread(one.busy for one in visits),
        latency_ms={name: spread(one.latency_ms[name] for one in visits) for name in visits[0].latency_ms},
        peak_bytes=max(one.peak_bytes for one in visits),
    )


def compared(visits: Sequence[Visit], base: Sequence[Visit], value: Callable[[Visit], float]) -> Spread:
    """Return the spread of a value of visits over that of `base` in the same round. Raises ValueError."""
    return ratios({one.round: value(one) for one in visits}, {one.round: value(one) for one in base})
