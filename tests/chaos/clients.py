"""The widget services: they publish with confirms, take replies from queues of their own, and send again."""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, DeliveryError
from aiormq.abc import DeliveredMessage
from chaos.traffic import Request, Traffic
from chaos.verdict import Books
from support.connecting import connect

PUBLISH_SECONDS = 8.0
CONNECT_SECONDS = 5.0
MOST_ATTEMPTS = 4
SEND_AGAIN_AFTER_FAILURE = 0.4
SEND_AGAIN_UNCONFIRMED = 0.5
SENT_TWICE = 0.02
REFUSALS_BEFORE_REOPENING = 3
"""RabbitMQ 3.10 may refuse all that comes on a channel for ever, once a queue's leader has died."""
MOST_UNDER_WAY = 60
"""Requests of one client that are not answered, beyond which it waits: so it is with people."""

Failed = (*CONNECTION_EXCEPTIONS, TimeoutError, OSError)
Take = Callable[[AbstractIncomingMessage], None]


class Client:
    """One connection, kept open through everything: one queue is consumed, and messages are published.

    ``urls`` are the nodes that it tries in turn.
    """

    def __init__(
        self,
        urls: Sequence[str],
        queue: str,
        take: Take,
        *,
        prepare: Callable[[AbstractChannel], Awaitable[None]],
    ) -> None:
        self.queue = queue
        self._urls = itertools.cycle(urls)
        self._refusals = 0
        self._take = take
        self._prepare = prepare
        self._channel: AbstractChannel | None = None
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()

    async def ready(self) -> None:
        """Wait until it consumes."""
        await self._ready.wait()

    async def run(self) -> None:
        """Connect, consume, and connect again; ends by cancellation."""
        while True:
            with suppress(*Failed):
                await self._serve()
            self._ready.clear()
            await asyncio.sleep(0.3)

    async def _serve(self) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await connect(f"{next(self._urls)}?heartbeat=3")
        self._lost = lost = asyncio.Event()
        self._refusals = 0
        connection.close_callbacks.add(lambda *_: lost.set())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                channel = await connection.channel(publisher_confirms=True)
                channel.close_callbacks.add(lambda *_: lost.set())
                await channel.set_qos(prefetch_count=200)
                await self._prepare(channel)
                queue = await channel.get_queue(self.queue, ensure=False)
                await queue.consume(self._arrived)
            self._channel = channel
            self._ready.set()
            await lost.wait()
        finally:
            self._channel = None
            self._ready.clear()
            with suppress(*Failed):
                async with asyncio.timeout(2):
                    await connection.close()

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        self._take(message)  # before anything is awaited: the library cancels this when the channel dies
        with suppress(*Failed):
            await message.ack()

    async def publish(self, exchange: str, routing_key: str, message: aio_pika.Message) -> bool:
        """Publish; True: confirmed, False: refused or returned.

        Raises one of `Failed` where neither is known.
        """
        async with asyncio.timeout(PUBLISH_SECONDS):
            await self._ready.wait()
            channel = self._channel
            if channel is None:
                raise ConnectionError("the connection was lost")
            target = (
                await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
            )
            try:
                taken = await target.publish(message, routing_key, mandatory=True)
            except DeliveryError:
                self._refusals += 1
                if self._refusals >= REFUSALS_BEFORE_REOPENING:
                    self._lost.set()
                return False
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                raise ConnectionError("the connection was lost") from error
            self._refusals = 0
            return not isinstance(taken, DeliveredMessage)


