"""The connections of a worker: one takes requests, one publishes, two serve direct reply-to.

A connection that the broker blocks for publishing (a memory alarm) still delivers and acknowledges on
the first one.
"""

import asyncio
from typing import Final

from bridge.bus.agreement import Agreement
from bridge.bus.connection import Connection
from bridge.bus.consumer import STARTING, Consumer
from bridge.bus.lengths import Lengths
from bridge.bus.link import Link
from bridge.bus.login import Node
from bridge.bus.sender import BusSender
from bridge.bus.topology import Topology
from bridge.credentials import Current
from bridge.metrics import Metrics
from bridge.settings import Amqp

BY_HAND: Final = "by hand"
"""The reason for which the hand brake pauses a queue."""


class Bus:
    """Holds the links, the consumers and the publishers together."""

    def __init__(  # noqa: PLR0913 - the parts
        self,
        settings: Amqp,
        topology: Topology,
        consumers: list[Consumer],
        sender: BusSender,
        metrics: Metrics,
        *,
        current: Current[list[Node]] | None = None,
    ) -> None:
        """Take the parts; ``current`` knows the nodes; without it they are what the settings say."""
        self._settings = settings
        self._agreement = Agreement(topology)
        self._consumers = consumers
        self._metrics = metrics
        self._sender = sender
        self._lengths = Lengths(topology, metrics)
        changed = self._changed
        self._needed = [
            Link("lcm-bridge requests", settings, self._consume, changed, current),
            Link("lcm-bridge replies", settings, self._publish, changed, current),
        ]
        # Not among what readiness needs: a made-up address can cut it off at any time, and often.
        self._links = [
            *self._needed,
            Link(
                "lcm-bridge direct replies", settings, sender.direct.run_known, changed, current, long_life=0
            ),
            Link(
                "lcm-bridge suspect replies",
                settings,
                sender.direct.run_suspects,
                changed,
                current,
                long_life=0,
            ),
        ]
        self._reconnects_told = 0
        metrics.amqp_connected.set(0)
        metrics.amqp_blocked.set_function(self._blocked)

    async def run(self) -> None:
        """Keep the connections; ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            for link in self._links:
                group.create_task(link.run(), name=link.name)

    def missing(self) -> list[str]:
        """Return what is not there yet for requests to be served; empty when ready."""
        parts = [f"connection {link.name}" for link in self._needed if not link.connected]
        parts += [f"consumer of {one.queue}" for one in self._consumers if not one.registered]
        if not self._sender.open:
            parts.append("reply channel")
        return parts + self._agreement.missing()

    def paused(self) -> dict[str, list[str]]:
        """Return the queues that are not consumed for now, with the reasons."""
        return {one.queue: one.reasons for one in self._consumers if one.reasons}

    def pause(self, queue: str, reason: str) -> None:
        """Consume a queue no more, until it is resumed for this and every other reason.

        Nothing happens where this worker does not consume it at all; so with `resume`.
        """
        for consumer in self._of(queue):
            consumer.pause(reason)

    def resume(self, queue: str, reason: str) -> None:
        """Consume a queue again, if there is no other reason not to."""
        for consumer in self._of(queue):
            consumer.resume(reason)

    def brake(self, paused: frozenset[str]) -> None:
        """Take note of which queues are paused by hand; before the first call none is consumed."""
        for consumer in self._consumers:
            if consumer.queue in paused:
                consumer.pause(BY_HAND)
            else:
                consumer.resume(BY_HAND)
            consumer.resume(STARTING)

    def _of(self, queue: str) -> list[Consumer]:
        return [one for one in self._consumers if one.queue == queue]

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

    @property
    def given_back(self) -> int:
        """How many requests went back to their queues before they began."""
        return sum(consumer.given_back for consumer in self._consumers)

    def _blocked(self) -> bool:
        """Tell whether any connection is blocked: an alarm is for all, and told to those that publish."""
        return any(link.blocked for link in self._links)

    def _changed(self) -> None:
        self._metrics.amqp_connected.set(all(link.connected for link in self._needed))
        reconnects = sum(max(0, link.openings - 1) for link in self._links)
        self._metrics.amqp_reconnects.inc(reconnects - self._reconnects_told)
        self._reconnects_told = reconnects

    async def _consume(self, connection: Connection) -> None:
        async with asyncio.TaskGroup() as group:
            for consumer in self._consumers:
                group.create_task(self._run(consumer, connection), name=f"consumer {consumer.queue}")
            group.create_task(self._watch(connection), name="topology")

    async def _run(self, consumer: Consumer, connection: Connection) -> None:
        await connection.until(self._agreement.reached)
        await consumer.run(connection)

    async def _publish(self, connection: Connection) -> None:
        # Its channels declare what they publish to: before it is known what differs, they would be refused.
        await connection.until(self._agreement.reached)
        await self._sender.run(connection)

    async def _watch(self, connection: Connection) -> None:
        """Declare anew at a slow interval what somebody deleted, and look at the queues' lengths."""
        try:
            while connection.alive:
                await self._agreement.look(connection)
                await self._lengths.look(connection)
                await connection.pause(self._settings.depth_interval)
        finally:
            self._lengths.forget()
