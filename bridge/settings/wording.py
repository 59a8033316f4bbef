"""What is said of a setting that validation refuses, where the library's own words do not help."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from bridge.hints import hint, must
from bridge.settings import Settings

_LONGEST_EXAMPLE: Final = 200

PATTERNS: Final[Mapping[str, str]] = {
    "amqp.prefix": "must be of letters, digits and _ . : -",
    "redis.prefix": "must have neither blanks nor braces",
    "lcm.base_url": "must be a URL that starts with http:// or https://, without a query",
}
"""What is said of settings that are held against a pattern, which says nothing to most people."""

_MAPS: Final[Mapping[str, str]] = {
    "lcm.methods": '{"CreateContact": "AddContact"}',
    "lcm.headers": '{"X-Api-Key": "..."}',
    "access": '{"CreateContact": ["campaign-loader"]}',
    "sources": '{"CreateContact": ["nightly-import"]}',
}


def worded(kind: str, message: str, path: Sequence[str], tree: Mapping[str, Any]) -> str:
    """Return what is wrong at ``path``.

    ``kind`` and ``message`` are pydantic's, https://docs.pydantic.dev/latest/errors/validation_errors/, and
    ``tree`` is all settings as they were given.
    """
    if kind == "extra_forbidden":
        return _unknown(path)
    value = _at(tree, path)
    if kind == "list_type" and isinstance(value, str) and len(value) <= _LONGEST_EXAMPLE:
        example = json.dumps([one.strip() for one in value.split(",")])
        return f"must be a list in JSON, such as {example}"
    dotted = ".".join(path)
    if kind == "dict_type" and isinstance(value, str):
        return f"must be a map in JSON, such as {_MAPS.get(dotted, '{...}')}"
    if kind == "string_pattern_mismatch" and dotted in PATTERNS:
        return PATTERNS[dotted]
    return must(message)


def _unknown(path: Sequence[str]) -> str:
    *groups, name = path
    if not groups:
        known = ", ".join(sorted(Settings.model_fields))
        return f"there is no group of settings {name!r}; there are {known}"
    group = groups[0]
    field = Settings.model_fields.get(group)
    form = field.annotation if field else None
    names: Iterable[str] = form.model_fields if isinstance(form, type) and issubclass(form, BaseModel) else ()
    return f"there is no such setting; {hint(name, {one: f'{group}.{one}' for one in names})}"


def _at(tree: Any, path: Iterable[str]) -> object:  # noqa: ANN401 - settings as they were given
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree
