"""docs/metrics.md and the worker say the same."""

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from metrics.pages import samples
from prometheus_client.parser import text_string_to_metric_families
from support.site import Site

from bridge import __version__
from bridge.lcm.client import CallOutcome

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()

_METRIC = re.compile(r"^\| `(lcm_bridge_\w+)(?:\{([\w,]+)\})?` \| (\w+) \|", re.MULTILINE)
_VALUES = re.compile(r"^\| `(\w+)` \| (`lcm_bridge_[^|]+) \| ([^|]+) \|$", re.MULTILINE)
_QUOTED = re.compile(r"`([^`]+)`")
_SETTING = re.compile(r"`lcm\.methods`|`errorType`")


class Metric(NamedTuple):
    """A metric: its name as in a query, its type, the names of its labels."""

    name: str
    kind: str
    labels: frozenset[str]


def of_the_page() -> list[Metric]:
    """Return the metrics that the page has a line for."""
    return [
        Metric(name, kind, frozenset(labels.split(",")) if labels else frozenset())
        for name, labels, kind in _METRIC.findall(PAGE)
    ]


def of_the_worker(page: str) -> set[Metric]:
    """Return the bridge's own metrics with a series on a worker's page."""
    found = set()
    for family in text_string_to_metric_families(page):
        labels = frozenset(label for sample in family.samples for label in sample.labels) - {"le"}
        name = family.name + "_total" * (family.type == "counter")
        if name.startswith("lcm_bridge"):
            found.add(Metric(name, family.type, labels))
    return found


def documented(prefix: str) -> dict[tuple[str, str], set[str]]:
    """Return the values of each metric's label, by the names of both."""
    values: dict[tuple[str, str], set[str]] = {}
    for label, metrics, cell in _VALUES.findall(PAGE):
        quoted = _QUOTED.findall(_SETTING.sub("", cell).replace("<prefix>", prefix))
        for metric in _QUOTED.findall(metrics):
            assert (metric, label) not in values, "told twice"
            values[metric, label] = set(quoted)
    return values


def shown(page: str) -> dict[tuple[str, str], set[str]]:
    """Return the same of a worker's page."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, labels in samples(page):
        if name.startswith("lcm_bridge"):
            for label, value in labels:
                if label != "le":
                    values[re.sub("_(bucket|sum|count)$", "", name), label].add(value)
    return values


def test_each_metric_has_its_line(last_page: str) -> None:
    """Name, type and labels of all metrics stand on the page, each once, and no other's."""
    told = of_the_page()

    assert len(told) == len(set(told))
    assert of_the_worker(last_page) == set(told)


def test_each_value_of_a_label_is_told(site: Site, first_page: str, last_page: str) -> None:
    """No label has a value that is not on the page; counters and gauges have all of them from the start."""
    told = documented(site.prefix) | {("lcm_bridge_info", "version"): {__version__}}

    assert {(one.name, label) for one in of_the_page() for label in one.labels} == told.keys()
    for place, values in shown(last_page).items():
        assert values <= told[place], place
    for place, values in shown(first_page).items():
        assert values == told[place], place
    assert set(get_args(CallOutcome)) == told["lcm_bridge_lcm_call_seconds", "outcome"]


def test_the_number_of_series_is_told(first_page: str) -> None:
    """So many does a worker show that has served nothing."""
    [told] = re.findall(r"shows (\d+) series of its own", PAGE)

    assert int(told) == sum(name.startswith("lcm_bridge") for name, _ in samples(first_page))


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if _METRIC.match(line)])
def test_each_line_says_what_many_workers_make(line: str) -> None:
    """Whoever writes a rule finds for each metric how to make one number of many, and what for."""
    _, _, _, says, aggregate, good_for, _ = line.split(" | ".strip())
    assert re.fullmatch(r"(sum|max|min|count by version)( of the buckets)?", aggregate.strip())
    assert says.strip()
    assert good_for.strip()
