"""What the benchmark reckons from its measurements."""

from dataclasses import replace

import pytest

from bench import figures
from bench.figures import Reading, Spread
from bench.records import Load, Visit

LOAD = Load(work="read", window=10, seconds=2, warm_up=1)
VISIT = Visit(
    variant="bridge",
    round=0,
    load=LOAD,
    measured=1000,
    seconds=2.0,
    cpu_us=500.0,
    busy=0.25,
    disturbed=0.0,
    servers_us={"redis": 20.0},
    peak_bytes=60 << 20,
    resident_bytes=50 << 20,
    latency_ms={"p50": 1.0, "p99": 3.0, "p99.9": 4.0},
    sent=1500,
)


def test_a_spread_tells_median_lowest_and_highest() -> None:
    """The median of an even number of values lies between the middle two."""
    assert figures.spread([4.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.0, 4.0, 4)


def test_no_values_have_no_spread() -> None:
    """Nothing measured is an error, not a zero."""
    with pytest.raises(ValueError, match="no values"):
        figures.spread([])


def test_ratios_are_taken_within_each_round() -> None:
    """A machine that is twice as slow in one round changes no ratio."""
    assert figures.ratios({0: 200.0, 1: 400.0}, {0: 100.0, 1: 200.0}) == Spread(2.0, 2.0, 2.0, 2)


@pytest.mark.parametrize("base", [{0: 100.0}, {0: 100.0, 1: 0.0}])
def test_a_round_without_a_base_is_refused(base: dict[int, float]) -> None:
    """No ratio is made up where the base was not measured."""
    with pytest.raises(ValueError, match="round 1 has no base"):
        figures.ratios({0: 200.0, 1: 200.0}, base)


def test_cpu_is_scaled_to_the_interval_that_the_load_measured() -> None:
    """Clocks that were read over 2.2 s do not charge 2 s of requests with the CPU of 2.2 s."""
    found = figures.cpu_per_request(Reading(10.1, 5.0), Reading(12.3, 6.1), 1000, 2.0)
    assert found == pytest.approx(0.001)


@pytest.mark.parametrize(("measured", "seconds", "end"), [(0, 2.0, 12.0), (10, 0.0, 12.0), (10, 2.0, 10.0)])
def test_an_empty_measurement_is_refused(measured: int, seconds: float, end: float) -> None:
    """No replies, or no time, is an error, not an infinite speed."""
    with pytest.raises(ValueError, match="nothing was measured"):
        figures.cpu_per_request(Reading(10.0, 5.0), Reading(end, 6.0), measured, seconds)


def test_busy_is_the_share_of_a_core() -> None:
    """One second of CPU in two seconds is half a core."""
    assert figures.busy(Reading(10.0, 5.0), Reading(12.0, 6.0)) == 0.5


def test_each_round_goes_through_the_variants_in_another_order() -> None:
    """Each round starts elsewhere, and every other one goes backwards."""
    assert [figures.rotated("abc", number) for number in range(4)] == [
        ["a", "b", "c"],
        ["a", "c", "b"],
        ["c", "a", "b"],
        ["c", "b", "a"],
    ]


def test_a_summary_compares_with_the_base_of_the_same_round() -> None:
    """Median and spread of the ratio come from pairs, the peak is the highest of all rounds."""
    own = [VISIT, replace(VISIT, round=1, cpu_us=900.0, peak_bytes=70 << 20)]
    base = [
        replace(VISIT, variant="bare", cpu_us=250.0),
        replace(VISIT, variant="bare", round=1, cpu_us=300.0),
    ]
    found = figures.summarise(own, base)
    assert found.cpu_us == Spread(700.0, 500.0, 900.0, 2)
    assert found.ratio == Spread(2.5, 2.0, 3.0, 2)
    assert found.rate.median == 500.0
    assert found.rate_per_core.high == 2000.0
    assert found.peak_bytes == 70 << 20


def test_without_a_base_there_is_no_ratio() -> None:
    """A run without the bare peer still sums up."""
    assert figures.summarise([VISIT]).ratio is None
