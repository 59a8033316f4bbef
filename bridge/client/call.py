"""One call, from its first publishing to its reply, over as many attempts as its deadline allows."""

import asyncio
import json
import math
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict, TypeVar, cast

from aio_pika import DeliveryMode, Message

from bridge.client.checks import LONGEST_HEADER, text
from bridge.client.errors import BridgeError, ClientClosed, NoReply, NotSent
from bridge.client.operations import Address
from bridge.headers import DEADLINE, IDEMPOTENCY_KEY
from bridge.jsontypes import JsonValue

FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 5.0
"""Seconds before a request is sent again; an LCM that was away is not called for 5 s."""

MARGIN, LONGEST_MARGIN = 0.05, 0.5
"""Share of the timeout, and seconds, by which the bridge's deadline is earlier: its answer needs time."""

LONGEST_TIMEOUT = 24 * 3600.0
"""Seconds; it is the message's time to live too, which the broker bounds."""

Stage = Literal["its turn", "a connection", "an answer", "another attempt"]
_Error = TypeVar("_Error", bound=BridgeError)


class CallOptions(TypedDict, total=False):
    """What every call may be told.

    `timeout`: seconds for the call as a whole, repetitions included. `idempotency_key`: 1 to 255 characters;
    the same for a request that is the same, else a fresh one is made. `traceparent`, `tracestate`: the W3C
    trace context to go on with.
    """

    timeout: float | None
    idempotency_key: str | None
    traceparent: str | None
    tracestate: str | None


class Call:
    """What is published for a call, and what is known of it."""

    def __init__(
        self,
        address: Address,
        data: Mapping[str, JsonValue],
        *,
        source: str,
        timeout: float,
        options: CallOptions,
    ) -> None:
        unknown = sorted(options.keys() - CallOptions.__annotations__.keys())
        if unknown:
            raise TypeError(f"a call has no argument {', '.join(unknown)}")
        timeout = timeout if options.get("timeout") is None else cast("float", options["timeout"])
        if not 0 < timeout <= LONGEST_TIMEOUT:  # false for nan too
            raise ValueError(f"timeout must be above 0 and at most {LONGEST_TIMEOUT:g} seconds")
        given = {name: options.get(name) for name in ("idempotency_key", "traceparent", "tracestate")}
        self.address = address
        self.routing_key = text(
            "the routing key", ".".join(text("each part of the routing key", part) for part in address)
        )
        """Where the request exchange leads it by."""
        self.stage: Stage = "its turn"
        self.doubtful = False
        """Whether something was published of which nobody knows what became."""
        self.suspected = False
        """Whether it was among several of which RabbitMQ refused one: since then it goes alone."""
        self.problem = ""
        self._waits = True
        self._timeout = timeout
        self._ends = asyncio.get_running_loop().time() + timeout
        self._body = json.dumps(
            {**address._asdict(), "source": source, "data": dict(data)}, allow_nan=False
        ).encode()
        self._source = source
        self._attempt = 0
        self._message_id = uuid.uuid4().hex
        self._headers: dict[str, Any] = {IDEMPOTENCY_KEY: self._message_id} | {
            name.replace("_", "-"): text(name, value, LONGEST_HEADER)
            for name, value in given.items()
            if value is not None
        }

    @property
    def ends(self) -> float:
        """When its deadline is, in the event loop's time."""
        return self._ends

    @property
    def left(self) -> float:
        """Seconds until its deadline."""
        return self._ends - asyncio.get_running_loop().time()

    @property
    def margin(self) -> float:
        """Seconds by which the bridge's deadline is earlier."""
        return min(MARGIN * self._timeout, LONGEST_MARGIN)

    def next_message(self, reply_to: str | None) -> Message:
        """Return the message of the next attempt.

        The same message id and idempotency key in each, but a correlation id of its own: a reply that comes
        twice must not be taken for the answer to the next attempt.
        """
        self._attempt += 1
        told = max(0.001, self.left - self.margin)
        now = time.time()
        self._waits = waits = reply_to is not None
        return Message(
            self._body,
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=self._message_id,
            correlation_id=self.correlation_id,
            reply_to=reply_to,
            app_id=self._source,
            # AMQP's timestamps are whole seconds, and one in the past would end the request earlier.
            timestamp=math.ceil(now),
            expiration=told if waits else None,
            headers={**self._headers, **({DEADLINE: int((now + told) * 1000)} if waits else {})},
        )

    @property
    def correlation_id(self) -> str:
        """That of the last attempt."""
        return f"{self._message_id}-{self._attempt}"

    @property
    def message_id(self) -> str:
        """That of every attempt."""
        return self._message_id

    @property
    def idempotency_key(self) -> str:
        """That of every attempt."""
        return str(self._headers[IDEMPOTENCY_KEY])

    def about(self, error: _Error) -> _Error:
        """Write the ids into an error."""
        if self._attempt:
            error.message_id, error.correlation_id = self.message_id, self.correlation_id
            error.idempotency_key = self.idempotency_key
        return error

    def given_up(self, last: BridgeError) -> BridgeError:
        """Return how it ends with an error that is not tried again: with `NoReply`, if it is doubtful."""
        if not self.doubtful:
            return self.about(last)
        end = self._no_reply(f"the last attempt: {last.text}")
        end.__cause__ = last
        return end

    def ended(self, *, closed: bool, connection: str) -> BridgeError:
        """Return how it ends at its deadline, or when the client is closed; `connection`: what is wrong."""
        waited = f"waiting for {self.stage}"
        if self.stage == "a connection" and connection:
            waited += f" to RabbitMQ ({connection})"
        elif self.stage == "another attempt":
            waited += f" ({self.problem})"
        if closed:
            end = ClientClosed(f"the client was closed while {self.address.subtopic} was {waited}")
            end.retryable = not self.doubtful
            return self.about(end)
        if self.doubtful:
            return self._no_reply(waited)
        return self.about(
            NotSent(f"{self.address.subtopic} was not sent within {self._timeout:g} s: {waited}")
        )

    def _no_reply(self, why: str) -> NoReply:
        name, within = self.address.subtopic, f"within {self._timeout:g} s ({why})"
        if self._waits:
            said = f"no reply to {name} {within}; it may or may not have been carried out: ask again"
        else:
            said = f"{name} was not confirmed {within}; RabbitMQ may or may not have it: send it again"
        return self.about(NoReply(f"{said} with the same idempotency key"))
