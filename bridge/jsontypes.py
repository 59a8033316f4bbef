"""What ``json.loads`` can give, and ways through it."""

from collections.abc import Iterable, Iterator

JsonScalar = str | int | float | bool | None
JsonValue = JsonScalar | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]


def json_type(value: JsonValue) -> str:
    """Name a JSON value's type for an error message: ``a number``, ``null``, ``an object``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return {str: "a string", int: "a number", float: "a number", list: "an array", dict: "an object"}[
        type(value)
    ]


def _children(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def deeper_than(value: JsonValue, limit: int) -> bool:
    """Tell whether a value has more levels of nesting."""
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent)]
    return any(isinstance(value, dict | list) for value in level)


def everything_in(root: JsonValue) -> Iterator[JsonValue]:
    """Yield a value and everything within it."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        yield value
        waiting.extend(_children(value))


def strings(root: JsonValue) -> Iterator[str]:
    """Yield every string and every key within."""
    for value in everything_in(root):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value
