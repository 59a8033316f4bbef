"""``lcm-bridge asyncapi``: the contract as an AsyncAPI document."""

import argparse
import sys

from bridge.asyncapi import document
from bridge.asyncapi.text import text
from bridge.configuration import load
from bridge.exitcodes import DONE

HELP = "print the contract as an AsyncAPI document"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own."""
    del parser


def main(args: argparse.Namespace) -> int:
    """Print the document of the bridge that the settings make. Raises `BadSettings`."""
    del args
    loaded = load()
    sys.stdout.write(text(document(loaded.catalogue, loaded.settings)))
    return DONE
