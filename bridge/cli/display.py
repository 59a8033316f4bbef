"""What others wrote, shown in a table as it is."""

from rich.text import Text


def plain(value: str) -> Text:
    """Return text without markup, and without what would steer the terminal."""
    return Text(
        "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in value)
    )
