"""Colours, and values as people read them. Named as in the dashboard's JSON, which is Grafana's schema."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

PAGE, PANEL, BORDER = "#111217", "#181b1f", "#2c3235"
TEXT, DIM, GRID = "#d8d9da", "#8e9297", "#2a2e33"
COLOURS: Final = {
    "green": "#73bf69",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "text": "#8e9297",
}
PALETTE: Final = (
    *("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d"),
    *("#fade2a", "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62"),
)
NOTHING: Final = "transparent"
_THOUSANDS: Final = ("", " K", " Mil", " Bil")
_BYTES: Final = (" B", " KiB", " MiB", " GiB")
_PER_SECOND: Final = {"reqps": " req/s", "ops": " ops/s"}


def said(value: float, unit: str, decimals: int | None = None) -> str:
    """Write a value with its unit, as short as Grafana does."""
    if math.isnan(value):
        return "-"
    match unit:
        case "percentunit":
            text = f"{_short(100 * value, decimals)} %"
        case "s":
            text = _seconds(value)
        case "bytes":
            text = _scaled(value, 1024, _BYTES)
        case "short":
            text = _scaled(value, 1000, _THOUSANDS, decimals)
        case _:
            text = _short(value, decimals) + _PER_SECOND.get(unit, "")
    return text


def scale_of(highest: float, unit: str) -> float:
    """Return what an axis up to `highest` counts in: minutes, MiB, or the unit itself."""
    if unit == "s":
        return next((size for size in (3600.0, 60.0, 1.0, 0.001) if highest >= 2 * size), 1.0)
    if unit == "bytes":
        return next((size for size in (1024.0**3, 1024.0**2, 1024.0) if highest >= 2 * size), 1.0)
    return 1.0


def _seconds(value: float) -> str:
    for size, name in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms")):
        if value >= size:
            return f"{_short(value / size)} {name}"
    return "0 s"


def _scaled(value: float, base: float, names: Sequence[str], decimals: int | None = None) -> str:
    steps = 0
    while abs(value) >= base and steps < len(names) - 1:
        value, steps = value / base, steps + 1
    return _short(value, decimals) + names[steps]


def _short(value: float, decimals: int | None = None) -> str:
    value = round(value, 6)  # 0.6 as a share of a hundred is a little more than 60
    if decimals is None:
        decimals = 0 if abs(value) >= 100 or value == round(value) else 1 if abs(value) >= 10 else 2  # noqa: PLR2004
    return f"{value:.{decimals}f}"


def coloured(value: float, defaults: Mapping[str, Any]) -> str:
    """Return the colour that a panel's thresholds give a value."""
    steps = defaults["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step.get("value") is None or value >= step["value"]]
    return COLOURS.get(reached[-1], TEXT)


def worded(value: float, defaults: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the word that a panel has for a value, and its colour; None where it has none."""
    for mapping in defaults.get("mappings", []):
        found = mapping["options"].get(f"{value:g}")
        if found is not None:
            return found["text"], COLOURS[found["color"]]
    return None


def line_colours(names: Sequence[str], panel: Mapping[str, Any]) -> list[str]:
    """Return a colour for each line: its own where the panel gives it one, else the next of the palette."""
    own = {
        override["matcher"]["options"]: COLOURS[one["value"]["fixedColor"]]
        for override in panel["fieldConfig"].get("overrides", [])
        for one in override["properties"]
        if one["id"] == "color"
    }
    free = [colour for colour in PALETTE if colour not in own.values()]
    given = {name: free[index % len(free)] for index, name in enumerate(n for n in names if n not in own)}
    return [(own | given)[name] for name in names]
