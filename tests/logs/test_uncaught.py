"""What nobody caught is one line as well: uncaught errors, warnings, what asyncio complains of."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from logs.log_lines import Lines

from bridge import logs

START = (
    "import asyncio, gc, threading, warnings; from bridge import logs; from bridge.settings import Log;"
    "logs.configure(Log(level='DEBUG'))\n"
    "async def hear(): logs.hear_all()\n"
    "asyncio.run(hear())\n"
    "def fail(): raise ValueError('no 030 1234567 at amqp://u:hunter2@host')\n"
)
UNNOTICED = """
async def main():
    logs.hear_all()
    async def task():
        fail()
    done = asyncio.create_task(task(), name='leases')
    await asyncio.wait([done])
    del done
    gc.collect()
asyncio.run(main())
"""


def run(code: str) -> tuple[int, list[dict[str, Any]]]:
    """Run a program with logs configured; return its exit code and its lines, each of them JSON."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", START + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=30,
        env=os.environ,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("code", "event", "level", "exit_code"),
    [
        ("fail()", "worker.crashed", "critical", 1),
        ("t = threading.Thread(target=fail); t.start(); t.join()", "python.thread_fault", "error", 0),
        ("class A:\n  def __del__(self): fail()\nA()", "python.clean_up_fault", "error", 0),
        (UNNOTICED, "python.task_fault", "error", 0),
    ],
)
def test_an_error_that_nobody_caught_is_one_line(code: str, event: str, level: str, exit_code: int) -> None:
    """With its traceback, masked, and nothing on standard error."""
    ended, found = run(code)
    [line] = found

    assert (exit_code, event, level) == (ended, line["event"], line["level"])
    assert "ValueError: no ***67 at amqp://u:***@host" == line["error"]
    assert line["exception"].startswith("Traceback")
    assert line["next"]


@pytest.mark.parametrize("loop", ["asyncio.new_event_loop", "uvloop.new_event_loop"])
@pytest.mark.parametrize("callback", ["callback", "functools.partial(callback)"])
def test_an_error_in_a_callback_is_told_without_its_arguments(loop: str, callback: str) -> None:
    """They may be bytes of a body, on either event loop."""
    _, [line] = run(f"""
import functools, uvloop
def callback(data, name): fail()
async def main():
    logs.hear_all()
    asyncio.get_running_loop().call_soon({callback}, b'jane.doe', 'Erika Mustermann')
    await asyncio.sleep(0)
with asyncio.Runner(loop_factory={loop}) as runner:
    runner.run(main())
""")

    assert "python.task_fault" == line["event"]
    assert line["message"].startswith("Exception in callback ")
    assert not [one for one in ("jane.doe", "Mustermann") if one in str(line)]


def test_a_warning_is_one_line() -> None:
    """Of the logger ``py.warnings``, masked."""
    _, [line] = run("warnings.warn('030 1234567 is deprecated')")

    assert ("py.warnings", "warning") == (line["logger"], line["level"])
    assert "UserWarning: ***67 is deprecated" in line["event"]


def test_what_a_library_cannot_format_is_logged_all_the_same(lines: Lines) -> None:
    """As it was meant to be; the standard library would write a traceback to standard error."""
    lines.configure()
    logging.getLogger("some.library").error("%d requests", "many")

    assert "%d requests" == lines.last()["event"]


async def test_asyncio_says_what_it_was_about_without_what_it_held(lines: Lines) -> None:
    """What was wrong stands there, not the objects in it."""
    lines.configure()
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    logs.hear_all()
    loop.call_exception_handler({"message": "Unclosed", "transport": object(), "protocol": b"body"})
    loop.set_exception_handler(before)
    line = lines.last()

    assert ("python.task_fault", "Unclosed") == (line["event"], line["message"])
    assert not {"transport", "protocol", "error", "exception"} & line.keys()
