"""LCM's answer, body and status: a reply that can be sent and stored, LCM's no, or a typed failure."""

from typing import Final
from zoneinfo import ZoneInfo

import orjson

from bridge.endings import Ending
from bridge.failures import ContactNotFound, LcmBadResponse, WsError
from bridge.jsontypes import JsonValue
from bridge.lcm.wire import TURNED_AWAY, read_answer
from bridge.operations.dates import expiry
from bridge.operations.declared.operation import Declared
from bridge.operations.model import Command, UnexpectedResult
from bridge.ports import CallFailed
from bridge.replies import encode, reply_body
from fuzz.picks import Picks
from fuzz.targets.site import samples, told

WORDS: Final = (
    *(
        b'{"d":',
        b'"__type"',
        b'"RequestFailureReason"',
        b'"ExceptionType"',
        b'"Message"',
        b'"success"',
        b'"Contacts"',
    ),
    *(
        b'"AccountNumber"',
        b'"ContactId"',
        b'"ExpiryTime"',
        b'"Consent"',
        b'"Oct  7 2020 11:59PM"',
        b"1e30",
        b"-0",
    ),
    *(
        b"18446744073709551616",
        b"&#99999",
        b"<![CDATA[",
        b"]]>",
        b"<ScreenPop>",
        b"[" * 65,
        b'"{\\"d\\":',
        b"null",
    ),
)

_SAMPLES: Final = samples()
_MEMBERS: Final = sorted(
    {name for operation, _ in _SAMPLES for name in operation.declaration.form.reply.members}
    | {"d", "__type", "RequestFailureReason", "ExceptionType", "Message", "success", "msg", "Contacts"}
)
_STATUSES: Final = (200, 200, 200, 500, 400, 202, 302, 401, 404, 503, 504)
_ZONE: Final = ZoneInfo("Asia/Kathmandu")


def check(data: bytes) -> None:
    """Read the answer of which the first bytes tell operation and status."""
    picks = Picks(data)
    operation, command = picks.one_of(_SAMPLES)
    status = picks.one_of(_STATUSES)
    body = picks.rest() if picks.flag() else _body(picks)
    try:
        result = read_answer(status, body)
    except CallFailed as failed:
        told(failed.failure, operation)
        if status in TURNED_AWAY and failed.effect_possible:
            raise AssertionError(status) from failed
        return
    if status != 200:  # noqa: PLR2004 - OK
        raise AssertionError(f"a result by status {status}")
    _answered(operation, command, result)


def _body(picks: Picks) -> bytes:
    result: JsonValue = picks.members(_MEMBERS) if picks.flag() else picks.json(_MEMBERS)
    if picks.flag():
        result = [result]
    try:
        if picks.flag():
            result = orjson.dumps(result).decode()
        return orjson.dumps({"d": result})
    except orjson.JSONEncodeError:
        return b""


def _answered(operation: Declared, command: Command, result: JsonValue) -> None:
    try:
        answer = operation.answer(command, result)
    except (ContactNotFound, WsError) as no:
        told(no, operation)
        return
    except UnexpectedResult as unexpected:
        told(LcmBadResponse(str(unexpected)), operation)
        return
    body = encode(reply_body(operation.routes[0].reply, answer.message))
    if orjson.loads(body)["message"] != answer.message:
        raise AssertionError(body)
    ending = Ending(answer.message)
    if operation.calls_lcm and Ending.load(ending.dump()) != ending:
        raise AssertionError(ending)
    for contact in answer.contacts:
        orjson.dumps(contact)
        moment = expiry(contact.get("ExpiryTime"), _ZONE)
        if moment is not None and not abs(moment) < 2**40:
            raise AssertionError(moment)
