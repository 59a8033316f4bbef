"""The picture of the dashboard: what is asked for it, kept, and how values are written on it."""

import math
from pathlib import Path

import pytest
from support.watched_site import needs_prometheus

from monitoring.document import Line, Shown, dashboard, panels
from monitoring.drawing.looks import COLOURS, coloured, line_colours, said, scale_of, worded
from monitoring.server import Prometheus
from monitoring.story.questions import PanelsWithoutData, ask, with_values

CLOSED_OR_OPEN = {
    "mappings": [
        {"options": {"0": {"text": "closed", "color": "green"}, "2": {"text": "open", "color": "red"}}}
    ]
}
HIGH_IS_BAD = {"thresholds": {"steps": [{"color": "green"}, {"value": 5, "color": "orange"}]}}


@needs_prometheus
async def test_panel_without_data_is_named() -> None:
    """Where nothing is scraped there is no picture: every panel is named that would be empty."""
    async with Prometheus([]) as prometheus:
        with pytest.raises(PanelsWithoutData) as refused:
            await ask(prometheus, 1_700_000_000, 1_700_000_010)
    always = {"Agents' requests", "Alerts firing", "Workers"}  # they show 0 where nobody is left
    for panel in panels(dashboard()):
        assert (f"{panel['title']}: " in str(refused.value)) == (panel["title"] not in always)


def test_variables_get_values() -> None:
    """No variable of the dashboard is left in what Prometheus is asked."""
    for panel in panels(dashboard()):
        for target in panel["targets"]:
            assert "$" not in with_values(target["expr"], 200)


def test_what_was_shown_is_kept(tmp_path: Path) -> None:
    """What one program writes down of the panels, the other reads again."""
    shown = Shown(1.0, 3.0, 1.0, {"7": [Line("ok", [(1.0, 2.5), (2.0, 0.0)])]}, {"Breaker open": []})
    shown.write(tmp_path / "folder" / "shown.json")
    assert shown == Shown.read(tmp_path / "folder" / "shown.json")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.8397, "percentunit", "84.0 %"),
        (1, "percentunit", "100 %"),
        (0.0191, "s", "19.1 ms"),
        (150, "s", "2.50 min"),
        (0, "s", "0 s"),
        (36.14, "reqps", "36.1 req/s"),
        (2048, "short", "2.05 K"),
        (2048, "none", "2048"),
        (0.6, "percentunit", "60 %"),
        (75_811_226, "bytes", "72.3 MiB"),
        (math.nan, "s", "-"),
    ],
)
def test_values_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    """A value is short, and says what it counts."""
    assert text == said(value, unit)


def test_axes_count_in_round_units() -> None:
    """An axis of minutes counts minutes, one of MiB MiB."""
    assert [60.0, 1.0, 0.001] == [scale_of(highest, "s") for highest in (300, 5, 0.4)]
    assert 1024.0**2 == scale_of(150_000_000, "bytes")


def test_values_take_the_colours_and_words_of_their_panel() -> None:
    """A threshold that is reached gives its colour; a mapped value is a word."""
    assert [COLOURS["green"], COLOURS["orange"]] == [coloured(value, HIGH_IS_BAD) for value in (4.9, 5)]
    assert ("open", COLOURS["red"]) == worded(2, CLOSED_OR_OPEN)
    assert worded(1, CLOSED_OR_OPEN) is None


def test_lines_have_colours_of_their_own() -> None:
    """A line that the panel colours has that colour, and no other line has it."""
    panel = next(panel for panel in panels(dashboard()) if panel["title"] == "Replies")
    colours = line_colours(["confirmed", "other", "unroutable"], panel)
    assert (COLOURS["green"], COLOURS["orange"]) == (colours[0], colours[2])
    assert len(set(colours)) == len(colours)
