"""What Redis holds under the bridge's names, whoever wrote it: as the bridge writes it, or unreadable."""

from typing import Final

import orjson

from bridge.endings import Ending, UnreadableEnding
from bridge.failures import Failure, LcmBadResponse
from bridge.operations.model import Operation, UnexpectedResult
from bridge.replies import encode, reply_body
from bridge.store.contacts import readable
from fuzz.picks import Picks
from fuzz.targets.site import samples, told

WORDS: Final = (
    *(
        b'{"message":',
        b'{"failure":',
        b'"response"',
        b'"errorType"',
        b'"errorMessage"',
        b'"msg"',
        b'"WS_Error"',
    ),
    *(
        b'{"v":1,',
        b'"asked"',
        b'"expires"',
        b'"consent"',
        b'"n"',
        b'"contact"',
        b'"AccountNumber"',
        b"[" * 300,
    ),
    *(b"1e308", b"18446744073709551616", b"null", b"true"),
)

_CACHED: Final[list[Operation]] = [one for one, command in samples() if command.reserved is not None]


def check(data: bytes) -> None:
    """Read what is stored: the first byte says as what, and to which operation it is the answer."""
    picks = Picks(data)
    ending, operation = picks.flag(), picks.one_of(_CACHED)
    if ending:
        _ending(picks.rest())
    else:
        _contact(picks.rest(), operation)


def _ending(stored: bytes) -> None:
    try:
        ending = Ending.load(stored)
    except UnreadableEnding:
        return
    if isinstance(ending.end, Failure):
        told(ending.end)
    elif "response" not in ending.end:
        raise AssertionError(ending.end)
    else:
        orjson.loads(encode(reply_body(_CACHED[0].routes[0].reply, ending.end)))
    if orjson.loads(ending.dump()).keys() != orjson.loads(stored).keys():
        raise AssertionError(stored)


def _contact(stored: bytes, operation: Operation) -> None:
    record = readable(stored)
    if record is None:
        return
    contact = record["contact"]
    if not (isinstance(contact["AccountNumber"], str) and contact["AccountNumber"]):
        raise AssertionError(contact)
    if record["asked"] > record["expires"] or record["n"] < 0:  # that they are compared is all
        return
    try:
        answer = operation.answer_cached([contact])
    except UnexpectedResult as unexpected:
        told(LcmBadResponse(str(unexpected)))
        return
    orjson.loads(encode(reply_body(operation.routes[0].reply, answer.message)))
