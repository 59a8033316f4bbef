"""The corpus of the fuzz targets: what was found, and what leads a search far, holds each time."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fuzz.__main__ import CORPUS
from fuzz.targets import TARGETS, target

ENTRIES = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.parent.name}/{entry.name}")
def test_an_input_of_the_corpus(entry: Path) -> None:
    """What the target says of any bytes holds of these."""
    with capture_logs():  # written for the console, stack traces would take longer than all else
        target(entry.parent.name).check(entry.read_bytes())


def test_every_target_has_a_corpus() -> None:
    """And it is small: it is read with each run of the tests."""
    assert set(TARGETS) == {entry.parent.name for entry in ENTRIES}
    assert all(entry.stat().st_size <= 8192 for entry in ENTRIES)
    assert len(ENTRIES) <= 400
