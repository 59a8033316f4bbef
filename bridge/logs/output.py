"""Where log lines go, and what becomes of those that cannot be written."""

import logging
import sys
from contextlib import suppress
from typing import IO, Any


class Output:
    """A file that takes what it can: a full disk, or a pipe that nobody reads, must not fail a request.

    A line that is logged between a call of LCM and its recording would. Standard error is told, once.
    """

    def __init__(self, file: IO[Any]) -> None:
        self._file = file
        self._told = False

    def write(self, line: Any) -> None:  # noqa: ANN401 - text or bytes, as the file takes it
        """Write a line."""
        try:
            self._file.write(line)
        except OSError as error:
            self._tell(error)

    def flush(self) -> None:
        """Bring it out."""
        try:
            self._file.flush()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            with suppress(OSError):
                sys.stderr.write(f"log lines are lost: {error}\n")
                sys.stderr.flush()


class LibraryHandler(logging.StreamHandler[Any]):
    """Writes what libraries log. A line of theirs that cannot be made is told as what it was meant to be."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Write the unfinished text; the standard library would write a traceback to standard error."""
        record.msg, record.args, record.exc_info = str(record.msg), None, None
        self.stream.write(self.format(record) + self.terminator)
