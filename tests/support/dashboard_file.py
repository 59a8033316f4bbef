"""The dashboard's expressions, as Grafana would ask Prometheus for them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "helm/lcm-bridge/dashboards/lcm-bridge.json"

EVERYTHING: Mapping[str, str] = {
    "__rate_interval": "2m",  # four scrapes, as Grafana has it
    "__range": "15m",
    "__interval": "30s",
    "namespace": ".*",
    "job": ".*",
    "operation": ".*",
}
"""The variables with everything chosen, at the usual pace."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Line:
    """One query of a panel."""

    panel: str
    legend: str
    expression: str

    def __str__(self) -> str:
        """Name it as a person who looks at the dashboard does."""
        return f"{self.panel} / {self.legend}"


def filled_in(expression: str, variables: Mapping[str, str] = EVERYTHING) -> str:
    """Replace the dashboard's variables. Raises KeyError for one that is not known."""
    return _VARIABLE.sub(lambda found: variables[found[1] or found[2]], expression)


def annotations() -> list[Line]:
    """Return the queries behind the marks on the graphs, with everything chosen."""
    listed = json.loads(DASHBOARD.read_text(encoding="utf-8"))["annotations"]["list"]
    return [Line("annotation", one["name"], filled_in(one["expr"])) for one in listed if "expr" in one]


def lines() -> list[Line]:
    """Return every query of every panel, those of collapsed rows too, with everything chosen."""
    return [
        Line(panel["title"], target.get("legendFormat", ""), filled_in(target["expr"]))
        for panel in _panels(json.loads(DASHBOARD.read_text(encoding="utf-8")))
        for target in panel.get("targets", [])
    ]


def line(panel: str, legend: str) -> Line:
    """Return the one query of a panel whose legend begins so."""
    found = [one for one in lines() if one.panel == panel and one.legend.startswith(legend)]
    assert 1 == len(found), f"{panel} / {legend}: {found}"
    return found[0]


def _panels(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for panel in holder.get("panels", []) for each in (panel, *_panels(panel))]
