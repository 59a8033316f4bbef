"""Standard streams that are not there: closed by who starts the command, or no longer read."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MODES: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed() -> None:
    """Let closed streams, for which Python has no object, lead nowhere."""
    for name, mode in _MODES:  # in the order of their numbers, of which the lowest free one is taken
        if getattr(sys, name) is None:
            file = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - it ends with the process
            setattr(sys, name, file)


def bear_unread() -> None:
    """Let what is written to a pipe that nobody reads any more be lost.

    A command then ends as it would have, with its own exit code: that of ``lcm-bridge request ... | head``
    says how the request ended.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and not stream.isatty():
            setattr(sys, name, _lenient(stream))


def _lenient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Pipe(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes
