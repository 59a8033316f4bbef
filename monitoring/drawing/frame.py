"""The page: Grafana's grid in pixels, and the frame of a panel with its title."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import TextPath

from monitoring.drawing.looks import BORDER, DIM, GRID, PAGE, PANEL, TEXT

COLUMN, LINE, GAP, MARGIN, HEAD = 78, 36, 8, 12, 62
"""Pixels of a column and of a line of the grid, between panels, around them, and above all of them."""
COLUMNS: Final = 24
DPI: Final = 100
POINTS: Final = 72
"""Of an inch."""
TITLE: Final = 26
"""Pixels that a panel's title takes."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the page in pixels; `top` is counted from above."""

    left: float
    top: float
    width: float
    height: float

    def inner(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """Return the box without so much at each side."""
        return Box(self.left + left, self.top + top, self.width - left - right, self.height - top - bottom)


class Page:
    """A figure on which places are counted in pixels from the upper left corner."""

    def __init__(self, lines: int) -> None:
        self.width = 2 * MARGIN + COLUMNS * COLUMN
        self.height = HEAD + MARGIN + lines * LINE
        self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI, facecolor=PAGE)

    def box(self, place: Mapping[str, int]) -> Box:
        """Return where a place of the grid is (`x`, `y`, `w`, `h`)."""
        return Box(
            MARGIN + place["x"] * COLUMN + GAP / 2,
            HEAD + place["y"] * LINE + GAP / 2,
            place["w"] * COLUMN - GAP,
            place["h"] * LINE - GAP,
        )

    def text(self, left: float, top: float, text: str, **looks: Any) -> None:  # noqa: ANN401 - matplotlib's own
        """Write text; its vertical middle is at `top`."""
        given = {"color": TEXT, "fontsize": 9.5, "va": "center", "ha": "left"} | looks
        self.figure.text(left / self.width, 1 - top / self.height, text, **given)

    def width_of(self, text: str, size: float) -> float:
        """Return how many pixels a text of so many points takes."""
        return float(TextPath((0, 0), text, size=size).get_extents().width) * DPI / POINTS

    def frame(self, box: Box, title: str) -> None:
        """Draw the background of a panel, and its title."""
        self.rectangle(box, PANEL, edge=BORDER)
        self.text(box.left + 10, box.top + 15, title, fontweight="bold")

    def rectangle(self, box: Box, colour: str, *, edge: str | None = None, alpha: float = 1) -> None:
        """Fill a box."""
        self.figure.add_artist(
            FancyBboxPatch(
                (box.left / self.width, 1 - (box.top + box.height) / self.height),
                box.width / self.width,
                box.height / self.height,
                boxstyle="square,pad=0",
                facecolor=colour,
                edgecolor=edge or "none",
                linewidth=0.8,
                alpha=alpha,
                zorder=-1,  # beneath all axes
            )
        )

    def axes(self, box: Box, *, bare: bool = False) -> Axes:
        """Return axes in a box: without anything around them, or with a dim grid."""
        axes = self.figure.add_axes(
            (
                box.left / self.width,
                1 - (box.top + box.height) / self.height,
                box.width / self.width,
                box.height / self.height,
            ),
            facecolor="none",
        )
        for side in axes.spines.values():
            side.set_visible(False)
        if bare:
            axes.set_axis_off()
        else:
            axes.grid(color=GRID, linewidth=0.8)
            axes.set_axisbelow(True)
            axes.tick_params(colors=DIM, labelsize=8, length=0, pad=4)
        return axes
