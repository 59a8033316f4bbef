"""A dead letter, read: why and when the request came there, its key, and where it would be tried again. Pure.

Letters come from the bridge itself (`bridge.forwarding.dead_letter`) or from the broker, which puts
what expired there by itself (header ``x-death``). What a header says of the request's past is believed
only in a letter that the bridge signed; that an outcome is unknown is believed of everybody.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from bridge import forwarding
from bridge.envelope import ReplyAsRequest, parse
from bridge.failures import InvalidEnvelope, UnknownOperation
from bridge.headers import (
    ATTEMPTS,
    DEAD_LETTERED_AT,
    EFFECT_DONE,
    ERROR,
    OPERATION,
    ORIGINAL_EXCHANGE,
    ORIGINAL_ROUTING_KEY,
    REASON,
    UNREADABLE,
)
from bridge.messages import Delivery, Properties, Reason, RequestKey
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import UNKNOWN, Lane
from bridge.strictjson import Limits

_DEATHS: Final = {
    "expired": Reason.EXPIRED.value,
    "delivery_limit": Reason.DELIVERY_LIMIT.value,
    "rejected": "rejected",
    "maxlen": "max-length",
}
"""The broker's own reasons, as they are shown."""

_NO_REASON: Final = "unknown"

REASONS: Final = tuple(sorted({*(reason.value for reason in Reason), *_DEATHS.values(), _NO_REASON}))

ID_DIGITS: Final = 12

_LONGEST_ERROR: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter.

    ``request`` is the request as it was before, ``properties`` are the letter's own. ``attempts`` is
    None where only the broker knew of it. ``effect_done``: LCM carried it out, and only its reply could
    not be told. ``key_fault`` says why the request's key cannot be used, ``unreadable`` which properties
    are lost; ``queue`` is the request queue it lay in, where that is told.
    """

    id: str
    reason: str
    error: str
    operation: str
    lane: Lane
    attempts: int | None
    at: datetime | None
    key: RequestKey | None
    key_fault: str
    unreadable: str
    queue: str
    signed: bool
    effect_done: bool
    request: Delivery
    properties: Properties

    @property
    def protected(self) -> bool:
        """Whether the ledger can know the request: it has a key and its operation is known."""
        return self.key is not None and self.operation != UNKNOWN

    @property
    def unknown_outcome(self) -> bool:
        """Whether nobody knows if LCM carried the request out."""
        return self.reason == Reason.OUTCOME_UNKNOWN


def read(delivery: Delivery, *, own_users: Collection[str], catalogue: Catalogue, limits: Limits) -> Letter:
    """Read what the dead-letter queue delivered."""
    headers = delivery.properties.headers
    user = delivery.properties.user_id
    signed = user is not None and user in own_users and ATTEMPTS in headers
    death = _death(headers)
    ours = REASON in headers and (signed or not death or headers[REASON] == Reason.OUTCOME_UNKNOWN)
    request = forwarding.received(delivery, own_users)
    if not signed:
        # Where a request goes back to is not what anybody could gain by: it is one of our own queues.
        exchange, routing_key = _origin(headers) if ours else _route(death)
        request = replace(request, exchange=exchange, routing_key=routing_key)
    key, key_fault = _key(request)
    operation = _operation(request, catalogue, limits)
    if signed and ours and str(headers.get(OPERATION)) in {one.name for one in catalogue.operations}:
        operation = str(headers[OPERATION])
    at = headers.get(DEAD_LETTERED_AT) if ours else death.get("time")
    claimed = str(headers[REASON]) if ours else _DEATHS.get(str(death.get("reason")), _NO_REASON)
    return Letter(
        id=identify(delivery),
        reason=claimed if claimed in REASONS else _NO_REASON,
        error=(str(headers.get(ERROR) or "") if ours else _told_by_broker(death))[:_LONGEST_ERROR],
        operation=operation,
        lane=next((one.lane for one in catalogue.operations if one.name == operation), "agent"),
        attempts=_attempts(headers) if ours else None,
        at=at if isinstance(at, datetime) else None,
        key=key,
        key_fault=key_fault,
        unreadable=delivery.unreadable or (str(headers.get(UNREADABLE, "")) if signed else ""),
        queue=str(death.get("queue", "")) if not ours else "",
        signed=signed,
        effect_done=ours and bool(headers.get(EFFECT_DONE)),
        request=request,
        properties=delivery.properties,
    )


def identify(delivery: Delivery) -> str:
    """Return the id of a letter: the same whenever it is looked at, another for every other message."""
    told = asdict(delivery.properties)
    told["headers"] = {name: one for name, one in told["headers"].items() if name not in forwarding.COUNTS}
    text = json.dumps([told, delivery.unreadable], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode() + b"\0" + delivery.body).hexdigest()[:ID_DIGITS]


def _death(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the broker wrote of the last queue that the request left without being served."""
    match headers.get("x-death"):
        case [dict(last), *_]:
            return last
    return {}


def _attempts(headers: Mapping[str, Any]) -> int | None:
    attempts = headers.get(ATTEMPTS)
    return attempts if isinstance(attempts, int) else None


def _told_by_broker(death: Mapping[str, Any]) -> str:
    return f"the broker took it out of {death['queue']}" if death.get("queue") else ""


def _route(death: Mapping[str, Any]) -> tuple[str, str]:
    """Return the exchange and routing key by which the request was published, as the broker tells."""
    match death.get("routing-keys"):
        case [str(routing_key), *_]:
            return str(death.get("exchange", "")), routing_key
    return "", ""


def _origin(headers: Mapping[str, Any]) -> tuple[str, str]:
    """Return the same, as a letter tells that was written before letters were signed."""
    exchange, key = headers.get(ORIGINAL_EXCHANGE), headers.get(ORIGINAL_ROUTING_KEY)
    return str(exchange or ""), str(key or "")


def _key(request: Delivery) -> tuple[RequestKey | None, str]:
    try:
        return request.key(), ""
    except InvalidEnvelope as error:
        return None, error.message


def _operation(request: Delivery, catalogue: Catalogue, limits: Limits) -> str:
    try:
        return catalogue.find(parse(request.body, limits))[0].name
    except (InvalidEnvelope, UnknownOperation, ReplyAsRequest):
        return UNKNOWN


def age(letter: Letter) -> float | None:
    """Return for how many seconds the letter has been dead, None where that is not told."""
    return None if letter.at is None else (datetime.now(UTC) - letter.at).total_seconds()


def without_body(letter: Letter) -> Letter:
    """Return the letter without what makes it large, to keep many of them."""
    bare = Properties()
    return replace(letter, request=replace(letter.request, body=b"", properties=bare), properties=bare)