class Crowd:
    """All clients, and how they behave."""

    def __init__(
        self,
        traffic: Traffic,
        books: Books,
        rng: random.Random,
        prefix: str,
        queue_arguments: Mapping[str, Any],
    ) -> None:
        """``queue_arguments`` are those of the queues that the clients declare for themselves."""
        self.clients: list[Client] = []
        self.listeners: list[Client] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.publishing = 0
        self._traffic = traffic
        self._books = books
        self._rng = rng
        self._prefix = prefix
        self._arguments = dict(queue_arguments)
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, urls: Sequence[str]) -> Client:
        """Add a client with a reply queue of its own."""
        queue = f"{self._prefix}.replies.{len(self.clients)}"

        async def prepare(channel: AbstractChannel) -> None:
            await channel.declare_queue(queue, durable=True, arguments=self._arguments)

        def take(message: AbstractIncomingMessage) -> None:
            again = self._books.reply(message.body, message.correlation_id, message.message_id)
            if again is not None and self._rng.random() < SEND_AGAIN_AFTER_FAILURE:
                self._later(again, client)

        client = Client(urls, queue, take, prepare=prepare)
        self.clients.append(client)
        return client

    def listen(self, urls: Sequence[str]) -> None:
        """Add the two that take events and dead letters."""
        events, letters = f"{self._prefix}.events", f"{self._prefix}.dead-letters"

        async def bind(channel: AbstractChannel) -> None:
            queue = await channel.declare_queue(events, durable=True, arguments=self._arguments)
            await queue.bind(f"{self._prefix}.events", "#")

        async def nothing(_: AbstractChannel) -> None:
            """Leave it to the bridge, which declares it."""

        def take_event(message: AbstractIncomingMessage) -> None:
            self._books.event(message.body, message.correlation_id, message.message_id)

        def take_letter(message: AbstractIncomingMessage) -> None:
            self._books.letter(dict(message.headers), message.correlation_id, message.body)

        self.listeners = [
            Client(urls, events, take_event, prepare=bind),
            Client(urls, letters, take_letter, prepare=nothing),
        ]

    async def send(self, request: Request, client: Client, *, queues: tuple[str, ...] = ()) -> None:
        """Send a request once more, by the exchange or the same message straight to each of the queues."""
        await self.gate.wait()
        attempt = request.begin_attempt()
        key, message = self.compose(request, attempt, client.queue)
        targets = [("", queue) for queue in queues] or [(f"{self._prefix}.requests", key)]
        if not queues and self._rng.random() < SENT_TWICE:
            targets *= 2
        self.publishing += 1
        try:
            await asyncio.gather(
                *(
                    self._publish(request, attempt, sender, message, target)
                    for sender, target in zip(self._senders(client), targets, strict=False)
                )
            )
        finally:
            self.publishing -= 1

    def _senders(self, client: Client) -> tuple[Client, Client]:
        """Return who publishes a message and its copy.

        On one channel the library would take the return of the one for that of the other, as they share
        their message_id.
        """
        others = [other for other in self.clients if other is not client]
        return client, self._rng.choice(others)

    def compose(self, request: Request, attempt: int, reply_to: str) -> tuple[str, aio_pika.Message]:
        """Return the routing key and the message of one attempt."""
        envelope = self._traffic.body(request)
        message = aio_pika.Message(
            json.dumps(envelope).encode(),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            **self._traffic.properties(request, attempt, reply_to),
        )
        return ".".join(str(envelope[part]) for part in ("channel", "topic", "subtopic")), message

    async def _publish(
        self,
        request: Request,
        attempt: int,
        client: Client,
        message: aio_pika.Message,
        target: tuple[str, str],
    ) -> None:
        try:
            confirmed = await client.publish(*target, message)
        except Failed:
            request.unsure += 1
            again = SEND_AGAIN_UNCONFIRMED
        else:
            request.sent[attempt] += confirmed
            again = 0.0 if confirmed else 1.0
        if self._rng.random() < again:
            self._later(request, client)

    def _later(self, request: Request, client: Client) -> None:
        """Send it again after a moment, the way a person or a client library does."""
        if len(request.sent) >= MOST_ATTEMPTS or request.gone:
            return

        async def again() -> None:
            await asyncio.sleep(self._rng.uniform(0.2, 1.0))
            await self.send(request, client)

        self._keep(asyncio.create_task(again()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> bool:
        """Whether something is being sent, or is to be sent again."""
        return bool(self._tasks)

    async def press(self, rate: float, until: Callable[[], bool]) -> None:
        """Send ``rate`` new requests per second, spread over the clients, until told to end."""
        started, made, looked, waiting = time.monotonic(), 0, 0.0, 0
        while not until():
            now = time.monotonic()
            if now - looked > 1:
                looked, waiting = now, self._books.waiting_of_late()
            if waiting + len(self._tasks) > MOST_UNDER_WAY * len(self.clients) or not self.gate.is_set():
                started, made = now, 0  # what was not sent is not made up for
                await asyncio.sleep(0.05)
                continue
            for _ in range(max(0, int((now - started) * rate) - made)):
                made += 1
                client = self._rng.choice(self.clients)
                self._keep(asyncio.create_task(self.send(self._traffic.make(), client)))
            await asyncio.sleep(0.02)
