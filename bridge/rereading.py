"""What the files behind the settings hold now, for connections that are opened from now on."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from bridge.configuration import BadSettings, checked, fault_text
from bridge.preflight import PEM, files_behind
from bridge.settings import Settings
from bridge.sources import PREFIX, SECRETS, Tree, leaves, merge, sources

_PEM: Final = frozenset(PEM)

TAKEN_ANEW: Final[Mapping[str, frozenset[str]]] = {
    "amqp": _PEM | {"url", "username", "password", "auth"},
    "redis": _PEM | {"url", "username", "password", "sentinel_username", "sentinel_password"},
    "lcm": _PEM | {"username", "password", "bearer_token", "headers"},
}
"""The settings by which connections are opened. The other ones are used from the start to the end."""


def reread(settings: Settings) -> Settings:
    """Return settings with what the files in the secrets directory hold now; the rest stays.

    Raises OSError, and `bridge.configuration.BadSettings`: also for a file that is empty and was not before,
    as one that is being written, and for a change that needs a new start.
    """
    before = settings.model_dump()
    merged = settings.model_dump()
    secret: Tree = {}
    origins: dict[str, str] = {}
    others = []
    for name, read in sources():
        if name.startswith(SECRETS):
            secret = read()
            origins = dict.fromkeys(leaves(secret), name)
        else:
            others.append(read)
    if "headers" in _group(secret, "lcm"):  # one that is no longer there must not be sent on
        merged["lcm"]["headers"] = {}
        for read in reversed(others):
            merge(merged, {"lcm": {"headers": _group(read(), "lcm").get("headers", {})}})
    merge(merged, secret)
    merge(merged, others[0]())  # the environment
    faults = [
        fault_text(f"{group}.{name}", "the file is empty", origins)
        for group in secret
        for name, value in _group(secret, group).items()
        if value == "" and _text(_group(before, group).get(name))
    ]
    now = checked(merged, origins, faults)
    after = now.model_dump()
    faults = [
        fault_text(f"{group}.{name}", "a worker must be started anew with it", origins)
        for group, members in after.items()
        for name in sorted(members.keys() | before[group].keys())
        if members.get(name) != before[group].get(name) and name not in TAKEN_ANEW.get(group, ())
    ]
    if faults:
        raise BadSettings(faults)
    return now


def _group(tree: Tree, name: str) -> Mapping[str, Any]:
    return group if isinstance(group := tree.get(name), Mapping) else {}


def _text(value: object) -> str:
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value or "")


def files(settings: Settings) -> Iterator[Path]:
    """Return the files behind the settings: certificates, and those in the secrets directory."""
    yield from (file for _, _, file in files_behind(settings))
    directory = Path(os.environ.get(f"{PREFIX}SECRETS_DIR") or os.devnull)
    if directory.is_dir():
        yield from sorted(file for file in directory.iterdir() if file.is_file())
