"""Reading a declaration: TOML text in, a `Declaration` out, or every fault of it at once."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from bridge.hints import hint, must
from bridge.jsontypes import JsonValue
from bridge.operations.declared.checks import faults_between
from bridge.operations.declared.fieldforms import FORMS
from bridge.operations.declared.forms import (
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
}
_PATTERNS: Final[Mapping[str, str]] = {
    "subtopic": "must be a word of a routing key: letters, digits, _ and -, at most 64",
    "name": "must begin with a letter, and go on with letters, digits and _, at most 64",
}


class BadDeclaration(ValueError):
    """A declaration cannot be right; ``faults`` lists all that must be changed, each with file and key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Example(NamedTuple):
    """One request and what becomes of it; None where it does not apply."""

    data: JsonValue
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
        texts = (told.data, told.call, told.result, told.message)
        return Example(*(None if text is None else json.loads(text) for text in texts))


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
        told = error.errors(include_url=False, include_context=True)
        raise BadDeclaration([f"{file}: {one}" for one in _faults(told)]) from error
    declaration = Declaration(form, text, file)
    if faults := [f"{file}: {path}: {problem}" for path, problem in faults_between(form)]:
        raise BadDeclaration(faults)
    return declaration


def _faults(told: Iterable[Any]) -> Iterator[str]:
    for fault in told:
        path = list(map(str, fault["loc"]))
        form: type[BaseModel] = DeclarationForm
        if path[0] == "data" and len(path) > 2 and path[2] in FORMS:  # noqa: PLR2004 - data.<name>.<type>.<key>
            form = FORMS[path.pop(2)]
        elif path[0] != "data":
            parents = [part for part in path[:-1] if part in _PARTS]
            form = _PARTS[parents[-1]] if parents else DeclarationForm
        yield f"{_path(path)}: {_problem(fault, path[-1], form)}"


def _path(parts: Iterable[str]) -> str:
    """Write a path as TOML's reader counts: routes[0].subtopic; pydantic marks a key of a map."""
    text = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts if part != "[key]")
    return text.removeprefix(".")


def _problem(fault: Mapping[str, Any], key: str, form: type[BaseModel]) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return f"is no key here; {hint(key, {name: name for name in form.model_fields})}"
    if kind == "string_pattern_mismatch":
        words = key in ("channel", "topic", "subtopic", "reply", "reply_channel", "reply_topic")
        return _PATTERNS["subtopic" if words else "name"]
    return _WORDS.get(kind, must(str(fault["msg"])))
