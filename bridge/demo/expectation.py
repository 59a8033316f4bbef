"""Says whether a reply is what the contract promises, and if not, where it differs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.jsontypes import JsonValue

ENVELOPE = ["channel", "topic", "subtopic"]


@dataclass(frozen=True, slots=True)
class Matching:
    """Stands for any string in which the regular expression `pattern` is found."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Number:
    """Stands for any number."""


@dataclass(frozen=True, slots=True)
class Containing:
    """Stands for an array that holds, in any order, something for each of `items` and maybe more."""

    items: tuple["Expected", ...]


@dataclass(frozen=True, slots=True)
class Several:
    """Stands for an array of exactly `count` elements, each of them as `item` says."""

    count: int
    item: "Expected"


Expected = str | int | bool | None | Matching | Number | Containing | Several | Mapping[str, "Expected"]


def differences(expected: Expected, found: JsonValue, path: str = "") -> list[str]:
    """Return how `found` differs from `expected`, one line each.

    Objects must have the expected members and no others.
    """
    here = path or "the body"
    match expected:
        case Matching(pattern):
            fits = isinstance(found, str) and re.search(pattern, found, re.IGNORECASE) is not None
            return [] if fits else [f"{here}: expected text that matches {pattern!r}, found {found!r}"]
        case Number():
            fits = isinstance(found, int | float) and not isinstance(found, bool)
            return [] if fits else [f"{here}: expected a number, found {found!r}"]
        case Containing() | Several():
            return _array_differences(expected, found, path)
        case Mapping():
            return _object_differences(expected, found, path)
    # True is 1 in Python, not in JSON.
    if type(expected) is type(found) and expected == found:
        return []
    return [f"{here}: expected {expected!r}, found {found!r}"]


def _array_differences(expected: Containing | Several, found: JsonValue, path: str) -> list[str]:
    if not isinstance(found, list):
        return [f"{path}: expected an array, found {found!r}"]
    if isinstance(expected, Containing):
        missing = [item for item in expected.items if all(differences(item, one) for one in found)]
        return [f"{path}: nothing in it is {item!r}" for item in missing]
    if len(found) != expected.count:
        return [f"{path}: expected {expected.count} elements, found {len(found)}"]
    return [line for at, one in enumerate(found) for line in differences(expected.item, one, f"{path}[{at}]")]


def _object_differences(expected: Mapping[str, Expected], found: JsonValue, path: str) -> list[str]:
    here = path or "the body"
    if not isinstance(found, dict):
        return [f"{here}: expected an object, found {found!r}"]
    lines = [f"{here}: {name} is missing" for name in expected if name not in found]
    lines += [f"{here}: {name} was not expected" for name in found if name not in expected]
    for name in expected.keys() & found.keys():
        lines += differences(expected[name], found[name], f"{path}.{name}" if path else name)
    return lines


def order_faults(body: JsonValue) -> list[str]:
    """Return a line if the members of a reply or error event do not stand in the contract's order."""
    if isinstance(body, dict) and list(body)[:3] != ENVELOPE:
        return [
            f"the body: its members must begin with {', '.join(ENVELOPE)}, not {', '.join(list(body)[:3])}"
        ]
    return []
