"""Logs that are configured for one test, and read back."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from logs.log_lines import Lines


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Configure logs by ``lines.configure`` and read what came out; afterwards all is as before."""
    root, aiormq = logging.getLogger(), logging.getLogger("aiormq")
    handlers, levels = root.handlers[:], (root.level, aiormq.level)
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield Lines(capsys)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    aiormq.setLevel(levels[1])
