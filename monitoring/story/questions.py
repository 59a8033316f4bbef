"""Asks Prometheus what every panel of the dashboard asks, as Grafana would."""

import math
import re
from typing import Final

from monitoring.document import Line, Shown, dashboard, panels
from monitoring.server import Prometheus, Series

STEP: Final = 1.0
RATE_INTERVAL: Final = "10s"
"""Ten scrapes; Grafana would take four."""
_LABEL: Final = re.compile(r"{{(\w+)}}")


class PanelsWithoutData(RuntimeError):
    """Some query of a panel found nothing; the message names each."""


async def ask(prometheus: Prometheus, start: float, end: float) -> Shown:
    """Evaluate everything from `start` to `end` (unix seconds).

    Raises `PanelsWithoutData`, and `monitoring.server.PrometheusFailed` for an expression that is wrong.
    """
    document = dashboard()
    shown: dict[str, list[Line]] = {}
    empty = []
    for panel in panels(document):
        lines: list[Line] = []
        for target in panel["targets"]:
            found = await _lines(prometheus, target["expr"], target["legendFormat"], start, end)
            if not any(math.isfinite(value) for line in found for _, value in line.points):
                empty.append(f"{panel['title']}: {target['expr']}")
            lines += found
        shown[str(panel["id"])] = lines
    if empty:
        raise PanelsWithoutData("no data:\n" + "\n".join(empty))
    annotations = {
        one["name"]: await _lines(prometheus, one["expr"], one["name"], start, end)
        for one in document["annotations"]["list"]
    }
    return Shown(start, end, STEP, shown, annotations)


def with_values(expression: str, seconds: float) -> str:
    """Put values in the place of the dashboard's variables: all of everything, as Grafana does at first."""
    values = {
        "$__rate_interval": RATE_INTERVAL,
        "$__range": f"{seconds:.0f}s",
        "$namespace": ".*",
        "$job": "lcm-bridge",
        "$operation": ".*",
    }
    for name, value in values.items():
        expression = expression.replace(name, value)
    return expression


async def _lines(
    prometheus: Prometheus, expression: str, legend: str, start: float, end: float
) -> list[Line]:
    found = await prometheus.over(with_values(expression, end - start), start=start, end=end, step=STEP)
    return [Line(_named(legend, series), series.points) for series in found]


def _named(legend: str, series: Series) -> str:
    return _LABEL.sub(lambda label: series.labels.get(label[1], ""), legend)
