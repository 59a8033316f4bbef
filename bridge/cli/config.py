"""``lcm-bridge config``: every setting with its source."""

import argparse

from bridge.cli.display import print_table
from bridge.configuration import describe, load
from bridge.exitcodes import DONE

HELP = "print every setting with its source, secrets masked"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own."""
    del parser


def main(args: argparse.Namespace) -> int:
    """Print the table. Raises `bridge.configuration.BadSettings`."""
    del args
    loaded = load()
    print_table(("setting", "value", "source"), describe(loaded.settings, loaded.sources))
    return DONE
