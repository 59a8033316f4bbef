"""Logs that are configured for one test, and read back."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from logs.log_lines import Lines


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Configure logs by ``lines.configure`` and read what came out; afterwards all is as before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    aiormq = logging.getLogger("aiormq.connection").level
    yield Lines(capsys)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("aiormq.connection").setLevel(aiormq)
