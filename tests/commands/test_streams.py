"""Commands whose standard streams are closed, or are no longer read."""

import os
import sys
from collections.abc import Iterator

import pytest
import structlog

from bridge.cli import main, streams

COMMANDS = [["operations", "list"], ["request", "CreateContact", "--template"], ["--help"]]


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Take back what a command in this very process configured: loggers would keep it for later tests."""
    yield
    structlog.reset_defaults()


def ended(command: list[str]) -> int:
    """Run a command to its end, what it wrote written out; return the exit code."""
    try:
        code = main(command)
    except SystemExit as end:  # argparse's
        code = int(end.code or 0)
    sys.stdout.flush()
    return code


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_closed_stream_leads_nowhere(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As after >&-, where Python has no object for it: the command does what it does without it."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    assert 0 == ended(command)
    for name in ("stdin", "stdout", "stderr"):
        getattr(sys, name).close()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_pipe_that_nobody_reads_fails_no_command(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before | head: the exit code is that of what was done."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as pipe:
        os.close(reading)
        monkeypatch.setattr(sys, "stdout", pipe)
        monkeypatch.setattr(sys, "__stdout__", pipe)

        assert 0 == ended(command)


def test_what_is_read_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe with a reader gets it all, in UTF-8, as JSON and HTML are, whatever the terminal speaks."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as there, os.fdopen(writing, "w", encoding="latin-1") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        monkeypatch.setattr(sys, "__stdout__", pipe)
        streams.bear()
        sys.stdout.write("\u00e9\u2026\n")
        sys.stdout.flush()

        assert "\u00e9\u2026\n".encode() == there.readline()


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was done is done; that not all of it was written is told in a line, and is exit code 1."""
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "__stdout__", full)

        assert 1 == main(["operations", "list"])
        sys.stdout.flush()
    assert "standard output: No space left on device: not all was written\n" == capsys.readouterr().err
