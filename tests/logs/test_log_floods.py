"""An event that comes by the thousand is told a few times a second, and how often it was not told is told."""

import asyncio
import logging
from collections import Counter

import pytest
from logs.log_lines import Lines

from bridge import logs
from bridge.case import log_about
from bridge.logs import flow
from bridge.logs.flow import MOST, WINDOW, Flow


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock of one's own."""
    return Clock()


@pytest.fixture
def told() -> list[tuple[str, int]]:
    """Collect what is told of lines that were left out."""
    return []


@pytest.fixture
def bounded(clock: Clock, told: list[tuple[str, int]]) -> Flow:
    """Give a flow by that clock."""
    return Flow(lambda name, count: told.append((name, count)), clock)


def test_no_event_comes_more_often_than_that_in_a_second(bounded: Flow, clock: Clock) -> None:
    """The first ones of each second are let through; the first of the next says how many were not."""
    admitted = [bounded.admit("publish.failed") for _ in range(MOST + 5)]
    clock.now += WINDOW
    later = [bounded.admit("publish.failed") for _ in range(3)]

    assert [0] * MOST + [None] * 5 == admitted
    assert [5, 0, 0] == later


def test_events_do_not_use_up_each_others_lines(bounded: Flow) -> None:
    """However often one comes, another is told."""
    for _ in range(1000):
        bounded.admit("publish.failed")

    assert 0 == bounded.admit("request.internal_error")


@pytest.mark.parametrize(
    "name",
    [
        *("request.settled", "worker.started", "worker.drained", "log.left_out"),
        *("ledger.record_forgotten", "contact_cache.skip_forgotten"),
    ],
)
def test_some_are_always_told(bounded: Flow, name: str) -> None:
    """The end of a request, what the process says of itself, and each record that is lost."""
    assert {0} == {bounded.admit(name) for _ in range(1000)}


def test_names_are_bounded(bounded: Flow) -> None:
    """However many names there are, the memory for them is not more, and those beyond share one bound."""
    admitted = [bounded.admit(f"library {number}") for number in range(10_000)]

    assert 10_000 - admitted.count(None) <= 256 + MOST


def test_the_end_tells_what_is_left(bounded: Flow, told: list[tuple[str, int]]) -> None:
    """What comes from threads has no loop that would tell it; it is told once."""
    for _ in range(MOST + 7):
        bounded.admit("publish.failed")
    bounded.end()
    bounded.end()

    assert [("publish.failed", 7)] == told


async def test_it_is_told_though_nothing_more_comes(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of its own, without the ids of the request that was the first one too many."""
    monkeypatch.setattr(flow, "WINDOW", 0.05)
    log = lines.configure()

    async def request() -> None:
        log_about(correlation_id="c-1")
        for _ in range(1000):
            log.warning("publish.failed", error="x")

    await asyncio.create_task(request())
    text = lines.text()
    async with asyncio.timeout(20):
        while "log.left_out" not in text:
            await asyncio.sleep(0.01)
            text += lines.text()

    assert f'"of":"publish.failed","suppressed":{1000 - text.count("publish.failed") + 1}' in text
    assert 'c-1","of"' not in text
    assert 1 == text.count("log.left_out")


def test_libraries_are_bounded_by_their_loggers(lines: Lines) -> None:
    """One that complains for ever leaves the others their lines."""
    lines.configure()
    for number in range(1000):
        logging.getLogger("asyncio").error("complaint %s", number)
    logging.getLogger("aiohttp.server").error("another")
    logs.end()
    found = Counter(line.get("logger", line["event"]) for line in lines.read())

    assert 1 == found["aiohttp.server"]
    assert 3 * MOST > found["asyncio"] >= MOST
    assert 1 == found["log.left_out"]


def test_what_is_below_the_level_is_not_counted(lines: Lines) -> None:
    """Lines that nobody would see are not told as left out."""
    log = lines.configure(level="ERROR")
    for _ in range(1000):
        log.info("request.parked")
    logs.end()

    assert [] == lines.read()
