"""Draws all of a dashboard into one picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitoring.document import Shown, dashboard, panels
from monitoring.drawing import graphs, tiles
from monitoring.drawing.frame import DPI, GAP, MARGIN, Page
from monitoring.drawing.looks import COLOURS, DIM, TEXT


def draw(shown: Shown, path: Path) -> None:
    """Draw what the committed dashboard showed into a PNG. Raises KeyError where it was another, OSError."""
    document = dashboard()
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in document["panels"])
    page = Page(lines)
    _head(page, document)
    span = (shown.start, shown.end)
    colours = {one["name"]: one["iconColor"] for one in document["annotations"]["list"]}
    marks = graphs.Marks(span, shown.step, colours, shown.annotations)
    for row in (panel for panel in document["panels"] if panel["type"] == "row"):
        box = page.box(row["gridPos"])
        page.text(
            box.left + 2,
            box.top + box.height / 2 + 2,
            f"\u25be  {row['title']}",
            fontsize=12,
            fontweight="bold",
        )
    for panel in panels(document):
        box, own = page.box(panel["gridPos"]), shown.panels[str(panel["id"])]
        match panel["type"]:
            case "stat":
                tiles.draw(page, box, panel, own, span)
            case "timeseries":
                graphs.draw(page, box, panel, own, marks)
            case "state-timeline":
                graphs.draw_states(page, box, panel, own, marks)
            case other:
                raise KeyError(f"nobody knows how to draw a panel of type {other}")
    page.figure.savefig(path, dpi=DPI)


def _head(page: Page, document: Mapping[str, Any]) -> None:
    """Write the title, and the variables as Grafana has them above the panels."""
    left = float(MARGIN + GAP)
    page.text(left, 20, document["title"], fontsize=15, fontweight="bold")
    page.text(left + 150, 21, document["description"], fontsize=10, color=DIM)
    words = []
    for variable in document["templating"]["list"]:
        chosen = "All" if variable["type"] == "query" else "Prometheus"
        words += [(variable["label"], DIM, 8), (f"{chosen} \u25be", TEXT, 28)]
    for annotation in document["annotations"]["list"]:
        words += [(f"\u25cf {annotation['name']}", COLOURS[annotation["iconColor"]], 20)]
    for word, colour, after in words:
        page.text(left, 47, word, fontsize=9.5, color=colour)
        left += page.width_of(word, 9.5) + after
