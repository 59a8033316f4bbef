"""Logs that are configured for one test, and read back."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from logs.log_lines import Lines

from bridge.logs.setup import LIBRARIES_OF_MESSAGES


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Configure logs by ``lines.configure`` and read what came out; afterwards all is as before."""
    root = logging.getLogger()
    changed = [root, *map(logging.getLogger, LIBRARIES_OF_MESSAGES)]
    handlers, levels = root.handlers[:], [logger.level for logger in changed]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield Lines(capsys)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    for logger, level in zip(changed, levels, strict=True):
        logger.setLevel(level)
