"""What is shown on the terminal, and what is kept as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from bench.figures import Spread, Summary
from bench.processes import ROOT
from bench.records import Visit

RESULTS = ROOT / "bench/results"
DISTURBED = 0.05
"""Share of the measured core that something else may take before a visit counts as disturbed."""

WIDTH = 140  # also where there is no terminal: the tables have up to ten columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: the first column is text, the others are numbers with their units in the head."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an experiment found. `figures` is what JSON can hold; `faults` is empty when all went well."""

    experiment: str
    tables: Sequence[Table]
    figures: Any
    visits: Sequence[Visit] = ()
    faults: Sequence[str] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a part of an experiment found: its table, its figures as JSON can hold them, its visits."""

    table: Table
    figures: Any
    visits: Sequence[Visit]


def show(report: Report, machine: dict[str, Any]) -> None:
    """Print the tables, the machine and the faults."""
    console = Console(width=WIDTH, highlight=False)
    for table in report.tables:
        shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for number, column in enumerate(table.columns):
            shown.add_column(
                column, justify="right" if number else "left", no_wrap=not number, overflow="fold"
            )
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
        for note in table.notes:
            console.print(f"  {note}", style="dim")
        console.print()
    console.print(described(machine), style="dim")
    disturbed = [one for one in report.visits if (one.disturbed or 0.0) > DISTURBED]
    if disturbed:
        console.print(
            f"DISTURBED: in {len(disturbed)} of {len(report.visits)} visits something else took more than "
            f"{DISTURBED:.0%} of the measured core: its figures are worth little",
            style="bold yellow",
        )
    for fault in report.faults:
        console.print(f"FAULT: {fault}", style="bold red")


def described(machine: dict[str, Any]) -> str:
    """Return the machine in two lines."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    where = (
        f"measured on core {machine['measured_cores']}, servers and load on core {machine['other_cores']}"
        if machine["measured_cores"] != machine["other_cores"]
        else "everything on ONE core: what is measured shares it with servers and load"
    )
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; {where}\n"
        f"Python {machine['python']} (bridge: {machine['bridge_python']}), Node {machine['node'] or '-'}, "
        f"RabbitMQ {machine['rabbitmq']}, Redis {machine['redis']}; {packages}"
    )


def write(report: Report, machine: dict[str, Any], path: Path | None) -> Path:
    """Write everything as JSON to `path`, or to a file of its own in bench/results; return where.

    Raises OSError.
    """
    now = datetime.now(UTC)
    if path is None:
        path = RESULTS / f"{now:%Y-%m-%d-%H%M%S}-{report.experiment}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "experiment": report.experiment,
        "at": now.isoformat(timespec="seconds"),
        "machine": machine,
        "arguments": report.arguments,
        "figures": report.figures,
        "faults": list(report.faults),
        "visits": [one.as_json() for one in report.visits],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def ranged(spread: Spread | None, digits: int = 2) -> str:
    """Return a spread as "median (lowest-highest)"; "-" for none."""
    if spread is None:
        return "-"
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}-{spread.high:.{digits}f})"


def mib(size: float) -> str:
    """Return bytes as MiB."""
    return f"{size / (1 << 20):.1f}"


COST_COLUMNS = (
    "CPU us/request",
    "ratio to (a)",
    "requests/s",
    "requests/s per core",
    "busy",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "peak MiB",
)


def cost_row(summary: Summary) -> list[str]:
    """Return the cells of `COST_COLUMNS`."""
    latencies = [f"{summary.latency_ms[name].median:.1f}" for name in ("p50", "p99", "p99.9")]
    return [
        ranged(summary.cpu_us, 0),
        ranged(summary.ratio),
        f"{summary.rate.median:.0f}",
        f"{summary.rate_per_core.median:.0f}",
        f"{summary.busy.median:.2f}",
        *latencies,
        mib(summary.peak_bytes),
    ]
