"""A widget service as the bridge's publishers are: requests out, correlated replies in."""

import asyncio
import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

import aio_pika
import aiohttp
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, AbstractQueue

from bridge.demo.scene import Control, Scene
from bridge.messages import DIRECT_REPLY_TO

REPLY_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came back for a scene; None where nothing did within 20 s. `seconds` is the round trip."""

    correlation_id: str
    message_id: str
    seconds: float
    reply: AbstractIncomingMessage | None
    event: AbstractIncomingMessage | None
    dead_letter: AbstractIncomingMessage | None


class Requester:
    """Publishes scenes and collects what comes back. `connect` makes one, `close` ends it."""

    def __init__(self, stack: AsyncExitStack, control_url: str) -> None:
        self._stack = stack
        self._control_url = control_url.rstrip("/")
        self._waiting: dict[tuple[str, str], asyncio.Future[AbstractIncomingMessage]] = {}

    _channel: AbstractChannel
    _requests: AbstractExchange
    _replies: AbstractQueue
    _session: aiohttp.ClientSession

    @classmethod
    async def connect(cls, amqp_url: str, prefix: str, control_url: str) -> Self:
        """Connect and listen on a reply queue, for direct replies, for events and for dead letters."""
        async with AsyncExitStack() as stack:
            self = cls(stack, control_url)
            self._session = await stack.enter_async_context(
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
            )
            connection = await stack.enter_async_context(await aio_pika.connect(amqp_url))
            self._channel = await connection.channel()
            self._requests = await self._channel.get_exchange(f"{prefix}.requests", ensure=False)
            self._replies = await self._channel.declare_queue(exclusive=True)
            await self._replies.consume(self._collector("reply"), no_ack=True)
            direct = await self._channel.get_queue(DIRECT_REPLY_TO, ensure=False)
            await direct.consume(self._collector("reply"), no_ack=True)
            events = await self._channel.declare_queue(exclusive=True)
            await events.bind(f"{prefix}.events", routing_key="#")
            await events.consume(self._collector("event"), no_ack=True)
            letters = await self._channel.declare_queue(exclusive=True)
            # A second queue on the dead-letter exchange: those in the bridge's own queue stay there.
            await letters.bind(f"{prefix}.dead-letters", routing_key="#")
            await letters.consume(self._collector("dead_letter"), no_ack=True)
            self._stack = stack.pop_all()
            return self
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close both connections."""
        await self._stack.aclose()

    async def control(self, call: Control) -> None:
        """Call the simulator's control API. Raises RuntimeError when it refuses."""
        url = f"{self._control_url}/{call.path}"
        body = None if call.method == "DELETE" else call.body
        async with self._session.request(call.method, url, json=body) as answer:
            if not answer.ok:
                raise RuntimeError(f"the simulator refused {call.method} {call.path}: {await answer.text()}")

    async def play(self, scene: Scene) -> Outcome:
        """Make the scene's control calls, publish its request and wait for everything that it expects."""
        for call in scene.before:
            await self.control(call)
        correlation_id, message_id = uuid.uuid4().hex, uuid.uuid4().hex
        wanted = {
            "reply": scene.reply != "none",
            "event": scene.event or (scene.reply == "none" and scene.dead_letter is None),
            "dead_letter": scene.dead_letter is not None,
        }
        loop = asyncio.get_running_loop()
        futures = {kind: loop.create_future() for kind, is_wanted in wanted.items() if is_wanted}
        self._waiting.update({(kind, correlation_id): future for kind, future in futures.items()})
        headers = (
            {} if scene.deadline_in is None else {"x-deadline": int((time.time() + scene.deadline_in) * 1000)}
        )
        reply_to = {"queue": self._replies.name, "direct": DIRECT_REPLY_TO, "none": None}[scene.reply]
        body = scene.request.encode() if isinstance(scene.request, str) else scene.request
        message = aio_pika.Message(
            body,
            content_type="application/json",
            correlation_id=correlation_id,
            message_id=message_id,
            reply_to=reply_to,
            headers=dict(headers),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        began = time.perf_counter()
        async with asyncio.timeout(REPLY_SECONDS):
            await self._requests.publish(message, routing_key=scene.routing_key)
        await asyncio.wait(futures.values(), timeout=REPLY_SECONDS, return_when=asyncio.ALL_COMPLETED)
        for kind in futures:
            self._waiting.pop((kind, correlation_id), None)
        came = {kind: future.result() for kind, future in futures.items() if future.done()}
        return Outcome(
            correlation_id=correlation_id,
            message_id=message_id,
            seconds=time.perf_counter() - began,
            reply=came.get("reply"),
            event=came.get("event"),
            dead_letter=came.get("dead_letter"),
        )

    def _collector(self, kind: str) -> "Collector":
        return Collector(kind, self._waiting)


class Collector:
    """Takes messages in and hands each to whoever waits for its correlation id."""

    def __init__(
        self, kind: str, waiting: dict[tuple[str, str], asyncio.Future[AbstractIncomingMessage]]
    ) -> None:
        self._kind = kind
        self._waiting = waiting

    async def __call__(self, message: AbstractIncomingMessage) -> None:
        """Take one message; one that nobody waits for is left."""
        future = self._waiting.get((self._kind, message.correlation_id or ""))
        if future is not None and not future.done():
            future.set_result(message)
