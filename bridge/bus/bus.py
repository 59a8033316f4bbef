"""The two connections of a worker: one takes requests, one publishes."""

import asyncio

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.exceptions import ChannelNotFoundEntity

from bridge.bus.connection import Backoff, Connection, Link
from bridge.bus.consumer import Consumer
from bridge.bus.publisher import Publisher
from bridge.bus.topology import Topology
from bridge.bus.wire import tolerate_unreadable_properties
from bridge.metrics import Metrics
from bridge.settings import Amqp

log = structlog.get_logger(__name__)


class Bus:
    """Holds the links, the consumers and the publisher together."""

    def __init__(
        self,
        settings: Amqp,
        topology: Topology,
        consumers: list[Consumer],
        publisher: Publisher,
        metrics: Metrics,
    ) -> None:
        tolerate_unreadable_properties()
        self._settings = settings
        self._topology = topology
        self._consumers = consumers
        self._publisher = publisher
        self._metrics = metrics
        self._links = [
            Link("lcm-bridge requests", settings, self._consume, self._changed),
            Link("lcm-bridge replies", settings, publisher.run, self._changed),
        ]
        self._reconnects_told = 0
        metrics.amqp_connected.set(0)

    async def run(self) -> None:
        """Keep both connections; ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            for link in self._links:
                group.create_task(link.run(), name=link.name)

    def missing(self) -> list[str]:
        """Return what is not there yet for requests to be served; empty when ready."""
        parts = [f"connection {link.name}" for link in self._links if not link.connected]
        parts += [f"consumer of {one.queue}" for one in self._consumers if not one.registered]
        if not self._publisher.open:
            parts.append("reply channel")
        return parts

    async def stop_consuming(self) -> None:
        """Take no more requests."""
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))

    async def drain(self) -> None:
        """Wait until every request that has begun is settled."""
        await asyncio.gather(*(consumer.drain() for consumer in self._consumers))

    async def abandon(self) -> int:
        """Cancel what still runs and return how many that were; the broker delivers them again."""
        running = self.in_flight
        await asyncio.gather(*(consumer.abandon() for consumer in self._consumers))
        return running

    @property
    def in_flight(self) -> int:
        """How many requests have been taken and not settled."""
        return sum(consumer.in_flight for consumer in self._consumers)

    def _changed(self) -> None:
        self._metrics.amqp_connected.set(all(link.connected for link in self._links))
        reconnects = sum(max(0, link.openings - 1) for link in self._links)
        self._metrics.amqp_reconnects.inc(reconnects - self._reconnects_told)
        self._reconnects_told = reconnects

    async def _consume(self, connection: Connection) -> None:
        await self._establish(connection)
        async with asyncio.TaskGroup() as group:
            for consumer in self._consumers:
                group.create_task(consumer.run(connection), name=f"consumer {consumer.queue}")
            group.create_task(self._watch_queues(connection), name="queue lengths")

    async def _watch_queues(self, connection: Connection) -> None:
        """Look at every queue's length at a slow interval, and declare anew what somebody deleted."""
        backoff = Backoff(1.0, 15.0)
        while connection.alive:
            try:
                await self._look_at_queues(connection)
            except ChannelNotFoundEntity as error:
                log.warning("queue.missing", error=str(error), next="declared again")
                await self._establish(connection)
            except CONNECTION_EXCEPTIONS as error:
                log.warning("queue.not_watched", error=f"{type(error).__name__}: {error}")
            await connection.pause(backoff.next())

    async def _look_at_queues(self, connection: Connection) -> None:
        channel = await connection.channel(confirms=False)
        while connection.alive:
            for queue in self._topology.own_queues:
                ok = await channel.amqp.queue_declare(queue, passive=True)
                self._metrics.queue_messages.labels(queue).set(ok.message_count or 0)
            await connection.pause(self._settings.depth_interval)

    async def _establish(self, connection: Connection) -> None:
        try:
            channel = await connection.channel(confirms=False)
            await self._topology.establish(channel.amqp)
            await channel.close()
        except CONNECTION_EXCEPTIONS as error:
            log.error("queue.not_declared", error=f"{type(error).__name__}: {error}", next="tried again")
