"""Loading the settings: every fault at once, and from where each value comes.

The first source that has a value wins: environment, secrets directory, TOML file (`bridge.sources`), default.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import SettingsError

from bridge import declarations
from bridge.operations.catalogue import Catalogue
from bridge.operations.declared.reading import Declaration
from bridge.operations.model import Rules
from bridge.preflight import amqp_faults, file_faults, redis_faults, tracing_faults
from bridge.settings import Settings
from bridge.settings.wording import worded
from bridge.sources import Tree, leaves, merge, settings_file, sources, strange_names
from bridge.urls import HIDDEN, without_secrets

_NEXT_URL = re.compile(r",(?=\s*[a-z+]+://)")


class BadSettings(ValueError):
    """The settings cannot be right; ``faults`` lists everything that must be changed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the operations that they make, and for each dotted name the source of its value."""

    settings: Settings
    catalogue: Catalogue
    sources: Mapping[str, str]


def load() -> Loaded:
    """Read every source. Raises `BadSettings`."""
    merged, origins, faults = _read()
    declared = declarations.of_site(merged, _operations(), faults)
    settings = checked(merged, origins, faults)
    return Loaded(settings, Catalogue(declarations.rules(settings), declared), origins)


def _read() -> tuple[Tree, dict[str, str], list[str]]:
    """Return what all sources say, where each value is from, and what could not be read."""
    faults: list[str] = []
    trees: list[tuple[str, Tree]] = []
    for name, read in sources():
        try:
            trees.append((name, read()))
        except (SettingsError, TOMLDecodeError, OSError, UnicodeDecodeError) as error:
            faults.append(f"{name}: {error}")
    faults += strange_names()
    merged: Tree = {}
    origins: dict[str, str] = {}
    for name, tree in reversed(trees):
        merge(merged, tree)
        origins.update(dict.fromkeys(leaves(tree), name))
    return merged, origins, faults


def beside(files: Sequence[Path]) -> tuple[list[Declaration], Rules]:
    """Return what else is declared where ``files`` are to be, and the rules there, where they are right."""
    tree = _read()[0]
    return declarations.beside(files, tree, _operations()), declarations.rules_of(tree)


def _operations() -> Path:
    """Return where a site's own operations are declared unless the settings say: beside their file."""
    return settings_file().parent / "operations"


def checked(merged: Tree, origins: Mapping[str, str], faults: list[str]) -> Settings:
    """Return the settings. Raises `BadSettings` for all ``faults`` that there were, and all that it finds."""
    tried: list[tuple[str, str]] = []
    for group in ("amqp", "redis", "lcm"):
        if isinstance(raw := merged.get(group), dict):  # before what is wrong is taken out
            tried += file_faults(group, raw)
    settings = _validate(merged, origins, faults)
    if settings is not None:
        tried += amqp_faults(settings.amqp)
        tried += redis_faults(settings.redis)
        tried += tracing_faults(settings.tracing)
    faults += [fault_text(name, problem, origins) for name, problem in tried]
    if settings is None or faults:
        raise BadSettings(faults)
    return settings


def _validate(tree: Tree, origins: Mapping[str, str], faults: list[str]) -> Settings | None:
    """Validate; take out what is wrong and validate again, so that no fault hides another."""
    settings = None
    while settings is None:
        try:
            settings = Settings.model_validate(tree)
        except ValidationError as error:
            removed = False
            for fault in error.errors(include_url=False, include_input=False, include_context=False):
                path = [str(part) for part in fault["loc"]]
                message = worded(fault["type"], fault["msg"], path, tree)
                faults.append(fault_text(".".join(path) or "settings", message, origins))
                removed |= _remove(tree, path)
            if not removed:
                return None
    return settings


def fault_text(name: str, problem: str, origins: Mapping[str, str]) -> str:
    """Return what is said of a fault: the setting's dotted name, the problem, where the value came from."""
    source = origins.get(".".join(name.split(".")[:2]))
    return f"{name}: {problem}" + (f" (from {source})" if source else "")


def _remove(tree: Tree, path: list[str]) -> bool:
    for depth in (2, 1):
        if len(path) >= depth:
            *parents, last = path[:depth]
            parent: Any = tree
            for key in parents:
                parent = parent.get(key) if isinstance(parent, dict) else None
            if isinstance(parent, dict) and last in parent:
                del parent[last]
                return True
    return False


def describe(settings: Settings, origins: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return every setting as (dotted name, value with secrets masked, source)."""
    rows = []
    for group, value in settings:
        fields = dict(value) if isinstance(value, BaseModel) else {"": value}
        for name, setting in fields.items():
            dotted = f"{group}.{name}" if name else group
            origin = origins.get(dotted, "")
            if not origin:
                inside = {source for key, source in origins.items() if key.startswith(f"{dotted}.")}
                origin = ", ".join(sorted(inside)) or "default"
            rows.append((dotted, masked(setting, url=name == "url"), origin))
    return rows


def changed(loaded: Loaded) -> dict[str, dict[str, str]]:
    """Return the settings that are not left at their defaults, by source, secrets masked."""
    found: dict[str, dict[str, str]] = {}
    default = {name: value for name, value, _ in describe(Settings(), {})}
    for name, value, source in describe(loaded.settings, loaded.sources):
        if source != "default" and (value != default[name] or HIDDEN in value):
            found.setdefault(source, {})[name] = value
    return found


def masked(value: object, *, url: bool = False) -> str:
    """Show a setting without its secrets: passwords in a URL, and tokens and header values as a whole."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if url:
            return ",".join(without_secrets(one.strip()) for one in _NEXT_URL.split(text))
        return HIDDEN if text else ""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key}: {masked(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    return str(value)
