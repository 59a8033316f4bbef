"""Loading the settings: from where each value comes, and every fault at once.

The first source that has a value wins: environment, secrets directory, TOML file, default.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bridge.operations.catalogue import OPERATIONS
from bridge.settings import Settings

PREFIX = "BRIDGE_"
DELIMITER = "__"
DEFAULT_FILE = Path("config/bridge.toml")

Tree = dict[str, Any]


class BadSettings(Exception):
    """The settings cannot be right; ``faults`` lists everything that must be changed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for each dotted name the source that its value came from."""

    settings: Settings
    sources: Mapping[str, str]


class _Reader(Settings, BaseSettings):
    """Only read by the source classes: which variables there are and which of them are JSON."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="forbid")


def load() -> Loaded:
    """Read every source. Raises `BadSettings`."""
    faults: list[str] = []
    trees: list[tuple[str, Tree]] = []
    for name, read in _sources():
        try:
            trees.append((name, read()))
        except (SettingsError, TOMLDecodeError, OSError, UnicodeDecodeError) as error:
            faults.append(f"{name}: {error}")
    faults += _strange_variables()
    merged: Tree = {}
    sources: dict[str, str] = {}
    for name, tree in reversed(trees):
        _merge(merged, tree)
        sources.update(dict.fromkeys(_leaves(tree), name))
    settings = _validate(merged, sources, faults)
    if settings is None or faults:
        raise BadSettings(faults)
    return Loaded(settings, sources)


def _sources() -> Iterator[tuple[str, Callable[[], Tree]]]:
    yield "environment", EnvSettingsSource(_Reader)
    if directory := os.environ.get(f"{PREFIX}SECRETS_DIR"):
        yield f"secrets directory {directory}", lambda: _secrets(Path(directory))
    configured = os.environ.get(f"{PREFIX}CONFIG")
    file = Path(configured) if configured else DEFAULT_FILE
    if configured or file.exists():
        yield str(file), lambda: _toml(file)


def _secrets(directory: Path) -> Tree:
    if not directory.is_dir():
        raise NotADirectoryError(f"{PREFIX}SECRETS_DIR names no directory")
    plain = SecretsSettingsSource(_Reader, secrets_dir=directory, env_prefix=PREFIX)
    return NestedSecretsSettingsSource(
        plain,
        secrets_dir=directory,
        secrets_prefix=PREFIX,
        secrets_nested_delimiter=DELIMITER,
        # A mounted secret holds a few files; a directory of megabytes is a mistake.
        secrets_dir_max_size=1024 * 1024,
    )()


def _toml(file: Path) -> Tree:
    if not file.is_file():
        raise FileNotFoundError("there is no such file")
    return TomlConfigSettingsSource(_Reader, file)()


def _strange_variables() -> list[str]:
    """Find mistyped variables. Kubernetes itself sets ``BRIDGE_SERVICE_HOST`` and such, without ``__``."""
    groups = set(Settings.model_fields)
    return [
        f"{name}: there is no group of settings {group!r}; there are {', '.join(sorted(groups))}"
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX) and DELIMITER in name
        if (group := name[len(PREFIX) :].split(DELIMITER)[0].casefold()) not in groups
    ]


def _merge(base: Tree, over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, Mapping) else value


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and not path:
            yield from _leaves(value, f"{key}.")
        else:
            yield f"{path}{key}"


def _validate(tree: Tree, sources: Mapping[str, str], faults: list[str]) -> Settings | None:
    """Validate; take out what is wrong and validate again, so that no fault hides another."""
    settings = None
    while settings is None:
        try:
            settings = Settings.model_validate(tree)
        except ValidationError as error:
            removed = False
            for fault in error.errors(include_url=False, include_input=False, include_context=False):
                path = [str(part) for part in fault["loc"]]
                dotted = ".".join(path[:2])
                source = sources.get(dotted)
                message = fault["msg"].removeprefix("Value error, ")
                faults.append(
                    f"{'.'.join(path) or 'settings'}: {message}" + (f" (from {source})" if source else "")
                )
                removed |= _remove(tree, path)
            if not removed:
                return None
    operations = {operation.name.casefold() for operation in OPERATIONS}
    for group, names in (("lcm.methods", settings.lcm.methods), ("access", settings.access)):
        faults.extend(
            f"{group}: {name} is no operation; there are {', '.join(one.name for one in OPERATIONS)}"
            for name in names
            if name.casefold() not in operations
        )
    return settings


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


def describe(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Return every setting as (dotted name, value with secrets masked, source)."""
    rows = []
    for group, value in loaded.settings:
        fields = dict(value) if isinstance(value, BaseModel) else {"": value}
        for name, setting in fields.items():
            dotted = f"{group}.{name}" if name else group
            origin = loaded.sources.get(dotted, "")
            if not origin:
                inside = {source for key, source in loaded.sources.items() if key.startswith(f"{dotted}.")}
                origin = ", ".join(sorted(inside)) or "default"
            rows.append((dotted, masked(setting), origin))
    return rows


def masked(value: object) -> str:
    """Show a setting without its secrets: passwords in URLs, tokens, header values."""
    if isinstance(value, SecretStr):
        return _masked_text(value.get_secret_value())
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key}: {masked(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    return str(value)


def _masked_text(text: str) -> str:
    if "://" not in text:
        return "***" if text else ""
    return ",".join(_masked_url(part.strip()) for part in text.split(","))


def _masked_url(url: str) -> str:
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    # A query may carry a certificate's password; the names of its members are enough.
    query = "***" if parts.query else ""
    netloc = f"{user}{colon}{'***' if colon else ''}{at}{place}"
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))
