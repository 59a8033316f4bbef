"""The exchanges and queues of the bridge: declared at start, or only checked to exist."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from bridge.settings import Amqp

Limits = Mapping[str, int | None]
"""Arguments of a queue that the broker has otherwise than the settings say; None: not at all."""


class Exchange(NamedTuple):
    """A durable exchange."""

    name: str
    kind: str
    arguments: dict[str, Any] | None = None


class Queue(NamedTuple):
    """A durable queue."""

    name: str
    arguments: dict[str, Any]


class Binding(NamedTuple):
    """What leads from an exchange to a queue."""

    queue: str
    exchange: str
    routing_key: str = ""


Part = Exchange | Queue | Binding


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that the bridge declares. Declaring what is there already changes nothing.

    ``agent_subtopics`` and ``campaign_subtopics`` are the last words of the routing keys by which
    the request queues are bound. ``delays`` are the milliseconds for which a request can be parked.
    ``limits`` are those that a queue has otherwise and that are left as they are, by its name; what looks at
    the broker (`bridge.bus.agreement`) fills it.

    Every method raises what the broker answers: `aiormq.exceptions.ChannelPreconditionFailed` names the
    argument that differs, `ChannelNotFoundEntity` what is missing. With ``amqp.declare = false`` they only
    check that it exists.
    """

    settings: Amqp
    agent_subtopics: Sequence[str]
    campaign_subtopics: Sequence[str]
    delays: Sequence[int]
    limits: dict[str, Limits] = field(default_factory=dict)

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

    def max_length(self, queue: str) -> int | None:
        """Return how many messages a request or delayed queue holds before it refuses; None: any number."""
        return self.limits.get(queue, {}).get("x-max-length", self.settings.max_length)

    def parts(self) -> Iterator[Part]:
        """Yield everything, in the order in which it can be declared."""
        yield from self._outlets()
        for queue in self.request_queues:
            yield from self._requests(queue)
        # Last: what a queue of another name is still bound to gets no copy of what this one gets already.
        yield self._unrouted()
        yield from self._retries()

    async def establish_requests(self, channel: AbstractChannel, queue: str) -> None:
        """Declare a request queue and the exchanges that lead to it."""
        await self._establish(channel, self._requests(queue))
        if queue == self.settings.agent_queue:
            await self._establish(channel, [self._unrouted()])

    async def establish_outlets(self, channel: AbstractChannel) -> None:
        """Declare where events and dead letters go."""
        await self._establish(channel, self._outlets())

    async def establish_retries(self, channel: AbstractChannel) -> None:
        """Declare the delayed queues, from which requests return by their time to live."""
        await self._establish(channel, self._retries())

    def _requests(self, queue: str) -> Iterator[Part]:
        names = self.settings
        # Routing keys know case: what no binding matches must not vanish.
        yield Exchange(names.requests_exchange, "topic", {"alternate-exchange": names.unrouted_exchange})
        yield Exchange(names.unrouted_exchange, "fanout")
        yield Queue(queue, self._request_arguments())
        subtopics = self.agent_subtopics if queue == names.agent_queue else self.campaign_subtopics
        for subtopic in subtopics:
            yield Binding(queue, names.requests_exchange, f"*.*.{subtopic}")

    def _unrouted(self) -> Binding:
        return Binding(self.settings.agent_queue, self.settings.unrouted_exchange)

    def _outlets(self) -> Iterator[Part]:
        names = self.settings
        yield Exchange(names.events_exchange, "topic")
        yield Exchange(names.dead_letters_exchange, "fanout")
        # Without a limit of ours, RabbitMQ 4 drops a letter that was read twenty times.
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": names.delivery_limit}
        yield Queue(names.dead_letters_queue, arguments)
        yield Binding(names.dead_letters_queue, names.dead_letters_exchange)

    def _retries(self) -> Iterator[Part]:
        for queue in self.request_queues:
            for delay in self.delays:
                arguments = self._request_arguments() | {
                    "x-message-ttl": delay,
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": queue,
                }
                yield Queue(self.retry_queue(queue, delay), arguments)

    def _request_arguments(self) -> dict[str, Any]:
        return {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": self.settings.dead_letters_exchange,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # at-least-once dead-lettering needs it
            "x-max-length": self.settings.max_length,
            "x-delivery-limit": self.settings.delivery_limit,
        }

    async def _establish(self, channel: AbstractChannel, parts: Iterable[Part]) -> None:
        for part in parts:
            if not self.settings.declare:
                await look_for(channel, part)
            elif isinstance(part, Queue) and part.name in self.limits:
                await self._declare_limited(channel, part)
            else:
                await declare(channel, part)

    async def _declare_limited(self, channel: AbstractChannel, queue: Queue) -> None:
        try:
            await look_for(channel, queue)
        except ChannelNotFoundEntity:  # it was deleted: the next one is as the settings say
            self.limits.pop(queue.name, None)
            raise
        await declare(channel, with_limits(queue, self.limits.get(queue.name, {})))


def with_limits(queue: Queue, limits: Limits) -> Queue:
    """Return a queue with other limits than the settings say."""
    kept = {name: value for name, value in queue.arguments.items() if name not in limits}
    return queue._replace(arguments=kept | {name: one for name, one in limits.items() if one is not None})


async def declare(channel: AbstractChannel, part: Part) -> None:
    """Declare a part. Raises what `Topology` says."""
    match part:
        case Exchange(name, kind, arguments):
            await channel.exchange_declare(name, exchange_type=kind, durable=True, arguments=arguments)
        case Queue(name, arguments):
            await channel.queue_declare(name, durable=True, arguments=arguments)
        case Binding(queue, exchange, routing_key):
            await channel.queue_bind(queue, exchange, routing_key=routing_key)


async def look_for(channel: AbstractChannel, part: Part) -> None:
    """Check that an exchange or a queue exists; of bindings the broker tells nothing."""
    match part:
        case Exchange(name):
            await channel.exchange_declare(name, passive=True)
        case Queue(name):
            await channel.queue_declare(name, passive=True)
