"""The targets: each is a module with ``check(data)``, and ``WORDS`` that a mutation may put in.

They are imported by name, as coverage is only seen of what is imported after that began.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, NamedTuple

TARGETS: Final = (
    "envelope",
    "properties",
    "translation",
    "answer",
    "record",
    "declaration",
    "frames",
    "quotes",
)


class Target(NamedTuple):
    """``check`` raises if something does not hold of these bytes."""

    check: Callable[[bytes], None]
    words: Sequence[bytes]


def target(name: str) -> Target:
    """Import a target."""
    module = import_module(f"{__name__}.{name}")
    return Target(module.check, module.WORDS)
