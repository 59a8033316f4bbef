"""The declarations that come with the bridge, as much part of it as its modules.

``builtin`` holds the operations of the contract, which are always on; ``siblings`` the vendor's other
operations on the same envelope, which a site turns on.
"""

from functools import cache
from importlib.resources import files

from bridge.operations.declared.reading import Declaration, read

BUILT_IN, SIBLING = "built-in", "sibling"

_ORDER = (
    "GetReservedManualDialContact",
    "GetReservedContactOD",
    "SkipManualDialContact",
    "ManualDialCall",
    "CreateContact",
)


@cache
def built_in() -> tuple[Declaration, ...]:
    """Return the operations of the contract, in its order."""
    found = {one.name: one for one in _declarations("builtin", BUILT_IN)}
    return tuple(found[name] for name in _ORDER)


@cache
def siblings() -> tuple[Declaration, ...]:
    """Return the vendor's other operations, by name."""
    return tuple(sorted(_declarations("siblings", SIBLING), key=lambda one: one.name))


def origin_of(declaration: Declaration) -> str | None:
    """Return `BUILT_IN` or `SIBLING` for one that comes with the bridge, None for a site's own."""
    return next((one for one in (BUILT_IN, SIBLING) if declaration.file.startswith(f"{one} ")), None)


def _declarations(folder: str, origin: str) -> list[Declaration]:
    entries = files("bridge.operations").joinpath(folder).iterdir()
    return [
        read(entry.read_text(encoding="utf-8"), f"{origin} {entry.name}")
        for entry in entries
        if entry.name.endswith(".toml")
    ]
