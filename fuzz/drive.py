"""Runs one target under libFuzzer: ``python -m fuzz.drive TARGET [libFuzzer's options and folders]``."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris
import structlog

from fuzz.targets import target

LONGEST_INPUT = 65_536
"""Bytes."""

LONGEST_WORD = 64
"""Bytes: libFuzzer takes none that are longer."""

SLOWEST = 1.0
"""Seconds of CPU for one input; watched by coverage, the code runs several times slower than it does."""


def main() -> None:
    """Watch what the target imports of the bridge, and run it until libFuzzer ends the process."""
    name, *options = sys.argv[1:]
    structlog.configure(processors=[_nothing])
    with atheris.instrument_imports(include=["bridge"]):
        check, words = target(name)

    def one(data: bytes) -> None:
        if _seconds(data) > SLOWEST and _seconds(data) > SLOWEST:
            raise TimeoutError(f"took more than {SLOWEST} s of CPU, twice")

    def _seconds(data: bytes) -> float:
        began = time.thread_time()
        check(data)
        return time.thread_time() - began

    with TemporaryDirectory() as folder:
        file = Path(folder, "words")
        lines = [_quoted(word) for word in words if len(word) <= LONGEST_WORD]
        file.write_text("".join(lines))
        atheris.Setup([sys.argv[0], f"-max_len={LONGEST_INPUT}", f"-dict={file}", *options], one)
        atheris.Fuzz()


def _quoted(word: bytes) -> str:
    """Write a word as libFuzzer reads it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


def _nothing(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


if __name__ == "__main__":
    main()
