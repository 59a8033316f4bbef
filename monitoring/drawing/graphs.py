"""Draws values over time, and states over time."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from monitoring.document import Line
from monitoring.drawing.frame import TITLE, Box, Page
from monitoring.drawing.looks import COLOURS, NOTHING, PAGE, TEXT, line_colours, said, scale_of, worded

LEGEND_LINE: Final = 17
"""Pixels of height that a line of a legend takes."""
LEGEND_SIZE: Final = 8.0
"""Points."""
SWATCH: Final = 32
"""Pixels of the coloured dash before a name, and between names."""
NAME_SIZE: Final = 9.0
"""Points."""
TICK_SECONDS: Final = 30


def draw(page: Page, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], marks: "Marks") -> None:
    """Draw a panel of type `timeseries`."""
    page.frame(box, panel["title"])
    lines = _with_values(panel, lines)
    colours = line_colours([line.name for line in lines], panel)
    rows = _legend_rows(page, [line.name for line in lines], box.width - 20)
    _legend(page, box, rows, dict(zip((line.name for line in lines), colours, strict=True)))
    axes = page.axes(box.inner(68, TITLE + 4, 12, 24 + LEGEND_LINE * len(rows)))
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    if custom.get("drawStyle") == "bars" or custom.get("stacking", {}).get("mode") == "normal":
        _stack(axes, lines, colours, bars=custom.get("drawStyle") == "bars")
    else:
        for line, colour in zip(lines, colours, strict=True):
            axes.plot(*zip(*line.points, strict=True), color=colour, linewidth=1.3)
    _scale(axes, defaults)
    _thresholds(axes, defaults)
    marks.draw(axes)
    _times(axes, marks.span)


def draw_states(
    page: Page, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], marks: "Marks"
) -> None:
    """Draw a panel of type `state-timeline`: a band for each line, with its words."""
    page.frame(box, panel["title"])
    defaults = panel["fieldConfig"]["defaults"]
    longest = max(page.width_of(line.name, NAME_SIZE) for line in lines)
    place = box.inner(22 + longest, TITLE + 4, 12, 24)
    axes = page.axes(place)
    axes.grid(visible=False)
    pixels = place.width / (marks.span[1] - marks.span[0])
    for height, line in enumerate(reversed(lines)):
        for began, ended, value in runs(line, marks.step):
            if (found := worded(value, defaults)) is None:
                continue
            word, colour = found
            axes.broken_barh([(began, ended - began)], (height - 0.4, 0.8), facecolor=colour, alpha=0.85)
            if (ended - began) * pixels > page.width_of(word, NAME_SIZE) + 4:
                middle = (began + ended) / 2
                axes.text(middle, height, word, ha="center", va="center", fontsize=NAME_SIZE, color=PAGE)
    axes.set_yticks(range(len(lines)), [line.name for line in reversed(lines)])
    axes.tick_params(axis="y", labelcolor=TEXT, labelsize=NAME_SIZE)
    axes.set_ylim(-0.55, len(lines) - 0.45)
    _times(axes, marks.span)


def runs(line: Line, step: float) -> list[tuple[float, float, float]]:
    """Join neighbouring points of one value: beginning, end, value."""
    joined: list[tuple[float, float, float]] = []
    for at, value in line.points:
        if joined and joined[-1][2] == value and at - joined[-1][1] < step:
            joined[-1] = (joined[-1][0], at + step, value)
        else:
            joined.append((at, at + step, value))
    return joined


class Marks:
    """What the annotations mark on every graph, and the time that all panels show."""

    def __init__(
        self,
        span: tuple[float, float],
        step: float,
        colours: Mapping[str, str],
        lines: Mapping[str, Sequence[Line]],
    ) -> None:
        self.span = span
        self.step = step
        self._marks = [
            (COLOURS[colours[name]], began)
            for name, found in lines.items()
            for line in found
            for began, _, _ in runs(Line(line.name, [(at, 1) for at, _ in line.points]), step)
            if began > span[0] + step  # what held already began at another time
        ]

    def draw(self, axes: Axes) -> None:
        """Draw a dashed line where each begins."""
        for colour, began in self._marks:
            axes.axvline(began, color=colour, linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.9)


def _with_values(panel: Mapping[str, Any], lines: Sequence[Line]) -> list[Line]:
    """Leave out lines that were 0 all the time, where others were not: they would only fill the legend."""
    stacked = panel["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode") == "normal"
    moved = [line for line in lines if any(math.isfinite(value) and value != 0 for _, value in line.points)]
    return moved if stacked and moved else list(lines)


def _stack(axes: Axes, lines: Sequence[Line], colours: Sequence[str], *, bars: bool) -> None:
    times = sorted({at for line in lines for at, _ in line.points})
    base = [0.0] * len(times)
    for line, colour in zip(lines, colours, strict=True):
        values = dict(line.points)
        heights = [value if math.isfinite(value := values.get(at, 0.0)) else 0.0 for at in times]
        top = [below + height for below, height in zip(base, heights, strict=True)]
        style = "post" if bars else None
        axes.fill_between(
            times, base, top, color=colour, alpha=0.75 if bars else 0.35, linewidth=0, step=style
        )
        if not bars:
            axes.plot(times, top, color=colour, linewidth=1.1)
        base = top


def _scale(axes: Axes, defaults: Mapping[str, Any]) -> None:
    low, high = axes.get_ylim()
    low = defaults.get("min", low)
    high = defaults.get("max", high)
    axes.set_ylim(low, high * 1.02 if high > low else low + 1)
    size = scale_of(high, defaults["unit"])
    ticks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low / size, high / size)
    axes.yaxis.set_major_locator(FixedLocator([tick * size for tick in ticks if low <= tick * size <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, defaults["unit"])))


def _thresholds(axes: Axes, defaults: Mapping[str, Any]) -> None:
    """Tint the background from each threshold to the next, or draw a dashed line at each."""
    mode = defaults["custom"].get("thresholdsStyle", {}).get("mode")
    low, high = axes.get_ylim()
    steps = [(step.get("value"), step["color"]) for step in defaults["thresholds"]["steps"]]
    for (began, colour), (ended, above) in pairwise([*steps, (None, NOTHING)]):
        bottom, top = (low if began is None else began), (high if ended is None else ended)
        if mode == "area" and colour != NOTHING:
            axes.axhspan(bottom, top, color=COLOURS[colour], alpha=0.1, linewidth=0)
        elif mode == "dashed" and ended is not None:
            worse = colour if above == NOTHING else above
            axes.axhline(ended, color=COLOURS[worse], linewidth=0.9, linestyle=(0, (5, 4)))
    axes.set_ylim(low, high)


def _times(axes: Axes, span: tuple[float, float]) -> None:
    """Write minutes since the beginning."""
    began, ended = span
    ticks = [began + after for after in range(0, int(ended - began) + 1, TICK_SECONDS)]
    axes.set_xlim(began, ended)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda at, _: f"{int(at - began) // 60}:{int(at - began) % 60:02d}")
    )


def _legend_rows(page: Page, names: Sequence[str], width: float) -> list[list[tuple[str, float]]]:
    """Break the names of lines, with what they take of the width, into lines of a legend."""
    rows: list[list[tuple[str, float]]] = [[]]
    used = 0.0
    for name in names:
        wanted = SWATCH + page.width_of(name, LEGEND_SIZE)
        if rows[-1] and used + wanted > width:
            rows.append([])
            used = 0.0
        rows[-1].append((name, wanted))
        used += wanted
    return rows


def _legend(
    page: Page, box: Box, rows: Sequence[Sequence[tuple[str, float]]], colours: Mapping[str, str]
) -> None:
    for number, names in enumerate(rows):
        left = box.left + 12
        top = box.top + box.height - LEGEND_LINE * (len(rows) - number) + 6
        for name, width in names:
            page.rectangle(Box(left, top - 2, 12, 4), colours[name])
            page.text(left + 17, top, name, fontsize=LEGEND_SIZE)
            left += width
