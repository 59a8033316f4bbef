"""What whoever wrote what cannot be is told: which names there are, and what a value must be."""

import difflib
import re
from collections.abc import Mapping


def hint(given: str, known: Mapping[str, str], otherwise: str = "") -> str:
    """Return "did you mean NAME?", else ``otherwise`` or "there are NAME, NAME".

    ``known`` has each spelling in lower case, and the name that is told for it.
    """
    if near := difflib.get_close_matches(given.casefold(), known, n=1):
        return f"did you mean {known[near[0]]}?"
    return otherwise or f"there are {', '.join(dict.fromkeys(known.values()))}"


def must(message: str) -> str:
    """Return what pydantic says of a value as the bridge says it: "must be greater than 0"."""
    return re.sub(r"^\w+ should ", "must ", message.removeprefix("Value error, "))
