"""The waits before something is tried again."""

import pytest

from bridge.backoff import Backoff


@pytest.mark.parametrize("least", [0.1, 0.5])
def test_bounds_double_up_to_the_longest_wait(least: float) -> None:
    """Each wait is random, but neither above its bound nor below its share of it."""
    rounds = []
    for _ in range(200):
        backoff = Backoff(0.2, 1.0, least=least)
        rounds.append([backoff.next() for _ in range(5)])

    for bound, waits in zip((0.2, 0.4, 0.8, 1.0, 1.0), zip(*rounds, strict=True), strict=True):
        assert bound * least <= min(waits) < max(waits) <= bound
        assert bound * 0.9 < max(waits)


def test_it_begins_anew() -> None:
    """After a success the next wait is a first one."""
    backoff = Backoff(0.2, 60.0)
    for _ in range(20):
        backoff.next()
    backoff.reset()

    assert backoff.next() <= 0.2


def test_a_first_wait_above_the_longest_is_the_longest() -> None:
    """What is the most holds for the first wait too."""
    assert all(Backoff(5.0, 0.1).next() <= 0.1 for _ in range(20))
