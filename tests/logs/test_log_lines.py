"""One event is one line, whatever is in it and whoever logged it."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs.log_lines import Lines

from bridge.bus.content import encoded
from bridge.case import log_about, note
from bridge.messages import Properties

CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=10)
    | st.just(CIRCLE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.tuples(st.integers()), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_an_event_is_one_json_line(lines: Lines) -> None:
    """Event, level, time and what was given; what is None is left out."""
    lines.configure().info("request.settled", seconds=0.25, cache=None, text="two\nlines\r\n")
    line = lines.last()

    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert {"event": "request.settled", "level": "info", "seconds": 0.25, "text": "two\nlines\r\n"} == line


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_the_level_is_the_least_that_is_logged(lines: Lines, level: str, expected: list[str]) -> None:
    """What is below ``log.level`` makes no line."""
    log = lines.configure(level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("event")

    assert expected == [line["level"] for line in lines.read()]


@pytest.mark.parametrize(
    ("level", "expected"), [("DEBUG", ["w", "e"]), ("INFO", ["w", "e"]), ("ERROR", ["e"])]
)
def test_libraries_log_through_the_same_pipe(lines: Lines, level: str, expected: list[str]) -> None:
    """Their warnings and errors are lines of the same form; their chatter is left out at every level."""
    lines.configure(level=level)
    library = logging.getLogger("some.library")
    library.debug("d")
    library.info("i")
    library.warning("%s", "w")
    library.error("e")
    found = lines.read()

    assert expected == [line["event"] for line in found]
    assert {"some.library"} == {line["logger"] for line in found}
    assert all({"timestamp", "level"} <= line.keys() for line in found)


@pytest.mark.parametrize("through", ["bridge", "library"])
def test_an_exception_is_part_of_its_line(lines: Lines, through: str) -> None:
    """The traceback stands in one member, not in lines of its own."""
    log = lines.configure()
    try:
        int("the cause")
    except ValueError:
        if through == "bridge":
            log.exception("request.internal_error")
        else:
            logging.getLogger("some.library").exception("failed")
    line = lines.last()

    assert "error" == line["level"]
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'the cause'")


def test_what_is_bound_to_a_request_stands_on_every_line(lines: Lines) -> None:
    """Lines of the bridge and of libraries carry what the request's context holds."""
    log = lines.configure()
    bound = {
        "operation": "SkipManualDialContact",
        "correlation_id": "c-1",
        "message_id": "m-1",
        "source": "widget",
        "queue": "lcm.requests.agent",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }

    def work() -> None:
        log_about(**bound)
        log.info("request.settled")
        logging.getLogger("some.library").warning("hm")

    copy_context().run(work)
    log.info("worker.drained")
    first, second, after = lines.read()

    assert bound.items() <= first.items()
    assert bound.items() <= second.items()
    assert not bound.keys() & after.keys()


def test_requests_worked_on_at_once_keep_their_own_facts(lines: Lines) -> None:
    """What one task notes stands on its lines alone, and what it notes later joins what it noted before."""
    log = lines.configure()

    async def work(number: int) -> None:
        log_about(correlation_id=f"c-{number}", trace_id=None)
        await asyncio.sleep(0)
        note(operation=f"Operation{number}")
        await asyncio.sleep(0)
        log.info("request.settled")

    async def all_at_once() -> None:
        await asyncio.gather(*(asyncio.create_task(work(number)) for number in range(3)))

    asyncio.run(all_at_once())

    expected = {(f"c-{number}", f"Operation{number}") for number in range(3)}
    assert expected == {(line["correlation_id"], line["operation"]) for line in lines.read()}


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_is_written_before_the_next_thing_happens(form: str) -> None:
    """A process that dies at once has lost none of its lines; in JSON they are UTF-8 in any locale."""
    dying = (
        "import os, structlog; from bridge import logs; from bridge.settings import Log;"
        f"logs.configure(Log(format={form!r}));"
        "structlog.get_logger().info('worker.dies', node='b\\xfcro'); os._exit(1)"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", dying],
        stdout=subprocess.PIPE,
        check=False,
        timeout=30,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )

    assert b"worker.dies" in done.stdout
    if form == "json":
        assert "b\u00fcro" == json.loads(done.stdout)["node"]


def test_ids_of_a_request_are_not_masked(lines: Lines) -> None:
    """A request is found by its ids: digits in them stay."""
    log = lines.configure()

    def work() -> None:
        log_about(correlation_id="1234567890", message_id="0049-123-4567")
        log.info("request.settled")

    copy_context().run(work)
    line = lines.last()

    assert ("1234567890", "0049-123-4567") == (line["correlation_id"], line["message_id"])


def test_the_console_form_is_for_people(lines: Lines) -> None:
    """The same event as text; masked alike, and without colours where there is no terminal."""
    lines.configure(format="console").warning("lcm.call_failed", error="call 030 1234567", cache=None)
    text = lines.text()

    assert "lcm.call_failed" in text
    assert "call ***67" in text
    assert "cache" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("form", ["json", "console"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_no_value_makes_logging_fail(lines: Lines, form: str, value: Any) -> None:
    """Whatever is logged, there is a line, and in the JSON form exactly one."""
    lines.configure(format=form).info("event", value=value, error=value, agent=value)
    text = lines.text()

    assert text.endswith("\n")
    if form == "json":
        assert 1 == text.count("\n")


def test_a_long_text_is_cut_in_its_middle(lines: Lines) -> None:
    """Both ends stay: the end of a stack trace names the error."""
    log = lines.configure()
    log.info("x", error=" " * 100_000)
    lines.read()
    log.info("x", error="begin" + "." * 100_000 + "end")
    text = lines.last()["error"]

    assert (True, True) == (text.startswith("begin"), text.endswith("end"))
    assert 9000 > len(text)


def test_headers_with_long_names_are_not_logged(lines: Lines) -> None:
    """Their names are a publisher's, and are cut off where a message is sent on."""
    lines.configure()

    encoded(Properties(headers={"Paul Atreides" * 19: "x"}), 131_072)

    assert [] == lines.read()


def test_what_aiormq_says_of_messages_is_not_logged(lines: Lines) -> None:
    """It quotes their bodies."""
    lines.configure()

    logging.getLogger("aiormq.channel").error("Unhandled message %r returning", b'{"PhoneNumber": "1"}')

    assert [] == lines.read()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_full_disk_fails_nobody(form: str) -> None:
    """Whoever logs goes on; standard error is told once."""
    code = f"""
import os
import structlog
from bridge import logs
from bridge.settings import Log
logs.configure(Log(format={form!r}))
log = structlog.get_logger()
for _ in range(1000):
    log.info("event", text="x" * 100)
    log.exception("event", error=ValueError("x"))
os._exit(7)
"""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert 7 == ended.returncode
    assert ended.stderr.decode().startswith("log lines are lost: ")
    assert 1 == len(ended.stderr.splitlines())
