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
    the request queues are bound.
    """

    settings: Amqp
    agent_subtopics: Sequence[str]
    campaign_subtopics: Sequence[str]

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
        return f"{self.settings.prefix}.retry."

    async def establish(self, channel: AbstractChannel) -> None:
        """Declare everything, or with ``amqp.declare = false`` check that it exists.

        Raises what the broker answers: `aiormq.exceptions.ChannelPreconditionFailed` names the
        argument that differs, `ChannelNotFoundEntity` what is missing.
        """
        if self.settings.declare:
            await self._declare(channel)
        else:
            await self._check(channel)

    async def _declare(self, channel: AbstractChannel) -> None:
        names = self.settings
        await channel.exchange_declare(names.unrouted_exchange, exchange_type="fanout", durable=True)
        await channel.exchange_declare(
            names.requests_exchange,
            exchange_type="topic",
            durable=True,
            # Routing keys know case: what no binding matches must not vanish.
            arguments={"alternate-exchange": names.unrouted_exchange},
        )
        await channel.exchange_declare(names.events_exchange, exchange_type="topic", durable=True)
        await channel.exchange_declare(names.dead_letters_exchange, exchange_type="fanout", durable=True)
        await channel.queue_declare(
            names.dead_letters_queue, durable=True, arguments={"x-queue-type": "quorum"}
        )
        await channel.queue_bind(names.dead_letters_queue, names.dead_letters_exchange)
        for queue in self.request_queues:
            await channel.queue_declare(queue, durable=True, arguments=self._request_arguments())
        for queue, subtopics in (
            (names.agent_queue, self.agent_subtopics),
            (names.campaign_queue, self.campaign_subtopics),
        ):
            for subtopic in subtopics:
                await channel.queue_bind(queue, names.requests_exchange, routing_key=f"*.*.{subtopic}")
        await channel.queue_bind(names.agent_queue, names.unrouted_exchange)

    def _request_arguments(self) -> dict[str, Any]:
        return {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": self.settings.dead_letters_exchange,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # at-least-once dead-lettering needs it
            "x-max-length": self.settings.max_length,
            "x-delivery-limit": self.settings.delivery_limit,
        }

    async def _check(self, channel: AbstractChannel) -> None:
        names = self.settings
        for exchange in (
            names.requests_exchange,
            names.unrouted_exchange,
            names.events_exchange,
            names.dead_letters_exchange,
        ):
            await channel.exchange_declare(exchange, passive=True)
        for queue in self.own_queues:
            await channel.queue_declare(queue, passive=True)
