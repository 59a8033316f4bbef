"""What is shown on the standard output: tables, times, and what others wrote as it is."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNBOUNDED = 10_000
"""Columns: no table of the bridge is as wide."""


def plain(value: str) -> Text:
    """Return text without markup, and without what would steer the terminal."""
    return Text(
        "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in value)
    )


def moment(seconds: float) -> str:
    """Return a unix time as it is shown to a person."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def console() -> Console:
    """Return where tables are printed.

    A pipe or a file has no width: nothing is cut or folded there, unless ``COLUMNS`` says one.
    """
    made = Console()
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made.width = _UNBOUNDED
    return made


def print_table(headings: Sequence[str], rows: Iterable[Iterable[str | Text]]) -> None:
    """Print a table. Nothing is cut; the first column, by which the rows are named, is not folded.

    Headings that are all empty are left out. What is no `Text` is shown as it is.
    """
    cells = [[plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, show_header=any(headings))
    for number, heading in enumerate(headings):
        longest = max((row[number].cell_len for row in cells), default=0)
        table.add_column(
            heading,
            overflow="fold",
            no_wrap=number == 0,
            min_width=max(longest, len(heading)) if number == 0 else None,
        )
    for row in cells:
        table.add_row(*row)
    console().print(table)
