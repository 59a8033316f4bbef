"""The names that an operation reads in ``data``, and those that it does not."""

import difflib
from collections.abc import Iterable

from bridge.operations.declared.operation import Declared
from bridge.operations.fields import Field
from bridge.operations.model import Operation


def fields_by_name(operation: Operation | None) -> dict[str, Field]:
    """Return each field under its names in lower case."""
    fields: dict[str, Field] = {}
    for field in operation.fields if isinstance(operation, Declared) else ():
        fields |= dict.fromkeys(map(str.casefold, (field.name, *field.aliases)), field)
    return fields


def unread(names: Iterable[str], operation: Operation | None) -> list[str]:
    """Return a remark for each name that the operation ignores; a relay passes all of them on."""
    if not isinstance(operation, Declared) or not operation.calls_lcm:
        return []
    known = fields_by_name(operation)
    return [
        f"data.{name} is no field of {operation.name}; {_hint(name, known)}"
        for name in names
        if name.casefold() not in known
    ]


def _hint(name: str, known: dict[str, Field]) -> str:
    if near := difflib.get_close_matches(name.casefold(), known, n=1):
        return f"did you mean {known[near[0]].name}?"
    return f"there are {', '.join(dict.fromkeys(field.name for field in known.values()))}"
