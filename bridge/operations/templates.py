"""Data to begin a request with: every field of an operation, with a value that is taken."""

from typing import Final

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.declared.operation import Declared
from bridge.operations.fields import (
    Decimal,
    Field,
    Flag,
    Integer,
    OneOf,
    Phone,
    Text,
)
from bridge.operations.moments import Date, Minute, Time
from bridge.operations.nested import AnyArray, AnyObject, Xml

_SAMPLES: Final[dict[type[Field], JsonValue]] = {
    Flag: False,
    Minute: "24/10/2024 07:33",
    Date: "24/10/2024",
    Time: "07:33",
    Xml: "<Data/>",
    AnyObject: {},
    AnyArray: [],
}
"""What a field of a type takes, whatever its limits are."""


def template(operation: Declared) -> JsonObject:
    """Return every field under its own name, those that must be there first, else in their order.

    The value is that of the declaration's example, else the default. A field that may be absent and has
    neither is null, which counts as absent: LCM is told nothing that nobody meant.
    """
    example = operation.declaration.example
    shown = example.data if example is not None and isinstance(example.data, dict) else {}
    given = {key.casefold(): value for key, value in shown.items()}
    fields = sorted(operation.fields, key=lambda field: not field.required)
    return {field.name: _value(field, operation, given) for field in fields}


def _value(field: Field, operation: Declared, given: JsonObject) -> JsonValue:
    for name in (field.name, *field.aliases):
        if (value := given.get(name.casefold())) is not None:
            return value
    if field.required:
        return _sample(field)
    # As it is declared: what goes to LCM may be another form.
    default: JsonValue = getattr(operation.declaration.form.data[field.name], "default", None)
    return default


def _sample(field: Field) -> JsonValue:
    match field:
        case OneOf(words=words):
            return words[0]
        case Text(shortest=shortest, longest=longest):
            return "text".ljust(shortest, "x")[:longest]
        case Phone(longest=longest):
            return "2082097345"[:longest]
        case Integer(least=least, most=most) | Decimal(least=least, most=most):
            return max(least, min(1, most))
        case _:
            return _SAMPLES[type(field)]
