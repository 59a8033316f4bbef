"""One picture of a comparison: `python -m bench.plot RESULT.json`; a PNG is written beside it.

Above, CPU per request as a ratio to the bare peer, with its spread over the rounds; below, the latencies with
a slow LCM. Both by variant and workload.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

WIDTH = 0.38
"""Of a bar, where 1.0 is the distance of two variants."""

WORKS = {"read": "#4477aa", "side-effect": "#ee7733"}  # told apart by the colour-blind too


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Draw the figures of a comparison into `path`. Raises ValueError when it is none, OSError."""
    figures = result["figures"]
    if result["experiment"] != "compare" or not figures:
        raise ValueError("only what `compare` found can be drawn")
    names = list(dict.fromkeys(one["variant"] for one in figures))
    slowest = max(one["lcm_ms"] for one in figures)
    drawing = Figure(figsize=(10, 9), layout="constrained")
    above, below = drawing.subplots(2, 1)
    fastest = min(one["lcm_ms"] for one in figures)
    _costs(above, [one for one in figures if one["lcm_ms"] == fastest], names)
    above.set_title(f"CPU per request, LCM answers after {fastest:g} ms")
    _latencies(below, [one for one in figures if one["lcm_ms"] == slowest], names)
    below.set_title(f"latency, LCM answers after {slowest:g} ms")
    machine = result["machine"]
    drawing.suptitle(
        f"lcm-bridge and its peers: {machine['cpu']}, Python {machine['python']}, {result['at']}"
    )
    drawing.savefig(path, dpi=130)


def _costs(axes: Axes, figures: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Draw the median ratio as a bar, lowest and highest as a whisker, the microseconds as text."""
    # Without the bare peer there is no ratio: then the microseconds themselves are drawn.
    key = "ratio" if all(one["ratio"] for one in figures) else "cpu_us"
    for place, (work, colour) in enumerate(WORKS.items()):
        for one in (one for one in figures if one["work"] == work):
            at = names.index(one["variant"]) + (place - 0.5) * WIDTH
            value = one[key]
            whisker = [[value["median"] - value["low"]], [value["high"] - value["median"]]]
            axes.bar(at, value["median"], WIDTH, color=colour, yerr=whisker, capsize=3)
            axes.annotate(
                f"{one['cpu_us']['median']:.0f} us",
                (at, value["high"]),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    if key == "ratio":
        axes.axhline(1.0, color="black", linewidth=0.8, linestyle="--")
    axes.set_ylabel("ratio to bare (a), same round" if key == "ratio" else "microseconds")
    _finish(axes, names, [Patch(color=colour, label=work) for work, colour in WORKS.items()])


def _latencies(axes: Axes, figures: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Draw p50 as a dot, p99 as a line up from it."""
    for place, (work, colour) in enumerate(WORKS.items()):
        own = [one for one in figures if one["work"] == work]
        at = [names.index(one["variant"]) + (place - 0.5) * WIDTH for one in own]
        middle = [one["latency_ms"]["p50"]["median"] for one in own]
        high = [one["latency_ms"]["p99"]["median"] for one in own]
        up = [above - below for above, below in zip(high, middle, strict=True)]
        axes.errorbar(
            at,
            middle,
            yerr=[[0.0] * len(up), up],
            fmt="o",
            color=colour,
            capsize=5,
            label=f"{work}: p50, up to p99",
        )
    axes.set_ylabel("milliseconds")
    axes.set_ylim(bottom=0)
    _finish(axes, names, None)


def _finish(axes: Axes, names: Sequence[str], handles: Sequence[Any] | None) -> None:
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="y", linewidth=0.4)
    axes.legend(handles=handles) if handles else axes.legend()


def main(given: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.plot", description=__doc__.partition("\n")[0])
    parser.add_argument("result", type=Path, help="JSON file that `python -m bench compare` wrote")
    parser.add_argument("--output", type=Path, help="PNG file; beside the result if not given")
    arguments = parser.parse_args(given)
    path = arguments.output or arguments.result.with_suffix(".png")
    draw(json.loads(arguments.result.read_text()), path)
    sys.stdout.write(f"written: {path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
