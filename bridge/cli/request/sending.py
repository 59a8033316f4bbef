"""Publishing one request, and waiting for what becomes of it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import (
    AMQPError,
    ChannelClosed,
    ChannelInvalidStateError,
    DeliveryError,
    PublishError,
)

from bridge.cli.broker import broker_fault, connect_to_any
from bridge.headers import IDEMPOTENCY_KEY
from bridge.messages import DIRECT_REPLY_TO
from bridge.settings import Amqp

CONNECTING = 0.9
"""Share of the time for connecting: a little earlier than the whole ends, to tell of every node."""


class NotSent(Exception):
    """No worker will see the request; the text says why."""


class NoReply(Exception):
    """The request may be carried out, and nothing is known of that; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that the broker has; times in seconds since it was published.

    ``body`` and ``headers`` are the reply's; without a reply both are None, as is ``replied``.
    """

    confirmed: float
    replied: float | None = None
    body: bytes | None = None
    headers: dict[str, Any] | None = None


class Sending:
    """One request on its way: how far it came decides what its failure means."""

    def __init__(self, settings: Amqp, *, answered: bool, key: str | None) -> None:
        self._settings = settings
        self._answered = answered
        self._key = key
        self._message_id = uuid4().hex
        self._published = False
        self._confirmed: float | None = None
        self._replies: asyncio.Queue[tuple[AbstractIncomingMessage, float]] = asyncio.Queue(maxsize=1)

    async def send(self, body: bytes, routing_key: str, seconds: float) -> Sent:
        """Publish, wait for the publisher confirm, and if it is answered for the reply; once.

        ``seconds`` is for all of that, and the time to live of the message. Raises `NotSent` and `NoReply`.
        """
        message = aio_pika.Message(
            body,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            correlation_id=uuid4().hex,
            message_id=self._message_id,
            reply_to=DIRECT_REPLY_TO if self._answered else None,
            timestamp=time.time(),
            expiration=seconds,
            headers={IDEMPOTENCY_KEY: self._key} if self._key else {},
        )
        try:
            async with asyncio.timeout(seconds):
                return await self._run(message, routing_key, seconds * CONNECTING)
        except TimeoutError:
            raise self._late(seconds) from None
        except (AMQPError, ChannelInvalidStateError, OSError) as error:
            raise self._failed(error) from error

    def ids(self) -> str:
        """Return what tells this request from others, for logs and for sending it again."""
        told = f"message id {self._message_id}"
        return f"{told}, idempotency key {self._key}" if self._key else told

    def interrupted(self) -> str:
        """Return what it means that it is ended here."""
        if not self._published:
            return "not sent: interrupted"
        if self._confirmed is None:
            return (
                f"interrupted before it was confirmed: nobody knows whether the broker has it; {self.ids()}"
            )
        return f"interrupted before the reply came: a worker may carry it out; {self.ids()}"

    async def _run(self, message: aio_pika.Message, routing_key: str, connecting: float) -> Sent:
        """Do it. Raises what the client library does, and `NotSent` for what the broker gave back."""
        connection, _, _ = await connect_to_any(self._settings, connecting)
        async with connection:
            channel = await connection.channel(on_return_raises=True)
            if self._answered:
                queue = await channel.get_queue(DIRECT_REPLY_TO, ensure=False)
                await queue.consume(self._arrived, no_ack=True)
            exchange = await channel.get_exchange(self._settings.requests_exchange, ensure=False)
            started = time.monotonic()
            self._published = True
            try:
                await exchange.publish(message, routing_key=routing_key, mandatory=True)
            except (DeliveryError, ChannelClosed) as refusal:
                raise NotSent(self._refused(refusal, routing_key)) from refusal
            self._confirmed = time.monotonic() - started
            if not self._answered:
                return Sent(confirmed=self._confirmed)
            reply, arrived = await self._reply(channel)
            return Sent(
                confirmed=self._confirmed,
                replied=arrived - started,
                body=reply.body,
                headers=dict(reply.headers),
            )

    def _late(self, seconds: float) -> NotSent | NoReply:
        """Return what it means that its time is up here."""
        if not self._published:
            return NotSent(f"RabbitMQ: no connection within {seconds:g} s")
        if self._confirmed is None:
            return self._no_reply(
                f"not confirmed within {seconds:g} s: nobody knows whether the broker has it"
            )
        return self._no_reply(f"no reply within {seconds:g} s; is a worker running? try: lcm-bridge check")

    def _failed(self, error: Exception) -> NotSent | NoReply:
        """Return what it means that the connection fails here."""
        why = broker_fault(error)
        return self._no_reply(f"no reply: {why}") if self._published else NotSent(why)

    def _no_reply(self, why: str) -> NoReply:
        return NoReply(f"{why}; {self.ids()}")

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        await self._replies.put((message, time.monotonic()))

    async def _reply(self, channel: AbstractChannel) -> tuple[AbstractIncomingMessage, float]:
        reply = asyncio.ensure_future(self._replies.get())
        closed = asyncio.ensure_future(channel.closed())
        try:
            await asyncio.wait((reply, closed), return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                raise ConnectionError("the connection was lost before the reply came")
            return reply.result()
        finally:
            reply.cancel()
            closed.cancel()

    def _refused(self, refusal: DeliveryError | ChannelClosed, routing_key: str) -> str:
        exchange = self._settings.requests_exchange
        if isinstance(refusal, PublishError):
            return (
                f"unroutable: nothing is bound to the exchange {exchange} for {routing_key}, and its"
                " alternate exchange leads nowhere; try: lcm-bridge check"
            )
        if isinstance(refusal, DeliveryError):
            return "the broker refused it: the queue is full, or its leader is away; try: lcm-bridge check"
        return f"RabbitMQ: {refusal}; try: lcm-bridge check"
