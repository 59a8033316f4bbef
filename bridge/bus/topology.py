"""The exchanges and queues of the bridge: declared at start, or only checked to exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiormq.abc import AbstractChannel

from bridge.settings import Amqp

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that the bridge declares. Declaring what is there already changes nothing.

    ``agent_subtopics`` and ``campaign_subtopics`` are the last words of the routing keys by which
    the request queues are bound. ``delays`` are the milliseconds for which a request can be parked.

    Every method raises what the broker answers: `aiormq.exceptions.ChannelPreconditionFailed` names the
    argument that differs, `ChannelNotFoundEntity` what is missing. With ``amqp.declare = false`` they only
    check that it exists.
    """

    settings: Amqp
    agent_subtopics: Sequence[str]
    campaign_subtopics: Sequence[str]
    delays: Sequence[int]

    @property
    def request_queues(self) -> tuple[str, str]:
        """The queues that are consumed."""
        return self.settings.agent_queue, self.settings.campaign_queue

    @property
    def own_queues(self) -> list[str]:
        """The queues that no reply may ever be sent to."""
        return [*self.request_queues, self.settings.dead_letters_queue]

    @property
    def retry_prefix(self) -> str:
        """First part of the names of the delayed-retry queues."""
        return self.settings.retry_prefix

    def retry_queue(self, queue: str, delay: int) -> str:
        """Return the queue that leads back to a request queue after a delay in milliseconds."""
        return f"{self.retry_prefix}{queue}.{delay}"

    def retry_queues(self, queue: str) -> list[str]:
        """Return all queues that lead back to a request queue."""
        return [self.retry_queue(queue, delay) for delay in self.delays]

    async def establish(self, channel: AbstractChannel) -> None:
        """Declare everything."""
        await self.establish_outlets(channel)
        for queue in self.request_queues:
            await self.establish_requests(channel, queue)
        await self.establish_retries(channel)

    async def establish_requests(self, channel: AbstractChannel, queue: str) -> None:
        """Declare a request queue and the exchanges that lead to it."""
        names = self.settings
        await self._exchange(
            channel,
            names.requests_exchange,
            "topic",
            # Routing keys know case: what no binding matches must not vanish.
            {"alternate-exchange": names.unrouted_exchange},
        )
        await self._exchange(channel, names.unrouted_exchange, "fanout")
        await self._queue(channel, queue, self._request_arguments())
        subtopics = self.agent_subtopics if queue == names.agent_queue else self.campaign_subtopics
        for subtopic in subtopics:
            await self._bind(channel, queue, names.requests_exchange, f"*.*.{subtopic}")
        if queue == names.agent_queue:
            await self._bind(channel, queue, names.unrouted_exchange)

    async def establish_outlets(self, channel: AbstractChannel) -> None:
        """Declare where events and dead letters go."""
        names = self.settings
        await self._exchange(channel, names.events_exchange, "topic")
        await self._exchange(channel, names.dead_letters_exchange, "fanout")
        await self._queue(
            channel,
            names.dead_letters_queue,
            # Without it, RabbitMQ 4 drops a letter that was read twenty times.
            {"x-queue-type": "quorum", "x-delivery-limit": names.delivery_limit},
        )
        await self._bind(channel, names.dead_letters_queue, names.dead_letters_exchange)

    async def establish_retries(self, channel: AbstractChannel) -> None:
        """Declare the delayed queues, from which requests return by their time to live."""
        for queue in self.request_queues:
            for delay in self.delays:
                arguments = self._request_arguments() | {
                    "x-message-ttl": delay,
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": queue,
                }
                await self._queue(channel, self.retry_queue(queue, delay), arguments)

    def _request_arguments(self) -> dict[str, Any]:
        return {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": self.settings.dead_letters_exchange,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # at-least-once dead-lettering needs it
            "x-max-length": self.settings.max_length,
            "x-delivery-limit": self.settings.delivery_limit,
        }

    async def _exchange(
        self, channel: AbstractChannel, name: str, kind: str, arguments: dict[str, Any] | None = None
    ) -> None:
        if self.settings.declare:
            await channel.exchange_declare(name, exchange_type=kind, durable=True, arguments=arguments)
        else:
            await channel.exchange_declare(name, passive=True)

    async def _queue(self, channel: AbstractChannel, name: str, arguments: dict[str, Any]) -> None:
        if self.settings.declare:
            await channel.queue_declare(name, durable=True, arguments=arguments)
        else:
            await channel.queue_declare(name, passive=True)

    async def _bind(self, channel: AbstractChannel, queue: str, exchange: str, routing_key: str = "") -> None:
        if self.settings.declare:
            await channel.queue_bind(queue, exchange, routing_key=routing_key)
