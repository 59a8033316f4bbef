#!/usr/bin/env python3
"""Write config/bridge.toml anew from bridge/settings: every setting with its default and what it is for.

Run it with the project's Python after a change of the settings: .venv/bin/python scripts/write_config.py
"""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bridge.settings import Settings

FILE = Path(__file__).parent.parent / "config" / "bridge.toml"

HEAD = """\
Settings of lcm-bridge. Written by scripts/write_config.py from bridge/settings.

Every setting is here, commented out, with its default: so the file changes nothing until a line is
uncommented, a better default of a later version takes effect, and `lcm-bridge config` shows as coming
from this file what was really decided in it.

The environment wins over this file: [lcm] timeout is BRIDGE_LCM__TIMEOUT. Maps and lists are JSON there.
Between the two stand files named like the variables in the directory BRIDGE_SECRETS_DIR.
BRIDGE_CONFIG names another file than config/bridge.toml.

What is marked SECRET belongs into the environment or the secrets directory, not into this file.
"""

EXAMPLES = {
    "lcm.methods": '{ CreateContact = "AddContact" }',
    "operations.siblings": '["SetDNC", "AddCompliance"]',
    "access": 'CreateContact = ["campaign-loader"]',
    "sources": 'CreateContact = ["nightly-import"]',
}


def text() -> str:
    """Return the whole file."""
    lines = [*_comment(HEAD, ""), ""]
    for name, info in Settings.model_fields.items():
        lines += _group(name, info)
    return "\n".join(lines).rstrip() + "\n"


def _group(name: str, info: FieldInfo) -> Iterator[str]:
    default = info.get_default(call_default_factory=True)
    if not isinstance(default, BaseModel):  # a map: its entries are the site's own
        yield from _comment(info.description or "", "")
        yield f"[{name}]"
        yield f"# for example: {EXAMPLES[name]}"
        yield ""
        return
    yield from _comment(_first_line(type(default)), "")
    yield f"[{name}]"
    for setting, field in type(default).model_fields.items():
        yield ""
        value = field.get_default(call_default_factory=True)
        about = field.description or ""
        dotted = f"{name}.{setting}"
        if "SecretStr" in str(field.annotation):
            variable = f"BRIDGE_{name}__{setting}".upper()
            about = f"{about} - SECRET, better as the variable or file {variable}"
        yield from _comment(about, "  ")
        if dotted in EXAMPLES:
            yield f"#   for example: {setting} = {EXAMPLES[dotted]}"
        yield f"# {setting} = {_toml(value)}"
    yield ""


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _comment(prose: str, indent: str) -> Iterator[str]:
    for paragraph in prose.splitlines():
        for line in textwrap.wrap(paragraph, 105, break_on_hyphens=False) or [""]:
            yield f"# {indent}{line}".rstrip()


def _toml(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, dict) and value:
        raise ValueError("a default that is a map with entries: write it as TOML here")
    return json.dumps(value, ensure_ascii=False)  # what the defaults hold is written alike in JSON and TOML


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
