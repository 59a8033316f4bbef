"""Arguments that several commands take."""

import argparse

from bridge.mentions import Mention


def mention(text: str) -> Mention:
    """Read a text that is looked for. Raises `argparse.ArgumentTypeError`."""
    try:
        return Mention(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
