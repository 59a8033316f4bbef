"""The dashboard as it is drawn without Grafana: its panels read from the JSON, and what they showed.

Everything is plain data, which goes from the program that asks Prometheus to the one that draws, as JSON.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from monitoring.paths import DASHBOARD


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel: its name, and pairs of unix seconds and value, which may be NaN."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the whole dashboard showed from `start` to `end` (unix seconds), asked every `step` seconds.

    `panels` holds the lines of each panel by its id, `annotations` those of each annotation by its name.
    """

    start: float
    end: float
    step: float
    panels: Mapping[str, Sequence[Line]]
    annotations: Mapping[str, Sequence[Line]]

    def write(self, path: Path) -> None:
        """Write it as JSON. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote. Raises OSError, ValueError, KeyError."""
        saved = json.loads(path.read_text())
        return cls(
            start=saved["start"],
            end=saved["end"],
            step=saved["step"],
            panels=_lines(saved["panels"]),
            annotations=_lines(saved["annotations"]),
        )


def _lines(saved: Mapping[str, Any]) -> dict[str, list[Line]]:
    return {
        name: [Line(line["name"], [(at, value) for at, value in line["points"]]) for line in lines]
        for name, lines in saved.items()
    }


def dashboard() -> dict[str, Any]:
    """Return the committed dashboard."""
    return dict(json.loads(DASHBOARD.read_text(encoding="utf-8")))


def panels(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a dashboard, its rows left out."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]
