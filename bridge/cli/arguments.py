"""Arguments that several commands take."""

import argparse
import re
from collections.abc import Callable

from bridge.mentions import Mention


def mention(text: str) -> Mention:
    """Read a text that is looked for. Raises `argparse.ArgumentTypeError`."""
    try:
        return Mention(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def number(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number within bounds. It raises `argparse.ArgumentTypeError`."""

    def read(text: str) -> float:
        try:
            given = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!a} is no number") from None
        if not least <= given <= most:  # false for nan too
            raise argparse.ArgumentTypeError(f"must be from {least:g} to {most:g}, not {text}")
        return given

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds. It raises `argparse.ArgumentTypeError`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,20}", text):
            raise argparse.ArgumentTypeError(f"{text!a} is no whole number")
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}, not {text}")
        return int(text)

    return read
