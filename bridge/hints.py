"""What whoever gave a name that there is not is told about those that there are."""

import difflib
from collections.abc import Mapping


def hint(given: str, known: Mapping[str, str], otherwise: str = "") -> str:
    """Return "did you mean NAME?", else ``otherwise`` or "there are NAME, NAME".

    ``known`` has each spelling in lower case, and the name that is told for it.
    """
    if near := difflib.get_close_matches(given.casefold(), known, n=1):
        return f"did you mean {known[near[0]]}?"
    return otherwise or f"there are {', '.join(dict.fromkeys(known.values()))}"
