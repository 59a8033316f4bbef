"""The JSON schema of a declared operation's ``data``, for those who publish requests.

What JSON schema cannot say stands in keys that begin with ``x-``; `bridge.asyncapi.extensions` explains them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields as parts
from typing import Final

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.declared.fieldforms import FieldForm
from bridge.operations.fields import Field

_TO_LCM: Final = frozenset({"yes", "no"})
"""What a field says of LCM's wire alone."""
_COMMON: Final = frozenset(part.name for part in parts(Field))


def data_schema(fields: Iterable[Field], forms: Mapping[str, FieldForm]) -> JsonObject:
    """Return the JSON schema of ``data``: each field under its own name in its own spelling, and its aliases.

    It takes nothing that is of another type than the bridge takes, but cannot say all that the bridge checks.
    """
    properties: JsonObject = {}
    required: list[JsonValue] = []
    either: list[JsonValue] = []
    for field in fields:
        taken = field.schema() if field.required else _or_null(field.schema())
        properties[field.name] = dict(_property(field, forms[field.name], taken))
        for alias in field.aliases:
            told = f"Another name of {field.name}: give one of them."
            properties[alias] = {"description": told, **taken, "x-alias-of": field.name}
        if field.required and field.aliases:
            either.append({"anyOf": [{"required": [name]} for name in (field.name, *field.aliases)]})
        elif field.required:
            required.append(field.name)
    schema: JsonObject = {"type": "object", "x-case-insensitive": True, "properties": properties}
    if required:
        schema["required"] = required
    if either:
        schema["allOf"] = either
    return schema


def _property(field: Field, form: FieldForm, taken: JsonObject) -> Iterator[tuple[str, JsonValue]]:
    if form.about:
        yield "description", form.about
    yield from taken.items()
    if (default := getattr(form, "default", None)) is not None:
        yield "default", default
    if field.aliases:
        yield "x-aliases", list(field.aliases)
    yield "x-check", dict(_check(field, form))


def _check(field: Field, form: FieldForm) -> Iterator[tuple[str, JsonValue]]:
    """Yield what the bridge checks: the type and its limits, as declared and as the site sets them."""
    yield "type", form.model_dump()["type"]
    for part in parts(field):
        if part.init and part.name not in _COMMON | _TO_LCM:
            value = getattr(field, part.name)
            # 64 bits do not fit into the numbers of each reader of JSON.
            exact = str(value) if part.name in ("least", "most") else value
            if part.name != "setting" or value:
                yield part.name, list(exact) if isinstance(exact, tuple) else exact
    if (before := getattr(form, "not_before", None)) is not None:
        yield "not_before", before


def _or_null(schema: JsonObject) -> JsonObject:
    """Let null pass, which counts as absent."""
    if isinstance(kind := schema.get("type"), str):
        return {**schema, "type": [kind, "null"]}
    ways = schema["anyOf"]
    return {**schema, "anyOf": [*(ways if isinstance(ways, list) else ()), {"type": "null"}]}
