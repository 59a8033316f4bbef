"""What comes from the broker and what goes to it, without any client library's types.

None of it is changed once it is made; `frozen` would have that checked, and make each four times as dear.
"""

import math
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol

from bridge import tracecontext
from bridge.failures import InvalidEnvelope
from bridge.headers import DEADLINE, IDEMPOTENCY_KEY
from bridge.tracecontext import TraceContext

DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"
"""What a requester writes that wants a direct reply, and consumes from."""

DIRECT_ADDRESS = f"{DIRECT_REPLY_TO}."
"""Prefix of the address that the broker makes of it, as it hands it to the consumer of the request."""

LONGEST_KEY = 255
"""Characters of a header idempotency-key."""
_DIGITS = re.compile(r"[0-9]+")
_LONGEST_TIME = 18
_NO_DEADLINE = "x-deadline and expiration must be whole numbers of milliseconds, x-deadline in unix time"


@dataclass(slots=True, kw_only=True)
class Properties:
    """The AMQP basic properties, names and types as in AMQP 0-9-1 (expiration: milliseconds as text)."""

    content_type: str | None = None
    content_encoding: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    delivery_mode: int | None = None
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration: str | None = None
    message_id: str | None = None
    timestamp: datetime | None = None
    message_type: str | None = None
    user_id: str | None = None
    app_id: str | None = None


KeySource = Literal["header", "message-id", "reply-address"]
"""Where a key stands: header ``idempotency-key``, message id, or reply queue and correlation id."""


class RequestKey(NamedTuple):
    """What a repetition of a request is recognised by; keys of different origin are never the same."""

    source: KeySource
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The key as one text, for others to compare."""
        return " ".join(self.parts)


class Settler(Protocol):
    """Settles one delivery with the broker. Doing so after its channel died is counted, not an error."""

    @property
    def lost(self) -> bool:
        """Whether the delivery's channel has died, so that the broker delivers it again."""

    async def ack(self) -> None:
        """Tell the broker that the request is done with."""

    async def requeue(self, *, failed: bool) -> None:
        """Give the request back: ``failed`` after it was tried, so that the broker counts it as in vain."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One request as the broker delivered it, or as it was before the bridge parked it.

    ``unreadable`` names the properties that could not be read and were left out; ``received`` is in
    unix seconds, ``arrived`` the same moment in the clock that nobody sets. ``attempts`` is how often it
    was tried before, ``held_since`` when it was first parked because Redis was away (unix seconds),
    ``deliveries`` how often the broker delivered it in vain. ``header_bytes`` are those of its properties,
    ``left_out`` those of a body beyond the limit: what is here is its beginning.
    """

    body: bytes
    properties: Properties
    queue: str
    exchange: str
    routing_key: str
    redelivered: bool
    settler: Settler
    unreadable: str = ""
    header_bytes: int = 0
    left_out: int = 0
    received: float = field(default_factory=time.time)
    arrived: float = field(default_factory=time.monotonic, compare=False)
    parked: bool = False
    attempts: int = 0
    held_since: float | None = None
    deliveries: int = 0

    @property
    def repeated(self) -> bool:
        """Whether it may have been worked on before: not a first delivery."""
        return self.redelivered or self.parked

    @property
    def ids(self) -> dict[str, str | None]:
        """What its lines in the log are found by."""
        given = self.properties
        return {"queue": self.queue, "correlation_id": given.correlation_id, "message_id": given.message_id}

    @property
    def reply_to(self) -> str | None:
        """The queue that waits for the reply, None if nobody does."""
        return self.properties.reply_to or None

    @property
    def correlation_id(self) -> str | None:
        """What the reply is correlated by: the request's correlation id, else its message id."""
        return self.properties.correlation_id or self.properties.message_id or None

    def key(self) -> RequestKey | None:
        """Return the key: header ``idempotency-key``, message id, or reply queue and correlation id.

        Raises `InvalidEnvelope` for a header that is no key.
        """
        key = self.properties.headers.get(IDEMPOTENCY_KEY)
        if key is not None:
            if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
                raise InvalidEnvelope(
                    f"the header idempotency-key must be text of 1 to {LONGEST_KEY} characters"
                )
            return RequestKey("header", (key,))
        if self.properties.message_id:
            return RequestKey("message-id", (self.properties.message_id,))
        if self.properties.reply_to and self.properties.correlation_id:
            return RequestKey("reply-address", (self.properties.reply_to, self.properties.correlation_id))
        return None

    def deadline(self) -> float | None:
        """Return the moment, in unix seconds, after which the requester waits no longer.

        The earliest of header ``x-deadline`` (unix milliseconds) and timestamp + expiration; without
        a timestamp the expiration counts from the delivery. Raises `InvalidEnvelope`.
        """
        moments = []
        stated = self.properties.headers.get(DEADLINE)
        if stated is not None:
            if not isinstance(stated, int | str):
                raise InvalidEnvelope(_NO_DEADLINE)
            moments.append(_seconds(str(stated)))
        expiration = self.properties.expiration or ""
        if _DIGITS.fullmatch(expiration):  # the broker takes no other
            sent = self.properties.timestamp
            moments.append((sent.timestamp() if sent else self.received) + _seconds(expiration))
        return min(moments, default=None)

    def trace_context(self) -> TraceContext | None:
        """Return the publisher's W3C trace context, None without a well-formed one."""
        return tracecontext.read(self.properties.headers)

    def waited(self) -> float | None:
        """Return the seconds between publishing and delivery, where the publisher set a timestamp."""
        sent = self.properties.timestamp
        return None if sent is None else max(0.0, self.received - sent.timestamp())


def _seconds(milliseconds: str) -> float:
    """Read a number of milliseconds as seconds; one beyond all time is never. Raises `InvalidEnvelope`."""
    if not _DIGITS.fullmatch(milliseconds):
        raise InvalidEnvelope(_NO_DEADLINE)
    digits = milliseconds.lstrip("0")
    return math.inf if len(digits) > _LONGEST_TIME else int(digits or "0") / 1000


class Reason(StrEnum):
    """Why a request was dead-lettered: header ``x-reason`` and label ``reason``."""

    REPLY_AS_REQUEST = "reply-as-request"
    FAILURE_WITHOUT_REPLY_TO = "failure-without-reply-to"
    REPLY_TO_REFUSED = "reply-to-refused"
    RETRIES_EXHAUSTED = "retries-exhausted"
    OUTCOME_UNKNOWN = "outcome-unknown"
    EXPIRED = "expired"
    DELIVERY_LIMIT = "delivery-limit"


Unanswered = Literal[Reason.REPLY_AS_REQUEST, Reason.REPLY_TO_REFUSED, Reason.DELIVERY_LIMIT]
"""The reasons that are no failure, because nobody may be told one: they are the request's outcome."""


@dataclass(slots=True, kw_only=True)
class Outgoing:
    """One message to publish.

    With ``signed`` it bears the bridge's own ``user_id``, which the broker validates: so the bridge knows it
    when it comes back.
    """

    exchange: str
    routing_key: str
    body: bytes
    properties: Properties
    mandatory: bool = True
    signed: bool = False
