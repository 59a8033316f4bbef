"""A request sent on as it is: parked in a delayed queue, dead-lettered, or replayed. Pure.

What the bridge notes on it stands in headers. They are believed when it comes back only if the broker
vouches that the bridge itself wrote them: such a message bears the bridge's own ``user_id``.

    x-attempts              how often it was tried; every message that the bridge sends on has it
    x-redelivered           the broker had delivered it more than once before it was parked, or has two of it
    x-deadline              unix milliseconds: the deadline, since an expiration does not outlive a queue
    x-held-since            unix milliseconds: when it was first parked because Redis was away
    x-original-exchange, x-original-routing-key, x-original-user-id, x-original-expiration
    x-message-id-made       it had no message id, and the one it has is no key
"""

import time
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from bridge.headers import (
    ATTEMPTS,
    BODY_BYTES,
    DEAD_LETTERED_AT,
    DEADLINE,
    EFFECT_DONE,
    ERROR,
    HELD_SINCE,
    IDEMPOTENCY_KEY,
    MESSAGE_ID_MADE,
    OPERATION,
    ORIGINAL_EXCHANGE,
    ORIGINAL_EXPIRATION,
    ORIGINAL_ROUTING_KEY,
    ORIGINAL_USER_ID,
    REASON,
    REDELIVERED,
    UNREADABLE,
)
from bridge.messages import Delivery, Outgoing, Reason

NOTES: Final = frozenset(
    {
        *(ATTEMPTS, REDELIVERED, HELD_SINCE, MESSAGE_ID_MADE),
        *(ORIGINAL_EXCHANGE, ORIGINAL_ROUTING_KEY, ORIGINAL_USER_ID, ORIGINAL_EXPIRATION),
    }
)
"""Headers that only the bridge may write on a request."""

LETTER_NOTES: Final = frozenset(
    {EFFECT_DONE, BODY_BYTES, UNREADABLE, REASON, ERROR, OPERATION, DEAD_LETTERED_AT}
)
"""What a dead letter has beside them."""

_OURS: Final = NOTES | LETTER_NOTES

DELIVERIES: Final = "x-delivery-count"
"""Header by which a quorum queue counts deliveries in vain.

RabbitMQ 4.3 counts those that failed, as by the end of the consumer's channel; earlier ones count those that
were given back (nack), too.
"""

COUNTS: Final = frozenset({DELIVERIES, "x-acquired-count"})
"""Headers by which a quorum queue counts; the second one says how often it gave the message out."""

_DEATHS: Final = frozenset(
    {"x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason"}
    | {"x-last-death-exchange", "x-last-death-queue", "x-last-death-reason"}
)
"""What the broker writes when a message leaves a queue by its time to live.

It takes a message for one that goes in circles if these headers, whoever wrote them, name the queue that
comes next, and then does not deliver it.
"""

_COPIES: Final = frozenset({"CC", "BCC"})
"""Headers by which a publisher has the broker route copies: of what we publish, to queues of those names."""

_BROKERS: Final = _DEATHS | _COPIES
"""Headers that the broker acts on."""

_LONGEST_ERROR: Final = 1000
"""Characters of ``x-error``: a message's headers must fit into one frame."""


def received(delivery: Delivery, own_users: Collection[str]) -> Delivery:
    """Return a delivery as the pipeline is to see it: what the bridge noted on it read, all else dropped."""
    properties, headers = delivery.properties, delivery.properties.headers
    deliveries = _count(headers.get(DELIVERIES)) if delivery.redelivered else 0
    signed = properties.user_id is not None and properties.user_id in own_users
    plain = {name: value for name, value in headers.items() if name not in NOTES and name not in COUNTS}
    if not signed or ATTEMPTS not in headers:
        if len(plain) == len(headers):
            return delivery
        return replace(delivery, properties=replace(properties, headers=plain), deliveries=deliveries)
    return replace(
        delivery,
        properties=replace(
            properties,
            headers={name: value for name, value in plain.items() if name not in _DEATHS},
            user_id=_text(headers.get(ORIGINAL_USER_ID)),
            expiration=_text(headers.get(ORIGINAL_EXPIRATION)),
            message_id=None if headers.get(MESSAGE_ID_MADE) else properties.message_id,
        ),
        exchange=_text(headers.get(ORIGINAL_EXCHANGE)) or "",
        routing_key=_text(headers.get(ORIGINAL_ROUTING_KEY)) or delivery.routing_key,
        redelivered=delivery.redelivered or bool(headers.get(REDELIVERED)),
        parked=True,
        attempts=_count(headers.get(ATTEMPTS)),
        held_since=_seconds(headers.get(HELD_SINCE)),
        deliveries=deliveries,
    )


