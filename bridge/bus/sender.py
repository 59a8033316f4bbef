"""Which channel a message goes out on, so that one that cannot be published harms no other.

replies             the default exchange: a channel of their own
events, dead letters  exchanges that somebody may delete, which closes the channel: another one
parked requests     many at once when Redis or LCM is away: another one, which declares their queues
direct reply-to     connections of their own: `bridge.bus.direct`
"""

import asyncio

from bridge.bus.connection import Connection
from bridge.bus.direct import DirectReplies
from bridge.bus.identity import tell_another_user
from bridge.bus.publisher import Publisher
from bridge.bus.topology import Topology
from bridge.messages import DIRECT_ADDRESS, Outgoing
from bridge.ports import Confirmation


class BusSender:
    """Implements `bridge.ports.Sender`."""

    def __init__(self, topology: Topology, timeout: float) -> None:
        self._replies = Publisher("replies", timeout)
        self._exchanges = Publisher("events and dead letters", timeout, prepare=topology.establish_outlets)
        # Where nothing is declared a new channel brings no queue back, and one that is missing must not
        # keep the requests from the others; the bus looks for them and names it.
        declare = topology.settings.declare
        self._parked = Publisher(
            "parked requests",
            timeout,
            prepare=topology.establish_retries if declare else None,
            returned_is_lost=declare,
        )
        self._retry_prefix = topology.retry_prefix
        self.direct = DirectReplies(timeout)

    @property
    def open(self) -> bool:
        """Whether replies can go out."""
        return self._replies.open

    async def run(self, connection: Connection) -> None:
        """Keep the channels for all but direct replies while the connection lives."""
        async with asyncio.TaskGroup() as group:
            for publisher in (self._replies, self._exchanges, self._parked):
                group.create_task(publisher.run(connection), name=f"publisher of {publisher.name}")
            group.create_task(tell_another_user(connection), name="user")

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Publish and await the confirm. Raises `PublishFailed`."""
        if outgoing.exchange:
            return await self._exchanges.publish(outgoing)
        if outgoing.routing_key.startswith(self._retry_prefix):
            return await self._parked.publish(outgoing)
        if outgoing.routing_key.startswith(DIRECT_ADDRESS):
            return await self.direct.publish(outgoing)
        return await self._replies.publish(outgoing)
