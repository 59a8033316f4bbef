"""``lcm-bridge docs``: the contract as a page."""

import argparse
import sys
from pathlib import Path

from bridge.asyncapi import document
from bridge.configuration import load
from bridge.exitcodes import DONE, FAILED
from bridge.page.page import render

HELP = "write the contract as a page, one HTML file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file."""
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="where to; -: standard output")


def main(args: argparse.Namespace) -> int:
    """Return 1 if the file cannot be written. Raises `BadSettings`."""
    loaded = load()
    page = render(document(loaded.catalogue, loaded.settings))
    if args.file == "-":
        sys.stdout.write(page)
        return DONE
    try:
        Path(args.file).write_text(page, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"{args.file} cannot be written: {error.strerror}\n")
        return FAILED
    return DONE
