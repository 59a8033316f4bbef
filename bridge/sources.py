"""Where settings come from: environment, secrets directory, TOML file. Each is read by itself.

What they say together, and whether that can be right, `bridge.configuration` tells.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bridge.preflight import unfit
from bridge.settings import Settings

PREFIX: Final = "BRIDGE_"
DELIMITER: Final = "__"
DEFAULT_FILE: Final = Path("config/bridge.toml")

SECRETS: Final = "secrets directory"
"""What the name of that source begins with."""

Tree = dict[str, Any]
"""What a source holds: groups, and in them settings, none of them checked."""


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


def sources() -> Iterator[tuple[str, Callable[[], Tree]]]:
    """Return the sources that there are, the first one wins: its name, and what reads it."""
    yield "environment", _Environment(_Reader)
    if directory := os.environ.get(f"{PREFIX}SECRETS_DIR"):
        yield f"{SECRETS} {directory}", lambda: _secrets(Path(directory))
    file = settings_file()
    if os.environ.get(f"{PREFIX}CONFIG") or file.exists():
        yield str(file), lambda: _toml(file)


def settings_file() -> Path:
    """Return the TOML file of the settings; it need not be there."""
    return Path(os.environ.get(f"{PREFIX}CONFIG") or DEFAULT_FILE)


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


def strange_names() -> list[str]:
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
