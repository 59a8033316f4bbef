"""What `make soak` calls flat, and what it notices."""

import random

import pytest
from chaos.growth import FEWEST, KINDS, growths


def hour(
    name: str, *, start: float, per_hour: float = 0.0, noise: float = 0.0, step: float = 10.0
) -> list[dict[str, float]]:
    """Make samples of an hour, one each ``step`` seconds."""
    rng = random.Random(1)  # noqa: S311 - repeatable
    count = int(3600 / step)
    return [
        {"at": number * step, name: start + per_hour * number / count + rng.uniform(-noise, noise)}
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("name", "start", "noise"),
    [("rss 0", 80.0, 3.0), ("fds 1", 60.0, 30.0), ("tasks 0", 55.0, 20.0), ("keys", 9_000.0, 900.0)],
)
def test_what_goes_up_and_down_is_flat(name: str, start: float, noise: float) -> None:
    """Noise around one level is no growth, however wide."""
    [growth] = growths(hour(name, start=start, noise=noise))

    assert growth.flat, growth.line()


@pytest.mark.parametrize(
    ("name", "start", "per_hour"),
    [
        ("rss 0", 80.0, 10.0),
        ("fds 0", 60.0, 40.0),
        ("tasks 1", 55.0, 30.0),
        ("keys", 9_000.0, 2_700.0),
        ("unacknowledged", 20.0, 40.0),
    ],
)
def test_what_grows_is_told(name: str, start: float, per_hour: float) -> None:
    """A leak of a few MiB, files, tasks or keys in an hour shows, under noise as well."""
    [growth] = growths(hour(name, start=start, per_hour=per_hour, noise=start / 20))

    assert not growth.flat, growth.line()
    assert "GROWS" in growth.line()
    assert pytest.approx(per_hour, rel=0.2) == growth.per_hour


def test_what_is_gone_by_itself_after_the_warm_up() -> None:
    """Pools fill and caches reach their age in the first sixth: that is not held against a worker."""
    samples = hour("rss 0", start=80.0)
    for sample in samples[: len(samples) // 7]:
        sample["rss 0"] = 20.0

    [growth] = growths(samples)

    assert growth.flat
    assert (80.0, 80.0) == (growth.lowest, growth.highest)


def test_too_few_samples_are_not_flat() -> None:
    """A worker that could not be asked is not called healthy."""
    samples = hour("rss 0", start=80.0)
    for sample in samples[FEWEST:]:
        del sample["rss 0"]

    [growth] = growths(samples)

    assert not growth.flat


def test_every_series_is_judged_in_order() -> None:
    """Each worker's own, and those of the servers; what is none of them is left out."""
    parts = [hour(name, start=1.0) for name in ("keys", "rss 1", "rss 0", "requests")]
    samples = [{**one, **two, **three, **four} for one, two, three, four in zip(*parts, strict=True)]

    assert ["rss 0", "rss 1", "keys"] == [growth.name for growth in growths(samples)]
    assert {"rss", "keys"} < set(KINDS)
