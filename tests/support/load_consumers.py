"""Consumers that answer the load as it expects, and those that misbehave in one way each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage
from support.connecting import connect

from bench.work import created_key, manual_contact, od_contact

Reply = tuple[str, bytes]
"""A correlation id and a body."""

Manner = Callable[[int, Reply], Sequence[Reply]]
"""What is replied to the n-th request (from 0), given the right reply."""


def right(_: int, reply: Reply) -> Sequence[Reply]:
    """Answer each request as it should be."""
    return [reply]


def right_body(request: dict[str, Any], *, padding: int = 0) -> bytes:
    """Return the body that answers a request; `padding` bytes are added to the campaign of a contact."""
    data = request["data"]
    campaign = "SamplePreviewCampaign-ACQ" + "x" * padding
    match request["subtopic"]:
        case "GetReservedContactOD":
            subtopic, response = "ContactOD", od_contact(data["UserID"], campaign)
        case "GetReservedManualDialContact":
            contact = manual_contact(data["AgentID"], campaign)
            return body("DownloadContactsForDialing", [contact] * data["NumberOfContactsRequired"])
        case _:
            number = data["Modes"].partition("<Cvalue>")[2].partition("<")[0]
            return body("CreateContactResponse", created_key(number))
    return body(subtopic, response)


def body(subtopic: str, response: Any) -> bytes:
    """Return a reply's body."""
    address = {"channel": "LCM", "topic": "WebService", "subtopic": subtopic}
    return orjson.dumps({**address, "message": {"response": response}})


class Consumer:
    """Answers the requests of one queue by a `Manner`, one after the other, and keeps what it was sent.

    With `hold`, it answers nothing before it has got so many requests.
    """

    def __init__(self, manner: Manner, *, padding: int, hold: int) -> None:
        self.requests: list[AbstractIncomingMessage] = []
        self.queue = ""
        self._manner = manner
        self._padding = padding
        self._hold = hold
        self._answered = 0
        self._lock = asyncio.Lock()
        self.exchange: aio_pika.abc.AbstractExchange

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Take one request."""
        self.requests.append(message)
        if len(self.requests) < self._hold:
            return
        async with self._lock:
            while self._answered < len(self.requests):
                await self._answer(self._answered, self.requests[self._answered])
                self._answered += 1

    async def _answer(self, number: int, message: AbstractIncomingMessage) -> None:
        right_one = (
            message.correlation_id or "",
            right_body(orjson.loads(message.body), padding=self._padding),
        )
        for correlation_id, reply in self._manner(number, right_one):
            await self.exchange.publish(
                aio_pika.Message(reply, correlation_id=correlation_id, headers={"x-bridge-status": "ok"}),
                routing_key=message.reply_to or "",
            )


@asynccontextmanager
async def consumer(
    url: str, manner: Manner = right, *, padding: int = 0, hold: int = 1
) -> AsyncIterator[Consumer]:
    """Consume a queue of its own (`queue`) while the block runs."""
    connection = await connect(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        one = Consumer(manner, padding=padding, hold=hold)
        one.exchange = channel.default_exchange
        queue = await channel.declare_queue(durable=True, auto_delete=True)
        one.queue = queue.name
        await queue.consume(one.take, no_ack=True)
        yield one
