"""The messages that answer a request: pure, a delivery and its end in, an `Outgoing` out."""

import json
import random
import re
from datetime import UTC, datetime
from fnmatch import translate
from typing import Any

import orjson

from bridge import __version__
from bridge.envelope import MAX_ECHOED_CHANNEL
from bridge.failures import Failure, InvalidData
from bridge.headers import CACHE, ERROR_TYPE, IDEMPOTENCY_KEY, REPLAYED, STATUS, VERSION
from bridge.jsontypes import JsonObject
from bridge.messages import DIRECT_ADDRESS, Delivery, Outgoing, Properties
from bridge.operations.model import Address

APP_ID = "lcm-bridge"


def encode(value: JsonObject) -> bytes:
    """Serialise as compact UTF-8 JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, in a request that is relayed
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def reply_body(address: Address, message: JsonObject) -> JsonObject:
    """Return the reply envelope, members in the contract's order."""
    return {
        "channel": address.channel,
        "topic": address.topic,
        "subtopic": address.subtopic,
        "message": message,
    }


def failure_body(address: Address, failure: Failure) -> JsonObject:
    """Return the reply envelope of a known operation that failed: its normal reply subtopic."""
    response: JsonObject = {
        "success": False,
        "errorType": failure.error_type,
        "errorMessage": failure.message,
        "msg": failure.msg,
        "retryable": failure.retryable,
    }
    if isinstance(failure, InvalidData):
        response["details"] = [{"field": field, "problem": problem} for field, problem in failure.details]
    return reply_body(address, {"response": response})


def error_event(channel: str | None, failure: Failure) -> JsonObject:
    """Return the vendor's error event, for a request whose operation cannot be told."""
    name = (channel or "").strip()
    return {
        "channel": name if 0 < len(name) <= MAX_ECHOED_CHANNEL else "LCM",
        "topic": "Error",
        "subtopic": "ApiError",
        "data": {
            "errorType": failure.error_type,
            "errorMessage": failure.message,
            "msg": failure.msg,
            "retryable": failure.retryable,
        },
    }


def reply(
    delivery: Delivery,
    body: JsonObject,
    *,
    error_type: str | None = None,
    cache: str | None = None,
    replayed: bool = False,
) -> Outgoing:
    """Address a reply to the queue that the requester named.

    A direct reply-to is published without ``mandatory``: RabbitMQ 3.10 returns such a message as
    unroutable although it was delivered.
    """
    reply_to = delivery.reply_to or ""
    return Outgoing(
        exchange="",
        routing_key=reply_to,
        body=encode(body),
        properties=_properties(delivery, body, error_type=error_type, cache=cache, replayed=replayed),
        mandatory=not reply_to.startswith(DIRECT_ADDRESS),
    )


def event(  # noqa: PLR0913 - each says something of its own about the answer
    delivery: Delivery,
    address: Address,
    body: JsonObject,
    *,
    exchange: str,
    cache: str | None = None,
    replayed: bool = False,
) -> Outgoing:
    """Address a successful reply to the events exchange, with the request's idempotency key."""
    key = delivery.key()
    return Outgoing(
        exchange=exchange,
        routing_key=".".join(address),
        body=encode(body),
        properties=_properties(
            delivery,
            body,
            cache=cache,
            replayed=replayed,
            more={} if key is None else {IDEMPOTENCY_KEY: key.text},
        ),
    )


def _properties(  # noqa: PLR0913 - each is a header of its own
    delivery: Delivery,
    body: JsonObject,
    *,
    error_type: str | None = None,
    cache: str | None,
    replayed: bool,
    more: dict[str, Any] | None = None,
) -> Properties:
    headers: dict[str, Any] = {
        STATUS: "error" if error_type else "ok",
        VERSION: __version__,
        **(more or {}),
    }
    if error_type:
        headers[ERROR_TYPE] = error_type
    if cache:
        headers[CACHE] = cache
    if replayed:
        headers[REPLAYED] = True
    return Properties(
        content_type="application/json",
        delivery_mode=2,
        correlation_id=delivery.correlation_id,
        message_id=_fresh_id(),
        timestamp=datetime.now(UTC),
        message_type=str(body["subtopic"]),
        app_id=APP_ID,
        headers=headers,
    )


def _fresh_id() -> str:
    """Return 128 random bits in hex: of no use as a secret, so without asking the system for them."""
    return f"{random.getrandbits(128):032x}"


class ReplyPolicy:
    """Which reply queues may be written to: never the bridge's own, and only those that a pattern allows."""

    def __init__(self, *, allowed: list[str], own_queues: list[str], own_prefix: str) -> None:
        nothing = "(?!)"  # the empty pattern would allow everything
        self._allowed = re.compile("|".join(map(translate, allowed)) or nothing)
        self._own = frozenset(own_queues)
        self._own_prefix = own_prefix

    def refusal(self, reply_to: str | None) -> str | None:
        """Return why a reply may not go there, None if it may."""
        if reply_to is None:
            return None
        if reply_to in self._own or reply_to.startswith(self._own_prefix):
            return "reply_to names one of the bridge's own queues"
        if not self._allowed.match(reply_to):
            return "reply_to is not allowed by replies.allowed_reply_to"
        return None
