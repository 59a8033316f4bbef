"""The console form is read by people: what happened first, the ids last, nothing that is as usual."""

import re
import sys
from contextvars import copy_context

import pytest
from logs.log_lines import Lines

from bridge.case import log_about


def test_a_request_reads_from_what_happened_to_its_ids(lines: Lines) -> None:
    """Time of day, level, event, operation, outcome and why; then the rest; the ids at the end."""
    log = lines.configure(format="console")

    def work() -> None:
        log_about(queue="q", correlation_id="c-1")
        facts = {"attempt": 1, "redelivered": False, "cache": None, "lcm_seconds": 0.2, "seconds": 0.25}
        error = "Campaign is closed"
        log.info("request.settled", **facts, outcome="WS_Error", error=error, operation="CreateContact")

    copy_context().run(work)

    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} info  request\.settled +CreateContact WS_Error error='Campaign is closed' "
        r"seconds=0\.25 lcm_seconds=0\.2 correlation_id=c-1 queue=q\n",
        lines.text(),
    )


def test_what_is_not_as_usual_is_shown(lines: Lines) -> None:
    """A second attempt, and a request that the broker delivered before."""
    lines.configure(format="console").info("request.settled", attempt=2, redelivered=True)

    assert "attempt=2 redelivered=True" in lines.text()


def test_a_traceback_stands_under_its_line(lines: Lines) -> None:
    """As Python writes it, without local variables."""
    log = lines.configure(format="console")
    try:
        int("x")
    except ValueError:
        log.exception("request.internal_error", error="x")
    first, *traceback = lines.text().splitlines()

    assert "ERROR request.internal_error" in first
    assert "Traceback (most recent call last):" == traceback[0]
    assert "ValueError: invalid literal for int() with base 10: 'x'" == traceback[-1]


def test_what_is_nested_reads_like_the_rest(lines: Lines) -> None:
    """Settings and tallies without the marks of a program's language."""
    lines.configure(format="console").info("worker.drained", served={"ok": 3, "WS_Error": 1}, part="a b")

    assert "served={ok=3, WS_Error=1} part='a b'" in lines.text()


@pytest.mark.parametrize("terminal", [True, False])
def test_colours_are_for_terminals(lines: Lines, monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    """A file and a pipe get none."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    lines.configure(format="console").warning("redis.away", error="x")

    assert terminal is ("\x1b" in lines.text())
