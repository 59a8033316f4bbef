"""What the sizing table says, and that the page has it."""

import math

import pytest

from bench import sizing
from bench.sizing import PAGE, plan


def test_the_page_has_the_table() -> None:
    """After a change of what is reckoned: python -m bench.sizing."""
    page = PAGE.read_text(encoding="utf-8")
    assert sizing.text(page) == page


def test_a_page_without_a_place_is_refused() -> None:
    """Nothing is written over by accident."""
    with pytest.raises(ValueError, match="no lines"):
        sizing.text("# Scaling\n")


@pytest.mark.parametrize(
    ("agents", "mean", "peak"), [(500, 33, 200), (2_000, 130, 700), (12_000, 800, 4_000)]
)
def test_the_rates_are_those_that_sites_have(agents: int, mean: float, peak: float) -> None:
    """Mean over an hour and peak at a shift's start, as three sizes of sites see them."""
    assert mean == pytest.approx(sizing.mean_rate(agents), rel=0.03)
    assert peak == pytest.approx(sizing.peak_rate(agents), rel=0.01)


@pytest.mark.parametrize("agents", sizing.AGENTS)
@pytest.mark.parametrize("lcm_ms", sizing.LCM_MS)
def test_a_plan_bears_the_peak_with_a_worker_away(agents: int, lcm_ms: int) -> None:
    """Places for half as many again as are in flight, cores that are not full, no wait for a place at LCM."""
    one = plan(sizing.peak_rate(agents), lcm_ms / 1000)
    left = one.workers - 1

    assert left >= 1
    assert left * one.prefetch >= 1.5 * one.rate * one.lcm_seconds
    assert left * 0.6 >= one.rate * sizing.CPU_US / 1e6
    assert one.concurrency >= one.prefetch + 20


@pytest.mark.parametrize("lcm_ms", sizing.LCM_MS)
def test_more_agents_never_need_less(lcm_ms: int) -> None:
    """Rounding makes no step down."""
    plans = [plan(sizing.peak_rate(agents), lcm_ms / 1000) for agents in range(50, 12_000, 50)]
    workers = [one.workers for one in plans]

    assert sorted(workers) == workers


def test_the_least_site_has_two_workers_of_the_default() -> None:
    """One may be away, and nothing needs to be set."""
    least = plan(sizing.peak_rate(50), 0.05)
    assert (2, 100, 120) == (least.workers, least.prefetch, least.concurrency)


@pytest.mark.parametrize(("rate", "seconds"), [(0, 0.2), (-1, 0.2), (10, 0), (math.nan, 0)])
def test_nothing_to_do_has_no_plan(rate: float, seconds: float) -> None:
    """No rate or no time is a mistake of whoever asks."""
    with pytest.raises(ValueError, match="need no workers"):
        plan(rate, seconds)
