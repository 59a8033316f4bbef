"""Reading an operation's ``data``: every field at once, so one round trip tells all there is to repair."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from bridge.failures import Detail, InvalidData
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.fields import Field, Wrong


class _Reading(NamedTuple):
    """How a field is read: worked out once, as for each request it would cost as much as reading the texts.

    ``key`` is its own name in lower case, ``names`` all of them, as spelled and in lower case.
    """

    name: str
    key: str
    take: Callable[[JsonValue], JsonValue]
    default: JsonValue
    required: bool
    names: Iterable[tuple[str, str]]
    """Empty for a field without aliases."""


class Fields:
    """The members that an operation's ``data`` takes."""

    def __init__(self, *fields: Field) -> None:
        self._fields = fields
        self._readings = [_reading(field) for field in fields]

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def read(
        self,
        data: Mapping[str, JsonValue] | None,
        clashes: Callable[[JsonObject], Iterable[Detail]] = lambda _: (),
    ) -> JsonObject:
        """Read every field of ``data`` and return the values under their canonical names, in order.

        An optional field that is absent and has no default is not among them.

        ``clashes`` says what is wrong between the fields that could be read. Raises
        `InvalidData` that names every fault at once.
        """
        if data is None:
            raise InvalidData([Detail("data", "must be an object")])
        given = {key.casefold(): value for key, value in data.items()}
        values: JsonObject = {}
        problems: list[Detail] = []
        for name, key, take, default, required, names in self._readings:
            try:
                if names:
                    value = _under_any(names, take, given)
                elif (value := given.get(key)) is not None:
                    value = take(value)
            except Wrong as wrong:
                problems.append(Detail(f"data.{name}", str(wrong)))
                continue
            if value is not None:
                values[name] = value
            elif default is not None:
                values[name] = default
            elif required:
                problems.append(Detail(f"data.{name}", "is missing"))
        problems.extend(clashes(values))
        if problems:
            raise InvalidData(problems)
        return values


def _reading(field: Field) -> _Reading:
    names = [(name, name.casefold()) for name in (field.name, *field.aliases)] if field.aliases else ()
    return _Reading(field.name, field.name.casefold(), field.take, field.default, field.required, names)


def _under_any(
    names: Iterable[tuple[str, str]],
    take: Callable[[JsonValue], JsonValue],
    given: Mapping[str, JsonValue],
) -> JsonValue:
    """Read a field under each of its names, which must agree; None if it is under none."""
    first, taken = "", None
    for name, key in names:
        value = given.get(key)
        if value is None:
            continue
        another = take(value)
        if first and another != taken:
            raise Wrong(f"is given as {first} and as {name} with different values")
        first, taken = first or name, another
    return taken
