"""PromQL over the bridge's own metrics, each named by its object in `bridge.metrics.Metrics`.

A metric that is not there is an AttributeError, a label that it does not have a ValueError: so an expression
that is built here cannot ask for what no worker tells.

Counters, and gauges of what a worker itself does, are one share of each worker: they are summed. Gauges of a
queue are the same fact, told by every worker: of them the highest counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from bridge.metrics import Metrics

METRICS: Final = Metrics()

SITE: Final = ("namespace", "job")
"""What tells one deployment from another."""
PLATFORM: Final = (*SITE, "pod", "instance")
"""The labels that Prometheus and Kubernetes add to every series."""

INTERVAL: Final = "$__rate_interval"
"""The range of a rate: Grafana makes it at least four scrapes long."""
RANGE: Final = "$__range"
"""The whole time that the dashboard shows."""


ANY: Final = '=~".*"'
"""Matches every value of a label; of `operation` also those that the variable leaves out."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric that no attribute of `Metrics` holds, such as the process's own, found by `family`."""

    name: str
    kind: str
    labels: tuple[str, ...]


Metric = MetricWrapperBase | Family


def family(name: str, registry: CollectorRegistry = METRICS.registry) -> Family:
    """Find a family of the registry by the name of its samples. Raises ValueError when there is none."""
    for one in registry.collect():
        for sample in one.samples:
            if sample.name == name:
                return Family(name, one.type, tuple(sample.labels))
    raise ValueError(f"the bridge has no metric {name}")


def describe(metric: Metric) -> Family:
    """Tell the name, the kind and the labels of a metric."""
    if isinstance(metric, Family):
        return metric
    (described,) = metric.describe()
    suffix = "_total" if described.type == "counter" else ""
    # No public attribute tells a metric's labels before one of its series has been used.
    return Family(f"{described.name}{suffix}", described.type, tuple(metric._labelnames))  # noqa: SLF001


def one_of(*values: str) -> str:
    """Match a label that has one of these values."""
    return f'=~"{"|".join(values)}"'


def none_of(*values: str) -> str:
    """Match a label that has none of these values."""
    return f'!~"{"|".join(values)}"'


def series(metric: Metric, /, *, part: str = "", **where: str) -> str:
    """Select the series of a metric that the dashboard's variables name, and that `where` matches.

    `part` is the suffix of a histogram's series (`_bucket`, `_count`), `where` holds matchers by label, such
    as `outcome=one_of("ok")`. Where the metric has the label `operation`, the variable of that name counts,
    unless `operation=ANY` says that it does not. Raises ValueError for a label that the metric does not have.
    """
    known = describe(metric)
    _check_labels(known, where)
    matchers = [f'{label}=~"${label}"' for label in SITE]
    if "operation" in known.labels and where.get("operation") != ANY:
        matchers.append('operation=~"$operation"')
    matchers += [f"{label}{matcher}" for label, matcher in where.items()]
    return f"{known.name}{part}{{{', '.join(matchers)}}}"


def rate(metric: Metric, *by: str, part: str = "", **where: str) -> str:
    """Count per second, over all workers."""
    return _aggregated("sum", metric, by, f"rate({series(metric, part=part, **where)}[{INTERVAL}])")


def increase(metric: Metric, *by: str, over: str = INTERVAL, **where: str) -> str:
    """Count how many came within `over`, over all workers."""
    return _aggregated("sum", metric, by, f"increase({series(metric, **where)}[{over}])")


def total(metric: Metric, *by: str, part: str = "", **where: str) -> str:
    """Add up what each worker has."""
    return _aggregated("sum", metric, by, series(metric, part=part, **where))


def highest(metric: Metric, *by: str, **where: str) -> str:
    """Take the highest of what the workers tell."""
    return _aggregated("max", metric, by, series(metric, **where))


def lowest(metric: Metric, *by: str, **where: str) -> str:
    """Take the lowest of what the workers tell."""
    return _aggregated("min", metric, by, series(metric, **where))


def quantile(share: float, histogram: Metric, *by: str, **where: str) -> str:
    """Estimate a quantile in seconds: within a bucket it is a guess, and 1 is the top of a bucket."""
    buckets = _aggregated(
        "sum", histogram, ("le", *by), f"rate({series(histogram, part='_bucket', **where)}[{INTERVAL}])"
    )
    return f"histogram_quantile({share:g}, {buckets})"


def ratio(part: str, whole: str) -> str:
    """Divide two sums. Of nothing there is no share; a part that never happened has no series, and is 0."""
    return f"({part} or {whole} * 0) / ({whole} > 0)"


def _check_labels(metric: Family, labels: Iterable[str]) -> None:
    own = ("le",) if metric.kind == "histogram" else ()
    for label in labels:
        if label not in (*metric.labels, *PLATFORM, *own):
            raise ValueError(f"{metric.name} has no label {label}, only {', '.join(metric.labels) or 'none'}")


def _aggregated(how: str, metric: Metric, by: Sequence[str], inner: str) -> str:
    _check_labels(describe(metric), by)
    kept = f" by ({', '.join(by)})" if by else ""
    return f"{how}{kept} ({inner})"
