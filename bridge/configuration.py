"""Loading the settings: from where each value comes, and every fault at once.

The first source that has a value wins: environment, secrets directory, TOML file, default.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bridge import declarations
from bridge.operations.catalogue import Catalogue
from bridge.operations.declared.reading import BadDeclaration, Declaration
from bridge.operations.model import Rules
from bridge.preflight import amqp_faults, file_faults, redis_faults, tracing_faults, unfit
from bridge.settings import Settings
from bridge.settings.wording import worded

PREFIX = "BRIDGE_"
DELIMITER = "__"
DEFAULT_FILE = Path("config/bridge.toml")

SECRETS = "secrets directory"

_NEXT_URL = re.compile(r",(?=\s*[a-z+]+://)")

Tree = dict[str, Any]


class BadSettings(ValueError):
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


class _Lenient(EnvSettingsSource):
    """Leaves a value that is no JSON as it is: validation then names the setting, beside all other faults."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 - as in the base
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _Environment(_Lenient):
    pass


class _SecretFiles(_Lenient, NestedSecretsSettingsSource):
    """Reads what is ours: beside it may lie anything, such as a keystore."""

    @classmethod
    def load_secrets(cls, path: Path) -> dict[str, str]:
        found = {}
        for file in sorted(path.iterdir()):
            if not file.name.upper().startswith(PREFIX) or not file.exists():
                continue  # a link that leads nowhere is one that is being removed
            if problem := unfit(file):
                raise OSError(f"{file.name} {problem}")
            try:
                found[file.name] = file.read_text(encoding="utf-8").strip()
            except UnicodeDecodeError:
                raise OSError(f"{file.name} is not UTF-8") from None
        return found


def load() -> Loaded:
    """Read every source. Raises `BadSettings`."""
    merged, origins, faults = _read()
    faults += declarations.faults(merged, _operations())
    loaded = Loaded(checked(merged, origins, faults), origins)
    catalogue(loaded.settings)
    return loaded


def _read() -> tuple[Tree, dict[str, str], list[str]]:
    """Return what all sources say, where each value is from, and what could not be read."""
    faults: list[str] = []
    trees: list[tuple[str, Tree]] = []
    for name, read in sources():
        try:
            trees.append((name, read()))
        except (SettingsError, TOMLDecodeError, OSError, UnicodeDecodeError) as error:
            faults.append(f"{name}: {error}")
    faults += _strange_names()
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


def catalogue(settings: Settings) -> Catalogue:
    """Return the operations that the settings make: those of the contract and more. Raises `BadSettings`."""
    try:
        return declarations.catalogue(settings, _operations())
    except BadDeclaration as bad:
        raise BadSettings(bad.faults) from bad


def checked(merged: Tree, sources: Mapping[str, str], faults: list[str]) -> Settings:
    """Return the settings. Raises `BadSettings` for all ``faults`` that there were, and all that it finds."""
    tried: list[tuple[str, str]] = []
    for group in ("amqp", "redis", "lcm"):
        if isinstance(raw := merged.get(group), dict):  # before what is wrong is taken out
            tried += file_faults(group, raw)
    settings = _validate(merged, sources, faults)
    if settings is not None:
        tried += amqp_faults(settings.amqp)
        tried += redis_faults(settings.redis)
        tried += tracing_faults(settings.tracing)
    faults += [told(name, problem, sources) for name, problem in tried]
    if settings is None or faults:
        raise BadSettings(faults)
    return settings


def sources() -> Iterator[tuple[str, Callable[[], Tree]]]:
    """Return the sources that there are, the first one wins: its name, and what reads it."""
    yield "environment", _Environment(_Reader)
    if directory := os.environ.get(f"{PREFIX}SECRETS_DIR"):
        yield f"{SECRETS} {directory}", lambda: _secrets(Path(directory))
    file = _file()
    if os.environ.get(f"{PREFIX}CONFIG") or file.exists():
        yield str(file), lambda: _toml(file)


def _file() -> Path:
    return Path(os.environ.get(f"{PREFIX}CONFIG") or DEFAULT_FILE)


def _operations() -> Path:
    """Return where a site's own operations are declared unless the settings say: beside their file."""
    return _file().parent / "operations"


def _secrets(directory: Path) -> Tree:
    if not directory.is_dir():
        raise NotADirectoryError(f"{PREFIX}SECRETS_DIR names no directory")
    plain = SecretsSettingsSource(_Reader, secrets_dir=directory, env_prefix=PREFIX)
    return _SecretFiles(
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


def _strange_names() -> list[str]:
    """Find mistyped groups, which no source reads.

    Kubernetes itself sets ``BRIDGE_SERVICE_HOST`` and such, without ``__``.
    """
    groups = set(Settings.model_fields)
    names = dict.fromkeys(os.environ, "")
    directory = Path(os.environ.get(f"{PREFIX}SECRETS_DIR") or os.devnull)
    if directory.is_dir():
        names |= {file.name: f" (from secrets directory {directory})" for file in directory.iterdir()}
    return [
        f"{name}: there is no group of settings {group!r}; there are {', '.join(sorted(groups))}{source}"
        for name, source in sorted(names.items())
        if name.upper().startswith(PREFIX) and DELIMITER in name
        if (group := name[len(PREFIX) :].split(DELIMITER)[0].casefold()) not in groups
    ]


def merge(base: Tree, over: Mapping[str, Any]) -> None:
    """Put what a source holds over what those below it hold."""
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, Mapping) else value


def leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Return the dotted names of the settings in what a source holds."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and not path:
            yield from leaves(value, f"{key}.")
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
                message = worded(fault["type"], fault["msg"], path, tree)
                faults.append(told(".".join(path) or "settings", message, sources))
                removed |= _remove(tree, path)
            if not removed:
                return None
    return settings


def told(name: str, problem: str, sources: Mapping[str, str]) -> str:
    """Return what is said of a fault: the setting's dotted name, the problem, where the value came from."""
    source = sources.get(".".join(name.split(".")[:2]))
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
            rows.append((dotted, masked(setting, url=name == "url"), origin))
    return rows


def changed(loaded: Loaded) -> dict[str, dict[str, str]]:
    """Return the settings that are not left at their defaults, by source, secrets masked."""
    found: dict[str, dict[str, str]] = {}
    default = {name: value for name, value, _ in describe(Loaded(Settings(), {}))}
    for name, value, source in describe(loaded):
        if source != "default" and (value != default[name] or "***" in value):
            found.setdefault(source, {})[name] = value
    return found


def masked(value: object, *, url: bool = False) -> str:
    """Show a setting without its secrets: passwords in a URL, and tokens and header values as a whole."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if url:
            return ",".join(_masked_url(one) for one in _NEXT_URL.split(text))
        return "***" if text else ""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key}: {masked(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    return str(value)


def _masked_url(url: str) -> str:
    scheme, mark, rest = url.strip().partition("://")
    # To the last @, whatever a password holds: rather too much is hidden than too little.
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    if any(sign in user for sign in "/?#"):
        user, colon, place = "", ":", "***"
    # A query may carry a certificate's password, and an @ in it hides where the log-in ended.
    place = (
        "***" if any(sign in login for sign in "?#") else re.sub(r"[?#].*", "?***", place, flags=re.DOTALL)
    )
    return f"{scheme}{mark}{user}{':***' if colon else ''}{at}{place}"
