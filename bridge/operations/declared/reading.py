"""Reading a declaration: TOML text in, a `Declaration` out, or every fault of it at once."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from bridge.hints import hint, must
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.declared.checks import faults_between
from bridge.operations.declared.fieldforms import FIELD, FORMS, WORD
from bridge.operations.declared.forms import (
    ADDRESS,
    NAME,
    CacheForm,
    DeclarationForm,
    ExampleForm,
    RefusalForm,
    ReplyForm,
    RouteForm,
    TellingForm,
)
from bridge.operations.model import Lane

LONGEST_TEXT: Final = 128 * 1024
"""Characters of a declaration."""

_PARTS: Final[Mapping[str, type[BaseModel]]] = {
    "": DeclarationForm,
    "routes": RouteForm,
    "told_by": TellingForm,
    "refuses": RefusalForm,
    "reply": ReplyForm,
    "cache": CacheForm,
    "example": ExampleForm,
}
_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "union_tag_invalid": f"type must be one of {', '.join(FORMS)}",
    "union_tag_not_found": f"type is missing: one of {', '.join(FORMS)}",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "list_type": "must be an array",
}
_PATTERNS: Final[Mapping[str, str]] = {
    NAME: "must begin with a letter, and go on with letters, digits and _, at most 64",
    FIELD: "must begin with a letter or _, and go on with letters, digits and _, at most 64",
    ADDRESS: "must be a word of a routing key: letters, digits, _ and -, at most 64",
    WORD: "must be one line that neither begins nor ends with a blank",
}


class BadDeclaration(ValueError):
    """A declaration cannot be right; ``faults`` lists all that must be changed, each with file and key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Example(NamedTuple):
    """One request and what becomes of it; None where it does not apply."""

    data: JsonObject
    call: JsonValue
    result: JsonValue
    message: JsonValue


@dataclass(frozen=True)
class Declaration:
    """One operation as it is declared: its form, its text, and where that is from."""

    form: DeclarationForm
    text: str
    file: str

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.form.name

    @property
    def lane(self) -> Lane:
        """The queue that it is bound to."""
        return self.form.queue

    @cached_property
    def example(self) -> Example | None:
        """The example, its JSON read."""
        told = self.form.example
        if told is None:
            return None
        rest = (None if text is None else json.loads(text) for text in (told.call, told.result, told.message))
        return Example(json.loads(told.data), *rest)


def read(text: str, file: str) -> Declaration:
    """Read one declaration; ``file`` is what its faults are told under. Raises `BadDeclaration`."""
    if len(text) > LONGEST_TEXT:
        raise BadDeclaration([f"{file}: has more than {LONGEST_TEXT} characters"])
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadDeclaration([f"{file}: is not TOML: {error}"]) from error
    except ValueError as error:  # Python's own bound for the digits of a number
        raise BadDeclaration([f"{file}: holds a number of too many digits"]) from error
    except RecursionError as error:
        raise BadDeclaration([f"{file}: is nested too deeply"]) from error
    try:
        form = DeclarationForm.model_validate(tree)
    except ValidationError as error:
        raise BadDeclaration([f"{file}: {one}" for one in _faults(error.errors(), tree)]) from error
    declaration = Declaration(form, text, file)
    if faults := [f"{file}: {path}: {problem}" for path, problem in faults_between(form)]:
        raise BadDeclaration(faults)
    return declaration


def _faults(told: Iterable[Any], tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield each fault with its key; where a value may be of several types, pydantic tells one for each."""
    problems: dict[str, list[str]] = {}
    for fault in told:
        path = list(fault["loc"])
        match path:
            case ["data", _, kind, *_] if kind in FORMS:
                form: type[BaseModel] = FORMS[kind]
                del path[2]
            case _:
                form = _PARTS[next((part for part in reversed(path[:-1]) if part in _PARTS), "")]
        if fault["type"] != "missing":
            path = _written(path, tree)
        problems.setdefault(_told(path), []).append(_problem(fault, path[-1], form))
    for key, several in problems.items():
        yield f"{key}: {', or '.join(several)}"


def _written(path: list[Any], tree: Any) -> list[Any]:  # noqa: ANN401 - whatever TOML may hold
    """Return the path as far as it is one of the text: pydantic adds names of types to it, and ``[key]``."""
    for number, part in enumerate(path):
        there = part in tree if isinstance(tree, dict) else isinstance(tree, list) and isinstance(part, int)
        if not there:
            return path[:number]
        tree = tree[part]
    return path


def _told(path: Iterable[Any]) -> str:
    """Write a path as TOML's reader counts: routes[0].subtopic."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _problem(fault: Mapping[str, Any], key: str, form: type[BaseModel]) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return f"is no key here; {hint(key, {name: name for name in form.model_fields})}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS[fault["ctx"]["pattern"]]
    message = must(fault["msg"]).replace(" after validation", "").replace("False", "false")
    return _WORDS.get(kind, message)
