"""Checks a dashboard against Grafana's schema, as the classes of its own SDK declare it.

The SDK loads whatever it is given: it drops members that it does not know, takes defaults for those that are
missing, and looks at no type. So what was loaded is written again, which must give the same document, and
each value is held against the type that its class declares for it.
"""

import enum
import json
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

_SDK: Final = "grafana_foundation_sdk."
_LOADING_FAILS: Final = (AttributeError, KeyError, TypeError, ValueError)


def faults(document: dict[str, Any]) -> list[str]:
    """Name everything in a dashboard, given as parsed JSON, that is not as Grafana's schema has it."""
    register_default_plugins()
    return list(_loaded(Dashboard, document, "dashboard"))


def _loaded(kind: Any, document: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a class of the SDK; JSON
    try:
        loaded = kind.from_json(document)
    except _LOADING_FAILS as error:
        yield f"{path}: cannot be read as {kind.__name__}: {error!r}"
        return
    written = json.loads(json.dumps(loaded, cls=JSONEncoder))
    yield from _differences(document, written, path)
    yield from _members(loaded, path)


def _differences(given: Any, written: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(given, dict) and isinstance(written, dict):
        for name in given.keys() - written.keys():
            yield f"{path}.{name}: unknown"
        for name in written.keys() - given.keys():
            yield f"{path}.{name}: missing"
        for name in given.keys() & written.keys():
            yield from _differences(given[name], written[name], f"{path}.{name}")
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for index, (one, other) in enumerate(zip(given, written, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif given != written:
        yield f"{path}: {given!r} would become {written!r}"


def _members(loaded: object, path: str) -> Iterator[str]:
    for name, declared in typing.get_type_hints(type(loaded)).items():
        yield from _mistyped(getattr(loaded, name), declared, f"{path}.{name}")
    if isinstance(loaded, Panel) and isinstance(loaded.options, dict):
        yield f"{path}: {loaded.type_val} is no kind of panel"


def _mistyped(value: Any, declared: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON; a type of any form
    if isinstance(value, UnknownDataquery):
        yield f"{path}: a query of no known data source"
    elif type(value).__module__.startswith(_SDK) and not isinstance(value, enum.Enum):
        yield from _members(value, path)
    elif hasattr(declared, "from_json") and isinstance(value, dict):
        yield from _loaded(declared, value, path)  # the SDK leaves some as they came
    elif typing.get_origin(declared) in {typing.Union, types.UnionType}:
        found = [list(_mistyped(value, one, path)) for one in typing.get_args(declared)]
        if all(found):
            yield from min(found, key=len)
    elif (inner := _inner(value, declared)) is not None:
        for name, one in inner:
            yield from _mistyped(one, typing.get_args(declared)[-1], f"{path}[{name}]")
    elif not _is(value, declared):
        yield f"{path}: {value!r} is no {getattr(declared, '__name__', declared)}"


def _inner(value: Any, declared: Any) -> Iterable[tuple[object, Any]] | None:  # noqa: ANN401 - as above
    """Return what is in a list or a dict that is declared as one; None where it is not."""
    origin = typing.get_origin(declared)
    if origin is list and isinstance(value, list):
        return enumerate(value)
    return value.items() if origin is dict and isinstance(value, dict) else None


def _is(value: Any, declared: Any) -> bool:  # noqa: ANN401 - as above
    if declared is object:
        return True
    if typing.get_origin(declared) is typing.Literal:
        return value in typing.get_args(declared)
    if not isinstance(declared, type):
        return False
    if issubclass(declared, enum.Enum):
        return value in [one.value for one in declared]
    if isinstance(value, bool):  # which Python counts among the integers
        return declared is bool
    return isinstance(value, (int, float) if declared is float else declared)
