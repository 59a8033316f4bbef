"""``lcm-bridge config``: every setting with its source."""

import argparse

from rich.console import Console
from rich.table import Table

from bridge.cli.display import plain
from bridge.configuration import describe, load

HELP = "print every setting with its source, secrets masked"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own."""
    del parser


def main(args: argparse.Namespace) -> int:
    """Print the table. Raises `bridge.configuration.BadSettings`."""
    del args
    table = Table("setting", "value", "source", box=None, pad_edge=False)
    for row in describe(load()):
        table.add_row(*map(plain, row))
    console = Console()
    console.print(table)
    return 0
