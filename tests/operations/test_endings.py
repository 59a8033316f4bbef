"""How a side effect ended, as it is stored and read again."""

import json

import pytest

from bridge.endings import Ending, UnreadableEnding
from bridge.failures import (
    ContactNotFound,
    ContactNotReserved,
    Detail,
    Failure,
    InternalError,
    InvalidData,
    LcmBadResponse,
    LcmTimeout,
    LcmUnavailable,
    OutcomeUnknown,
    RequestExpired,
    WsError,
)
from bridge.jsontypes import JsonValue

STORED: list[type[Failure]] = [
    *(ContactNotFound, ContactNotReserved, InternalError, LcmUnavailable, OutcomeUnknown, RequestExpired),
    WsError,
]
FAILURE: dict[str, JsonValue] = {"errorType": "WS_Error", "errorMessage": "no", "msg": "none"}


@pytest.mark.parametrize("kind", STORED)
def test_a_failure_is_told_again_as_it_was(kind: type[Failure]) -> None:
    """Its type and both of its texts, in JSON that other versions read too."""
    stored = Ending(kind("LCM says no", msg="Ask somebody")).dump()

    failure = {"errorType": kind.error_type, "errorMessage": "LCM says no", "msg": "Ask somebody"}
    assert {"failure": failure} == json.loads(stored)
    told = Ending.load(stored).end
    assert isinstance(told, kind)
    assert ("LCM says no", "Ask somebody") == (told.message, told.msg)


def test_a_message_is_told_again_as_it_was() -> None:
    """Whatever the response is, and what is repeated beside it."""
    stored = Ending({"callid": "7", "response": None}).dump()

    assert {"message": {"callid": "7", "response": None}} == json.loads(stored)
    assert {"callid": "7", "response": None} == Ending.load(stored).end


@pytest.mark.parametrize("failure", [LcmTimeout("x"), LcmBadResponse("x"), InvalidData([Detail("a", "x")])])
def test_a_failure_that_ends_nothing_is_not_stored(failure: Failure) -> None:
    """The effect may still happen, or never could."""
    with pytest.raises(ValueError, match=f"{failure.error_type} is never stored"):
        Ending(failure).dump()


@pytest.mark.parametrize(
    "stored",
    [
        {"failure": {**FAILURE, "errorType": "LCM_TIMEOUT"}},
        {"failure": {**FAILURE, "errorMessage": 7}},
        {"failure": {**FAILURE, "msg": None}},
        {"failure": {name: FAILURE[name] for name in ("errorType", "errorMessage")}},
        {"failure": {"response": 1}},
        {"ending": {"response": 1}},
        {"message": ["response"]},
        {"message": {"callid": "7"}},
        {"message": {"response": 1}, "failure": FAILURE},
        {},
        [],
    ],
)
def test_what_is_no_ending_is_unreadable(stored: JsonValue) -> None:
    """Of another version, or somebody else's: nothing of it is told."""
    with pytest.raises(UnreadableEnding, match="the stored ending is not readable"):
        Ending.load(json.dumps(stored))


@pytest.mark.parametrize(("levels", "readable"), [(127, True), (128, False), (900, False)])
def test_an_ending_that_could_not_be_written_is_unreadable(levels: int, *, readable: bool) -> None:
    """128 levels of a message are the most: JSON's writer takes a few more."""
    stored = '{"message":{"response":' + "[" * levels + "]" * levels + "}}"
    if readable:
        assert stored.encode() == Ending.load(stored).dump()
        return
    with pytest.raises(UnreadableEnding):
        Ending.load(stored)
