"""Settings from every source, for one test."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.configuration import BadSettings, Loaded, describe, load


@dataclass(frozen=True)
class Sources:
    """Writes settings to where ``load`` reads them."""

    folder: Path
    patch: pytest.MonkeyPatch

    def environment(self, **variables: str) -> None:
        """Set variables, without their ``BRIDGE_``."""
        for name, value in variables.items():
            self.patch.setenv(f"BRIDGE_{name}", value)

    def secrets(self, files: Mapping[str, str]) -> Path:
        """Write a secrets directory."""
        directory = self.folder / "secrets"
        directory.mkdir(exist_ok=True)
        for name, value in files.items():
            (directory / name).write_text(value)
        self.patch.setenv("BRIDGE_SECRETS_DIR", str(directory))
        return directory

    def toml(self, text: str, name: str = "config/bridge.toml") -> Path:
        """Write a TOML file."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file


def value_of(loaded: Loaded, dotted: str) -> Any:
    """Give a setting as plain data, secrets included."""
    value: Any = loaded.settings
    for part in dotted.split("."):
        value = getattr(value, part)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def source_of(loaded: Loaded, dotted: str) -> str:
    """Give the source that ``lcm-bridge config`` shows."""
    return {name: source for name, _, source in describe(loaded.settings, loaded.sources)}[dotted]


def faults() -> list[str]:
    """Give the faults that loading lists."""
    with pytest.raises(BadSettings) as caught:
        load()
    return caught.value.faults


def as_json(value: object) -> str:
    """Write a value as a variable holds it."""
    return json.dumps(value)
