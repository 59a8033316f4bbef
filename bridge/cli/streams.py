"""Standard streams that take nothing: closed by who starts the command, no longer read, a full disk."""

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


def bear() -> None:
    """Let no write to a pipe or a file end the command, and write UTF-8 there: JSON, TOML and HTML are that.

    What nobody reads any more is lost. A command then ends as it would have, with its own exit code: that of
    ``lcm-bridge request ... | head`` says how the request ended. What else goes wrong, `unwritten` tells.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and not stream.isatty():
            setattr(sys, name, _lenient(stream))


def unwritten() -> str:
    """Bring out what is left for standard output; return why it could not be written, empty if it was."""
    sys.stdout.flush()
    outlet = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return outlet.problem if isinstance(outlet, _Outlet) else ""


def _lenient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(stream.fileno(), "w", closefd=False)),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Outlet(io.FileIO):
    problem = ""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            pass
        except OSError as error:
            self.problem = error.strerror or str(error)
        return memoryview(data).nbytes
