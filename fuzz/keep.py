"""``python -m fuzz.keep TARGET``: put into the corpus what a search found and the corpus does not reach.

The smallest inputs first, and only those that reach a step from line to line of the bridge's code that none
before did. For whoever has searched for long; nothing here needs atheris.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import bridge
from fuzz.__main__ import CORPUS, MORE, OUT
from fuzz.targets import target

LARGEST: Final = 2048
"""Bytes of an input that is kept."""

_CODE: Final = str(Path(bridge.__file__).parent)

Step = tuple[str, int, int]
"""A file, and two lines of it that were run one after the other."""


def main() -> int:
    """Look at what was found, and copy what is new."""
    name = sys.argv[1]
    check = target(name).check
    known: set[Step] = set()
    for folder in (CORPUS / name, *map(Path, MORE.get(name, ()))):
        for file in folder.iterdir():
            known |= steps(check, file.read_bytes())
    found = sorted((OUT / name / "found").iterdir(), key=lambda file: (file.stat().st_size, file.name))
    kept = 0
    for file in found:
        data = file.read_bytes()
        if len(data) > LARGEST or not (new := steps(check, data) - known):
            continue
        known |= new
        kept += 1
        (CORPUS / name / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    print(f"{name}: {kept} of {len(found)} kept")
    return 0


def steps(check: Callable[[bytes], None], data: bytes) -> set[Step]:
    """Return the steps of the bridge's code that an input takes."""
    taken: set[Step] = set()

    def enter(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        file, last = frame.f_code.co_filename, frame.f_lineno
        if event != "call" or not file.startswith(_CODE):
            return None

        def within(frame: FrameType, event: str, _: object) -> Callable[..., Any]:
            nonlocal last
            if event == "line":
                taken.add((file, last, frame.f_lineno))
                last = frame.f_lineno
            return within

        return within

    sys.settrace(enter)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return taken


if __name__ == "__main__":
    sys.exit(main())
