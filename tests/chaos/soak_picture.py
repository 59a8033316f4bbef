"""Draw a soak: ``python -m chaos.soak_picture build/soak.jsonl docs/soak.png``, which needs matplotlib."""

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from chaos.growth import KINDS, Sample, series
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#4477aa", "#ee7733")  # told apart by the colour-blind too
MINUTE = 60


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Draw one panel for each kind of series, from zero; a grey line is a fault. Raises OSError."""
    drawing = Figure(figsize=(10, 12), layout="constrained")
    panels = drawing.subplots(len(KINDS), 1, sharex=True)
    for axes, (name, kind) in zip(panels, KINDS.items(), strict=True):
        own = sorted({one for sample in samples for one in sample if one.split(maxsplit=1)[0] == name})
        for colour, one in zip(COLOURS, own, strict=False):
            points = series(samples, one)
            label = one.replace(name, "worker") if one != name else ""
            axes.plot(
                [at / MINUTE for at, _ in points], [value for _, value in points], color=colour, label=label
            )
        axes.set_title(f"{kind.title}{f', {kind.unit}' if kind.unit else ''}", loc="left", fontsize=10)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.4)
        _faults(axes, samples)
        if len(own) > 1:
            axes.legend(loc="lower right", fontsize=8)
    panels[-1].set_xlabel("minutes")
    rate = samples[-1]["requests"] / samples[-1]["at"]
    drawing.suptitle(
        f"{samples[-1]['requests']:,} requests, {rate:.0f} a second; a grey line is a fault that a sample met"
    )
    drawing.savefig(path, dpi=110)


def _faults(axes: Axes, samples: Sequence[Sample]) -> None:
    for before, sample in itertools.pairwise(samples):
        if sample["fault"] and sample["fault"] != before["fault"]:
            axes.axvline(sample["at"] / MINUTE, color="#bbbbbb", linewidth=0.8, zorder=0)


def main() -> int:
    """Read the command line, draw, and return the exit code."""
    source, target = (Path(one) for one in sys.argv[1:])
    draw([json.loads(line) for line in source.read_text().splitlines()], target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
