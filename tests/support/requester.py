"""A widget service: publishes envelopes and takes the replies from a queue of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from support.connecting import connect

BOUND = 20.0


@dataclass(frozen=True)
class Reply:
    """A reply: its parsed body and the message itself."""

    body: Any
    message: AbstractIncomingMessage

    @property
    def response(self) -> Any:
        """``message.response`` of the reply."""
        return self.body["message"]["response"]

    @property
    def error_type(self) -> str:
        """The errorType, wherever it stands."""
        return str(self.error["errorType"])

    @property
    def error(self) -> Any:
        """The members of a failure: in an error event's ``data``, or in a reply's ``response``."""
        return self.response if "message" in self.body else self.body["data"]

    @property
    def headers(self) -> dict[str, Any]:
        """The reply's headers."""
        return dict(self.message.headers)


class Requester:
    """Publishes with confirms to a bridge's request exchange; replies are found by correlation id."""

    def __init__(self, channel: AbstractChannel, reply_queue: AbstractQueue, prefix: str) -> None:
        self.channel = channel
        self.reply_queue = reply_queue
        self.prefix = prefix
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self.unexpected: list[Reply] = []

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Give a reply to whoever waits for it; what nobody waits for is kept in ``unexpected``."""
        reply = Reply(json.loads(message.body), message)
        waiting = self._waiting.pop(message.correlation_id or "", None)
        if waiting is None or waiting.done():
            self.unexpected.append(reply)
        else:
            waiting.set_result(reply)

    async def publish(
        self,
        body: bytes | dict[str, Any],
        *,
        routing_key: str | None = None,
        queue: str | None = None,
        **properties: Any,
    ) -> None:
        """Publish one envelope with the given properties, by the exchange or straight to a queue."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = aio_pika.Message(raw, content_type="application/json", **properties)
        if queue is not None:
            await self.channel.default_exchange.publish(message, queue)
            return
        if routing_key is None:
            routing_key = (
                ".".join(str(body.get(name, "")) for name in ("channel", "topic", "subtopic"))
                if isinstance(body, dict)
                else "LCM.WebService.Unreadable"
            )
        exchange = await self.channel.get_exchange(f"{self.prefix}.requests", ensure=False)
        await exchange.publish(message, routing_key)

    async def ask(self, body: bytes | dict[str, Any], *, bound: float = BOUND, **properties: Any) -> Reply:
        """Publish one envelope and await its reply."""
        correlation_id = str(properties.pop("correlation_id", uuid4().hex))
        waiting = self.expect(correlation_id)
        properties.setdefault("reply_to", self.reply_queue.name)
        await self.publish(body, correlation_id=correlation_id, **properties)
        return await asyncio.wait_for(waiting, bound)

    def expect(self, correlation_id: str) -> asyncio.Future[Reply]:
        """Return the future of the reply with this correlation id."""
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = waiting
        return waiting

    async def dead_letter(self, bound: float = BOUND) -> AbstractIncomingMessage:
        """Take the next dead letter."""
        queue = await self.channel.get_queue(f"{self.prefix}.dead-letters", ensure=False)
        async with asyncio.timeout(bound):
            while (letter := await queue.get(fail=False, no_ack=True)) is None:
                await asyncio.sleep(0.02)
        return letter

    async def listen(self, pattern: str = "#") -> AbstractQueue:
        """Bind a queue of our own to the events exchange."""
        queue = await self.channel.declare_queue(exclusive=True)
        await queue.bind(f"{self.prefix}.events", pattern)
        return queue


async def next_message(queue: AbstractQueue, bound: float = BOUND) -> AbstractIncomingMessage:
    """Take the next message of a queue."""
    async with asyncio.timeout(bound):
        while (message := await queue.get(fail=False, no_ack=True)) is None:
            await asyncio.sleep(0.02)
    return message


@asynccontextmanager
async def requester(url: str, prefix: str) -> AsyncIterator[Requester]:
    """Connect a requester for the length of a block."""
    # No heartbeats: between tests that await something the loop stands still, perhaps for minutes.
    connection = await connect(f"{url}?heartbeat=0")
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        service = Requester(channel, queue, prefix)
        await queue.consume(service.take, no_ack=True)
        yield service
