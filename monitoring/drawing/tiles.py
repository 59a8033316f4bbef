"""Draws a tile: the last value of each of its lines in big type, over how it came about."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from monitoring.document import Line
from monitoring.drawing.frame import TITLE, Box, Page
from monitoring.drawing.looks import DIM, PAGE, coloured, said, worded

BIGGEST: Final = 25.0
"""Points of a value that has its tile to itself."""
NAME: Final = 9.0
"""Points of the name of one of several values."""
BOLD: Final = 1.15
"""How much wider bold type is."""


def draw(
    page: Page, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], span: tuple[float, float]
) -> None:
    """Draw a panel of type `stat`."""
    page.frame(box, panel["title"])
    body = box.inner(8, TITLE, 8, 6)
    always = panel["options"]["textMode"] == "value_and_name"
    shown = [line for line in lines if any(math.isfinite(value) for _, value in line.points)]
    for index, line in enumerate(shown):
        width = body.width / len(shown)
        part = Box(body.left + index * width, body.top, width, body.height)
        _value(
            page,
            part.inner(2, 0, 2, 0),
            panel["fieldConfig"]["defaults"],
            line,
            span,
            named=len(shown) > 1 or always,
        )


def _value(  # noqa: PLR0913 - what a value's picture depends on
    page: Page, box: Box, defaults: Mapping[str, Any], line: Line, span: tuple[float, float], *, named: bool
) -> None:
    value = [value for _, value in line.points if math.isfinite(value)][-1]
    word = worded(value, defaults)
    text, colour = word or (
        said(value, defaults["unit"], defaults.get("decimals")),
        coloured(value, defaults),
    )
    if word is None:
        _sparkline(page, box, line, colour, span)
        middle = box.top + box.height * (0.38 if named else 0.34)
        ink = colour
    else:
        page.rectangle(box, colour, alpha=0.85)
        middle = box.top + box.height * (0.6 if named else 0.5)
        ink = PAGE
    fitting = BIGGEST * (box.width - 8) / page.width_of(text, BIGGEST * BOLD)
    size = min(BIGGEST, fitting)
    if named:
        name_size = min(NAME, NAME * (box.width - 10) / page.width_of(line.name, NAME))
        above = box.top + 9
        tint = PAGE if word is not None else DIM
        page.text(box.left + box.width / 2, above, line.name, ha="center", fontsize=name_size, color=tint)
    page.text(
        box.left + box.width / 2, middle, text, ha="center", fontsize=size, color=ink, fontweight="bold"
    )


def _sparkline(page: Page, box: Box, line: Line, colour: str, span: tuple[float, float]) -> None:
    axes = page.axes(box.inner(0, box.height * 0.58, 0, 0), bare=True)
    times = [at for at, _ in line.points]
    values = [value for _, value in line.points]
    axes.plot(times, values, color=colour, linewidth=1.2)
    axes.fill_between(
        times, values, min(0, *(v for v in values if math.isfinite(v)), 0), color=colour, alpha=0.18
    )
    axes.set_xlim(*span)
    highest = max((value for value in values if math.isfinite(value)), default=1)
    axes.set_ylim(0, highest * 1.08 or 1)
