"""Commands whose standard streams are closed, or are no longer read."""

import os
import sys

import pytest

from bridge.cli import main, streams

COMMANDS = [["operations", "list"], ["request", "CreateContact", "--template"], ["--help"]]


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
    """A pipe with a reader gets it all, in the encoding of the stream."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as there, os.fdopen(writing, "w", encoding="latin-1") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        monkeypatch.setattr(sys, "__stdout__", pipe)
        streams.bear_unread()
        sys.stdout.write("\u00e9\n")
        sys.stdout.flush()

        assert b"\xe9\n" == there.readline()
