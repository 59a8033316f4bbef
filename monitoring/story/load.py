"""What the widgets and the campaigns of a small contact centre ask for, mistakes and repetitions included."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from bridge.demo.samples import create, envelope, get_od, get_reserved

REPLIES: Final = "widgets.replies"
PREFIX: Final = "lcm"
PATIENCE: Final = 6.0
"""Seconds after which a widget gives up: its deadline."""
PUBLISH_SECONDS: Final = 3.0
RECONNECT_SECONDS: Final = 0.5
AGENTS: Final = [f"agent{number}" for number in range(1, 21)]
_LOST: Final = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)

Properties = Mapping[str, Any]


class Load:
    """Publishes about `rate` requests a second until it is told to end, through every loss of the broker.

    What is asked for comes from a seeded generator: the same shares each time.
    """

    def __init__(self, url: str, *, rate: float) -> None:
        self.published = 0
        self.replies = 0
        self._url = url
        self._rate = rate
        self._random = random.Random(7)  # noqa: S311 - nothing secret about a load
        self._channel: AbstractChannel | None = None
        # Requests for each thousand published: what the share of each is.
        self._kinds: dict[Callable[[], list[tuple[str, Properties]]], int] = {
            self._od: 290,
            self._reserved: 330,
            self._newly_reserved: 40,
            self._dial: 90,
            self._created: 180,
            self._created_twice: 25,
            self._created_otherwise: 6,
            self._incomplete: 15,
            self._unknown: 8,
            self._gone: 8,
            self._told_to_nobody: 3,
            self._loop: 1,
        }

    async def run(self) -> None:
        """Publish and take replies, for ever; whoever runs it cancels it."""
        while True:
            with suppress(*_LOST):
                async with asyncio.timeout(PUBLISH_SECONDS):
                    connection = await aio_pika.connect(self._url)
                async with connection:
                    await self._serve(await connection.channel())
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self, channel: AbstractChannel) -> None:
        replies = await channel.declare_queue(REPLIES, durable=True)
        await replies.consume(self._take, no_ack=True)
        softphones = await channel.declare_queue(exclusive=True)
        await softphones.bind(f"{PREFIX}.events", "#")
        await softphones.consume(_heard, no_ack=True)
        self._channel = channel
        while True:
            began = time.monotonic()
            (kind,) = self._random.choices(list(self._kinds), list(self._kinds.values()))
            for body, properties in kind():
                await self._publish(body, properties)
            await asyncio.sleep(max(0.0, 1 / self._rate - (time.monotonic() - began)))

    async def _publish(self, body: str, properties: Properties) -> None:
        if self._channel is None:
            return
        key = ".".join(str(json.loads(body).get(name, "")) for name in ("channel", "topic", "subtopic"))
        given = {"message_id": uuid4().hex, "timestamp": datetime.now(UTC), **properties}
        message = aio_pika.Message(body.encode(), content_type="application/json", **given)
        exchange = await self._channel.get_exchange(f"{PREFIX}.requests", ensure=False)
        async with asyncio.timeout(PUBLISH_SECONDS):
            await exchange.publish(message, key)
        self.published += 1

    async def _take(self, message: AbstractIncomingMessage) -> None:
        """Skip every third contact that was fetched, as an agent does."""
        self.replies += 1
        reply = json.loads(message.body)
        found = reply.get("message", {}).get("response") if "message" in reply else None
        if not isinstance(found, list) or not found or self._random.random() > 1 / 3:
            return
        agent, _, _ = (message.correlation_id or "").partition(":")
        data = {name: found[0][name] for name in ("AccountNumber", "PhoneNumber")}
        data |= {"OutcomeId": 100, "UserID": agent}
        with suppress(*_LOST):
            await self._publish(envelope("SkipManualDialContact", data), self._widget(agent))

    def _agent(self) -> str:
        return self._random.choice(AGENTS)

    def _widget(self, agent: str) -> dict[str, Any]:
        return {
            "reply_to": REPLIES,
            "correlation_id": f"{agent}:{uuid4().hex}",
            "expiration": PATIENCE,
        }

    def _od(self) -> list[tuple[str, Properties]]:
        agent = self._agent()
        return [(get_od(agent), self._widget(agent))]

    def _reserved(self) -> list[tuple[str, Properties]]:
        agent = self._agent()
        return [(get_reserved(agent=agent), self._widget(agent))]

    def _newly_reserved(self) -> list[tuple[str, Properties]]:
        agent = self._agent()
        return [(get_reserved(reserved=False, agent=agent), self._widget(agent))]

    def _dial(self) -> list[tuple[str, Properties]]:
        body = envelope(
            "ManualDialCall", {"PhoneNumber": "2025550123"}, channel="Amazon", topic="InboundCall"
        )
        return [(body, self._widget(self._agent()))]

    def _created(self) -> list[tuple[str, Properties]]:
        """Half of the campaigns' requests are answered to nobody."""
        return [(create(), {"reply_to": self._random.choice([REPLIES, None])})]

    def _created_twice(self) -> list[tuple[str, Properties]]:
        once = (create(), {"reply_to": REPLIES, "message_id": uuid4().hex})
        return [once, once]

    def _created_otherwise(self) -> list[tuple[str, Properties]]:
        properties = {"reply_to": REPLIES, "message_id": uuid4().hex}
        return [(create(), properties), (create(priority=1), properties)]

    def _incomplete(self) -> list[tuple[str, Properties]]:
        return [(envelope("GetReservedContactOD", {}), self._widget(self._agent()))]

    def _unknown(self) -> list[tuple[str, Properties]]:
        return [(envelope("GetReservedContact", {}), self._widget(self._agent()))]

    def _gone(self) -> list[tuple[str, Properties]]:
        return [(get_od(self._agent()), {"reply_to": "widgets.closed", "correlation_id": uuid4().hex})]

    def _told_to_nobody(self) -> list[tuple[str, Properties]]:
        return [(envelope("GetReservedContactOD", {}), {})]

    def _loop(self) -> list[tuple[str, Properties]]:
        return [(get_od(self._agent()), {"reply_to": f"{PREFIX}.requests.agent"})]


async def _heard(_message: AbstractIncomingMessage) -> None:
    """Take an event as a softphone does."""
