"""The names that an operation reads in ``data``, and those that it does not."""

from collections.abc import Iterable

from bridge.hints import hint
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
    known = {spelling: field.name for spelling, field in fields_by_name(operation).items()}
    return [
        f"data.{name} is no field of {operation.name}; {hint(name, known)}"
        for name in names
        if name.casefold() not in known
    ]
