"""How a FastStream peer ends when a request goes wrong.

FastStream logs whatever a handler, a reply or an acknowledgement raises, and goes on. Its log is therefore
where a failure is seen, at no cost for the requests that succeed.
"""

import logging

from faststream import FastStream


class Failures(logging.Handler):
    """Ends a FastStream application at the first error in a log."""

    def __init__(self, app: FastStream) -> None:
        super().__init__(logging.ERROR)
        self._app = app
        self._first: str | None = None

    def watch(self, logger: str) -> None:
        """End with the first error of the logger with this name."""
        logging.getLogger(logger).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take an error; called by the logger."""
        if self._first is None:
            self._first = self.format(record)
        self._app.exit()

    def check(self) -> None:
        """Raise RuntimeError with the first error, if there was one."""
        if self._first is not None:
            raise RuntimeError(self._first)
