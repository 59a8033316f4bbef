"""What the chaos suite's books make of an unknown outcome that is told after a definite answer."""

import random
from pathlib import Path

import orjson
import pytest
from chaos.traffic import REPLY_SUBTOPICS, Request, Traffic
from chaos.verdict import Books
from chaos.workers import Logs

from bridge.failures import OutcomeUnknown
from bridge.operations.model import Address
from bridge.replies import encode, failure_body, reply_body
from bridge.simulator import Simulator

CUT_OFF = "an earlier delivery of the request called LCM, and what came of it is not recorded: it may"
LINES = [
    {"event": "ledger.not_recorded", "level": "error"},
    {"event": "request.settled", "level": "info", "ledger": "not_recorded"},
    {"event": "request.settled", "level": "info", "ledger": "recorded_late"},
]


@pytest.fixture
def books() -> Books:
    """Open the books of a run."""
    simulator = Simulator()
    return Books(Traffic(simulator, random.Random(1), "s1"), simulator)  # noqa: S311 - repeatable


@pytest.fixture
def request_answered(books: Books) -> Request:
    """Make a request that was told of its success."""
    request = books.traffic.make(side_effect=True, answered=True)
    request.begin_attempt()
    books.reply(encode(reply_body(address(request), {"response": []})), correlation_id(request), "first")
    return request


def address(request: Request) -> Address:
    """Return where a request's replies belong."""
    return Address("LCM", "WebService", REPLY_SUBTOPICS[request.kind])


def correlation_id(request: Request) -> str:
    """Return the one of its first attempt."""
    return f"s1-{request.number}-0"


def tell_unknown(books: Books, request: Request, message: str) -> None:
    """Take down that a request's outcome is unknown."""
    body = encode(failure_body(address(request), OutcomeUnknown(message)))
    books.reply(body, correlation_id(request), "second")


@pytest.mark.parametrize("line", LINES)
def test_after_an_answer_that_was_not_recorded_in_time(
    books: Books, request_answered: Request, tmp_path: Path, line: dict[str, str]
) -> None:
    """A worker's log says so: it is counted apart, and is no conflict."""
    tell_unknown(books, request_answered, CUT_OFF)
    log, logs = tmp_path / "worker.log", Logs()
    log.write_bytes(orjson.dumps({**line, "correlation_id": correlation_id(request_answered)}) + b"\n")
    logs.read(log)

    sums = books.sums(unrecorded=logs.unrecorded)

    assert (0, 1) == (sums.conflicting_replies, books.unknown_unrecorded)


@pytest.mark.parametrize(("message", "unrecorded"), [(CUT_OFF, set()), ("the bridge failed", {"s1-0-0"})])
def test_after_an_answer_that_was_recorded_or_for_another_reason(
    books: Books, request_answered: Request, message: str, unrecorded: set[str]
) -> None:
    """It is a conflict."""
    tell_unknown(books, request_answered, message)

    sums = books.sums(unrecorded=unrecorded)

    assert (1, 0) == (sums.conflicting_replies, books.unknown_unrecorded)
