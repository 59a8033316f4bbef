"""How long a request is parked before it comes back."""

import pytest

from bridge.retries import Delays

STEPS = Delays([1_000, 2_000, 5_000, 30_000, 120_000])


def test_the_shortest_delay_is_the_first() -> None:
    """What is given back to its queue waits that long."""
    assert 1_000 == STEPS.shortest


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [(1, {10}), (2, {10, 20}), (3, {10, 20, 30}), (4, {10, 20, 30}), (99, {10, 20, 30})],
)
def test_a_retry_waits_a_random_time_that_may_grow_with_each_try(attempts: int, expected: set[int]) -> None:
    """From the shortest delay up to that of the last try; after the last one there is no longer delay."""
    delays = Delays([10, 20, 30])

    assert expected == {delays.before_retry(attempts) for _ in range(300)}


@pytest.mark.parametrize(
    ("held", "delay"),
    [
        (0.0, 1_000),
        (3.9, 1_000),
        (3.999, 1_000),
        (4.0, 2_000),
        (9.995, 2_000),
        (10.0, 5_000),
        (60.0, 30_000),
        (100_000.0, 30_000),
    ],
)
def test_who_is_held_longer_looks_more_rarely(held: float, delay: int) -> None:
    """After half the time again that Redis is away, and at least each 30 s."""
    assert delay == STEPS.while_held(held, float("inf"))


@pytest.mark.parametrize(
    ("left", "delay"),
    [(5.0, 5_000), (4.999, 2_000), (4.99, 2_000), (2.0, 2_000), (1.999, 1_000), (0.5, 1_000), (0.0, 1_000)],
)
def test_who_is_held_comes_back_before_the_deadline(left: float, delay: int) -> None:
    """If there is a delay as short as that, else by the shortest."""
    assert delay == STEPS.while_held(600.0, left)
