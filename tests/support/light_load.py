"""Requests of every operation, a few per second, some of which fail as a matter of course."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from chaos.clients import Client, Failed
from support.envelopes import Envelope, add_contact, create, dial, envelope, manual, od, skip

from bridge.simulator import Simulator

PUBLISHING = 60
"""Publishes under way beyond which no more are begun: while the broker is away nothing piles up."""
AGENTS = 5
CAMPAIGN = "campaign-loader"
"""The source that waits for no reply."""

Make = Callable[[], Envelope]


class LightLoad:
    """A widget service, and a softphone that listens to the events."""

    def __init__(self, url: str, prefix: str, simulator: Simulator, *, rate: float) -> None:
        self.reply_to = f"{prefix}.widget"
        """Where replies are wanted; another name, and nobody is there."""
        self._prefix = prefix
        self._simulator = simulator
        self._pause = 1 / rate
        self._widget = Client([url], self.reply_to, self._take, prepare=self._declare_replies)
        self._softphone = Client([url], f"{prefix}.softphone", self._take, prepare=self._declare_events)
        self._publishing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send requests, through every outage; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._widget.run())
            group.create_task(self._softphone.run())
            await self._widget.ready()
            await self._softphone.ready()
            for make in itertools.cycle(self._kinds()):
                if len(self._publishing) < PUBLISHING:
                    publishing = group.create_task(self._publish(make()))
                    self._publishing.add(publishing)
                    publishing.add_done_callback(self._publishing.discard)
                await asyncio.sleep(self._pause)

    def _kinds(self) -> list[Make]:
        """Return what is sent, over and over: mostly what succeeds."""
        agents = itertools.cycle(f"agent{number + 1}" for number in range(AGENTS))
        return [
            lambda: od(next(agents)),
            create,
            lambda: manual(next(agents)),
            dial,
            self._skip,
            lambda: od(next(agents)),
            create,
            lambda: create() | {"source": CAMPAIGN},
            lambda: self._reserve(next(agents)),
            lambda: manual(next(agents)),
            dial,
            lambda: od("nobody"),  # CONTACT_NOT_FOUND
            lambda: od(next(agents)),
            create,
            lambda: manual(next(agents)),
            lambda: envelope("GetReservedContactOD", {"UserID": 17}),  # INVALID_DATA
            self._skip,
            lambda: envelope("GetReservedContact", {}),  # UNKNOWN_OPERATION
        ]

    def _skip(self) -> Envelope:
        return skip("skipper", add_contact(self._simulator, "skipper"))

    def _reserve(self, agent: str) -> Envelope:
        add_contact(self._simulator, agent, reserved=False)
        return manual(agent, reserved=False)

    async def _publish(self, body: Envelope) -> None:
        message = aio_pika.Message(
            orjson.dumps(body),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=uuid4().hex,
            timestamp=datetime.now(UTC),
            # A failure that nobody waits for is a dead letter: so it is done with what succeeds.
            reply_to=None if body.get("source") == CAMPAIGN else self.reply_to,
        )
        key = ".".join(str(body[part]) for part in ("channel", "topic", "subtopic"))
        with suppress(*Failed):  # the broker is away: a widget would tell its agent
            await self._widget.publish(f"{self._prefix}.requests", key, message)

    def _take(self, _: AbstractIncomingMessage) -> None:
        """Take a reply or an event, as a widget or a softphone does: what it says is no concern here."""

    async def _declare_replies(self, channel: AbstractChannel) -> None:
        await channel.declare_queue(f"{self._prefix}.widget", durable=True)

    async def _declare_events(self, channel: AbstractChannel) -> None:
        queue = await channel.declare_queue(f"{self._prefix}.softphone", durable=True)
        await queue.bind(f"{self._prefix}.events", "#")
