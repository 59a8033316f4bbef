"""Whether a value is valid, by the few words of JSON Schema that the project's own schemas use."""

import re
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}

KNOWN = {
    *(
        "type",
        "const",
        "enum",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
    ),
    *("maximum", "items", "minItems", "maxItems", "properties", "required", "maxProperties"),
    *("title", "description", "default", "additionalProperties"),
}


def fits(schema: Any, value: Any, document: Any = None) -> bool:
    """Tell whether a value is valid; ``document`` is what references lead into."""
    unknown = {word for word in schema if not word.startswith("x-")} - KNOWN
    assert not unknown, unknown
    assert schema.get("additionalProperties", True) is True
    if "$ref" in schema:
        schema = referred(document, schema["$ref"])
    kinds = schema.get("type", [])
    return (
        (
            "type" not in schema
            or any(is_of(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds))
        )
        and ("const" not in schema or equal(schema["const"], value))
        and ("enum" not in schema or any(equal(one, value) for one in schema["enum"]))
        and ("anyOf" not in schema or any(fits(one, value, document) for one in schema["anyOf"]))
        and ("oneOf" not in schema or sum(fits(one, value, document) for one in schema["oneOf"]) == 1)
        and all(fits(one, value, document) for one in schema.get("allOf", ()))
        and within(schema, value, document)
    )


def referred(document: Any, reference: str) -> Any:
    """Return what a reference within the document leads to."""
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def is_of(kind: str, value: Any) -> bool:
    """Tell whether a value is of a type; a boolean is no number."""
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are the same; true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def within(schema: Any, value: Any, document: Any) -> bool:
    """Tell whether a value keeps the limits of its type."""
    match value:
        case str():
            long = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9)
            return long and re.search(schema.get("pattern", ""), value) is not None
        case int() | float():
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
        case list():
            few = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)
            return few and all(fits(schema.get("items", {}), one, document) for one in value)
        case dict():
            there = all(name in value for name in schema.get("required", ()))
            members = schema.get("properties", {})
            return (
                there
                and len(value) <= schema.get("maxProperties", 10**9)
                and all(fits(members.get(name, {}), one, document) for name, one in value.items())
            )
    return True
