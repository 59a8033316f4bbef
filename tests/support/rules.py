"""The rules file, what its expressions ask for, and what the bridge's metrics have to offer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml
from prometheus_client.metrics import MetricWrapperBase

from bridge.metrics import Metrics

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "helm" / "lcm-bridge" / "rules" / "lcm-bridge.yaml"
RUNBOOK: Final = ROOT / "docs" / "runbook.md"

TARGET_LABELS: Final = frozenset({"namespace", "job", "instance"})
"""What Prometheus writes on each series of a worker; the first in Kubernetes only."""


@dataclass(frozen=True)
class Alert:
    """An alerting rule as the file has it."""

    name: str
    expression: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def rules(document: Path = FILE) -> list[dict[str, Any]]:
    """Return every rule of the file, in its order."""
    groups = yaml.safe_load(document.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS: Final = [
    Alert(rule["alert"], rule["expr"], rule["labels"], rule["annotations"])
    for rule in rules()
    if "alert" in rule
]
RECORDS: Final[Mapping[str, str]] = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


@cache
def series_of_the_bridge() -> Mapping[str, frozenset[str]]:
    """Return the labels of every series that a worker can show, by the series' name."""
    metrics = Metrics()
    found = {
        sample.name: frozenset(sample.labels)
        for family in metrics.registry.collect()
        for sample in family.samples
    }
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            [family] = metric.describe()
            # No public attribute tells the labels of a metric none of whose series has been used.
            labels = frozenset(metric._labelnames)  # noqa: SLF001
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(
                family.type, [""]
            )
            for suffix in suffixes:
                found[family.name + suffix] = labels | {"le"} if suffix == "_bucket" else labels
    return found


@cache
def _known() -> Mapping[str, frozenset[str]]:
    """Return the labels of each series, recorded ones too, beside those of the target."""
    recorded = {}
    for name, expression in RECORDS.items():
        grouped = (_asked(one) for one in parts(promql_parser.parse(expression)))
        outermost = next(labels for labels in grouped if labels)
        recorded[name] = frozenset(outermost - TARGET_LABELS - {"le"})
    return {**series_of_the_bridge(), **recorded}


def parts(expression: Any) -> Iterator[Any]:
    """Yield a parsed expression and everything in it."""
    yield expression
    inner = [getattr(expression, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    for one in [*inner, *getattr(expression, "args", [])]:
        if one is not None:
            yield from parts(one)


def selectors(expression: Any) -> list[Any]:
    """Return every selector of series in a parsed expression."""
    return [one for one in parts(expression) if isinstance(one, promql_parser.VectorSelector)]


def faults(expression: str) -> list[str]:
    """Return what an expression asks for and no worker has: series, and labels of them.

    Raises ValueError for an expression that cannot be parsed.
    """
    parsed = promql_parser.parse(expression)
    found = [f"no series {one.name}" for one in selectors(parsed) if one.name not in _known()]
    for one in parts(parsed):
        offered = TARGET_LABELS.union(*(_known().get(each.name, frozenset()) for each in selectors(one)))
        found += [f"no label {label} in {one.prettify()}" for label in sorted(_asked(one) - offered)]
    return found


def _asked(expression: Any) -> set[str]:
    """Return the labels that one part of an expression selects, groups or matches by."""
    if isinstance(expression, promql_parser.VectorSelector):
        return {matcher.name for matcher in expression.matchers.matchers}
    modifier = getattr(expression, "modifier", None)
    if isinstance(modifier, promql_parser.AggModifier):
        return set(modifier.labels)
    matching = getattr(modifier, "matching", None)
    return set(matching.labels) if matching is not None else set()