def parked(
    delivery: Delivery, *, queue: str, attempts: int, deadline: float | None, held: bool = False
) -> Outgoing:
    """Build the message that waits in the delayed queue ``queue`` and comes back.

    ``deadline`` in unix seconds. With ``held`` it is noted since when the request waits for Redis.
    """
    notes: dict[str, Any] = {ATTEMPTS: attempts}
    if delivery.redelivered:
        notes[REDELIVERED] = True
    if deadline is not None:
        notes[DEADLINE] = round(min(deadline, _LATEST) * 1000)
    if held:
        notes[HELD_SINCE] = round((delivery.held_since or time.time()) * 1000)
    headers = {name: one for name, one in delivery.properties.headers.items() if name not in _BROKERS}
    request = replace(delivery, properties=replace(delivery.properties, headers=headers))
    return _sent_on(request, exchange="", routing_key=queue, notes=notes)


def perhaps_copied(request: Outgoing) -> Outgoing:
    """Return a parked request as it is sent again after an attempt that was not confirmed.

    Both may come back. Without a key nobody can tell that they are one, so this one counts as delivered
    before.
    """
    headers = {**request.properties.headers, REDELIVERED: True}
    return replace(request, properties=replace(request.properties, headers=headers))


def dead_letter(  # noqa: PLR0913 - each is a header of its own
    delivery: Delivery,
    *,
    exchange: str,
    queue: str,
    reason: Reason,
    error: str,
    operation: str,
    attempts: int,
    effect_done: bool = False,
) -> Outgoing:
    """Build a request's dead letter: body and properties kept, why and whence in the headers.

    Of a body that was too large there is the beginning.

    ``expiration`` and ``user_id`` move to headers: the one would expire it again, the other is
    refused by the broker as not our own.
    """
    notes: dict[str, Any] = {
        ATTEMPTS: attempts,
        REASON: reason.value,
        ERROR: error[:_LONGEST_ERROR],
        OPERATION: operation,
        DEAD_LETTERED_AT: datetime.now(UTC),
    }
    if effect_done:
        notes[EFFECT_DONE] = True
    if delivery.left_out:
        notes[BODY_BYTES] = len(delivery.body) + delivery.left_out
    if delivery.unreadable:
        notes[UNREADABLE] = delivery.unreadable
    return _sent_on(delivery, exchange=exchange, routing_key=queue, notes=notes)


def replayed(request: Delivery, *, exchange: str, routing_key: str, key: str | None) -> Outgoing:
    """Build the message by which the request of a dead letter is tried again.

    ``request`` as `received` returns it. It keeps its key and loses its deadline and what the letter
    said; ``key`` is the idempotency key of one that has none.
    """
    original = request.properties
    dropped = LETTER_NOTES | _BROKERS | {DEADLINE}
    headers = {name: value for name, value in original.headers.items() if name not in dropped}
    if key is not None:
        headers[IDEMPOTENCY_KEY] = key
    properties = replace(original, headers=headers, expiration=None)
    return _sent_on(
        replace(request, properties=properties),
        exchange=exchange,
        routing_key=routing_key,
        notes={ATTEMPTS: 0},
    )


def _sent_on(delivery: Delivery, *, exchange: str, routing_key: str, notes: dict[str, Any]) -> Outgoing:
    original = delivery.properties
    headers = {name: value for name, value in original.headers.items() if name not in _OURS} | notes
    headers[ORIGINAL_EXCHANGE] = delivery.exchange
    headers[ORIGINAL_ROUTING_KEY] = delivery.routing_key
    if original.expiration is not None:
        headers[ORIGINAL_EXPIRATION] = original.expiration
    if original.user_id is not None:
        headers[ORIGINAL_USER_ID] = original.user_id
    if not original.message_id:
        headers[MESSAGE_ID_MADE] = True
    return Outgoing(
        exchange=exchange,
        routing_key=routing_key,
        body=delivery.body,
        properties=replace(
            original,
            headers=headers,
            expiration=None,
            user_id=None,  # the publisher's channel writes its own
            message_id=original.message_id or uuid4().hex,
            delivery_mode=2,
        ),
        signed=True,
    )


_LATEST: Final = 2.0**52 / 1000
"""Unix seconds; a deadline beyond it is none."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _seconds(milliseconds: object) -> float | None:
    return _count(milliseconds) / 1000 if milliseconds is not None else None
