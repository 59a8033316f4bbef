"""WCF's JSON wire format: the answer is wrapped in ``d``, typed objects carry ``__type``.

Known from public client code that calls LCM; its own manual is not public. Pure.
"""

from typing import Final, NamedTuple

import orjson

from bridge.failures import LcmBadResponse, LcmUnavailable, WsError
from bridge.jsontypes import JsonValue
from bridge.ports import CallFailed

OK: Final = 200
CREDENTIALS_REFUSED: Final = (401, 403)
_BUSY: Final = (429, 503)
_REFUSED: Final = (404, 413, 415)
_GATEWAY: Final = (502, 504)
_LONGEST_MESSAGE: Final = 500

TURNED_AWAY: Final = frozenset({*CREDENTIALS_REFUSED, *_BUSY, *_REFUSED})
"""Statuses by which a request had no effect, whatever comes with them."""

SAYS_ALL: Final = TURNED_AWAY | {*_GATEWAY}
"""Statuses that tell how the call ended even where their body cannot be read."""

_NESTED: Final = (list, dict)

MAX_DEPTH: Final = 64
"""Levels of nesting in a result; a contact has two."""


MAX_NESTED: Final = 100_000
"""Objects and arrays in an answer; of contacts some 20,000 go into 4 MiB. As many empty arrays as go into it
would take more than a second, in which nobody else is served, and hundreds of megabytes."""

MAX_COMMAS: Final = 250_000
"""Commas in an answer, which bound the values in it for the same reason; of contacts 4 MiB hold 200,000."""


class Fault(NamedTuple):
    """A WCF JSON fault."""

    kind: str
    message: str


def read_answer(status: int, body: bytes) -> JsonValue:
    """Return the result in LCM's answer.

    Raises `CallFailed`: with ``effect_possible`` unless LCM said that it did not act (a fault, or
    a status by which the request was turned away).
    """
    if status in CREDENTIALS_REFUSED:
        raise CallFailed(
            WsError(
                f"LCM refused the bridge's credentials (HTTP {status}); correct lcm.username and "
                "lcm.password, lcm.bearer_token, lcm.headers or lcm.cert_file, whichever it asks for"
            ),
            effect_possible=False,
            status=status,
        )
    if status in _BUSY:
        busy = LcmUnavailable(f"LCM takes no calls now (HTTP {status})")
        raise CallFailed(busy, effect_possible=False, status=status)
    if status in _GATEWAY:
        cut_off = LcmUnavailable(f"the way to LCM failed (HTTP {status})")
        raise CallFailed(cut_off, effect_possible=True, status=status)
    if status != OK and (fault := _fault(body)):
        raise CallFailed(WsError(fault.message), effect_possible=False, fault=True, status=status)
    if status in _REFUSED:
        refused = WsError(f"LCM refused the request (HTTP {status}{_HINTS[status]})")
        raise CallFailed(refused, effect_possible=False, status=status)
    if status != OK:
        no_result = LcmBadResponse(f"LCM answered HTTP {status} without a result")
        raise CallFailed(no_result, effect_possible=True, status=status)
    return _result(body)


_HINTS: Final = {
    404: ": check lcm.base_url and lcm.methods",
    413: ": larger than LCM takes, 64 KB by default",
    415: ": content type refused",
}


def _fault(body: bytes) -> Fault | None:
    try:
        too_many = _too_many(body.count(b"[") + body.count(b"{"), body.count(b","))
        value = None if too_many else orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    # Both members, as WCF always writes them: what some gateway says in JSON of its own excludes no effect.
    if not isinstance(value, dict) or not {"ExceptionType", "Message"} <= value.keys():
        return None
    message = value["Message"] if isinstance(value["Message"], str) else ""
    return Fault(str(value["ExceptionType"]), message[:_LONGEST_MESSAGE] or "LCM faulted")


def _result(body: bytes) -> JsonValue:
    if _too_many(body.count(b"[") + body.count(b"{"), body.count(b",")):
        raise _no_result(_TOO_MANY)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_result("LCM's answer is not JSON") from error
    if not isinstance(value, dict) or "d" not in value:
        raise _no_result("LCM's answer has no member d")
    return unwrap(value["d"])


_TOO_MANY: Final = f"LCM's answer has more than {MAX_NESTED} objects and arrays, or {MAX_COMMAS} commas"


def _too_many(brackets: int, commas: int) -> bool:
    """Tell before it is parsed; what stands within a text counts too."""
    return brackets > MAX_NESTED or commas > MAX_COMMAS


def _no_result(message: str) -> CallFailed:
    return CallFailed(LcmBadResponse(message), effect_possible=True, status=OK)


def unwrap(value: JsonValue) -> JsonValue:
    """Parse a string result that is itself JSON, and strip ``__type`` at every level.

    Only containers, quoted strings and true/false/null are parsed: an LCM key is a string that may
    look like a number.
    """
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("{", "[", '"') or text in ("true", "false", "null"):
            # In the body they may be escaped.
            if _too_many(text.count("[") + text.count("{"), text.count(",")):
                raise _no_result(_TOO_MANY)
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError:
                return value
    return _without_types(value, MAX_DEPTH)


def _without_types(value: JsonValue, depth: int) -> JsonValue:
    if not isinstance(value, _NESTED):
        return value
    if depth == 0:
        raise _no_result(f"LCM's answer is nested deeper than {MAX_DEPTH}")
    # Most are plain values: asking here costs less than a call for each.
    if isinstance(value, list):
        return [_without_types(one, depth - 1) if isinstance(one, _NESTED) else one for one in value]
    return {
        key: _without_types(one, depth - 1) if isinstance(one, _NESTED) else one
        for key, one in value.items()
        if key != "__type"
    }
