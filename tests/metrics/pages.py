"""Reads what a worker shows on ``/metrics``."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name, and its labels."""


def samples(page: str) -> dict[Series, float]:
    """Return every sample of a page in Prometheus's text format."""
    return dict(_samples(page))


def _samples(page: str) -> Iterator[tuple[Series, float]]:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            yield (sample.name, frozenset(sample.labels.items())), sample.value


def series(name: str, **labels: str) -> Series:
    """Name one sample."""
    return name, frozenset(labels.items())


def values(page: str, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one name by the values of their labels, in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(labels)): value
        for (found, labels), value in samples(page).items()
        if found == name
    }
