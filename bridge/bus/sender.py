"""Which channel a message goes out on, so that one that cannot be published harms no other.

replies             the default exchange: a channel of their own
events, dead letters  exchanges that somebody may delete, which closes the channel: another one
parked requests     many at once when Redis or LCM is away: another one, which declares their queues
direct reply-to     a connection of their own, one at a time
"""

import asyncio
from collections import OrderedDict

from bridge.bus.connection import Connection
from bridge.bus.identity import tell_another_user
from bridge.bus.publisher import Publisher
from bridge.bus.topology import Topology
from bridge.messages import DIRECT_ADDRESS, Outgoing
from bridge.ports import Confirmation, PublishFailed

_SUSPECTS_REMEMBERED = 10_000
_CUT_OFFS_BEFORE_REFUSED = 3
"""How often a direct reply-to may end the connection before it is taken for none that the broker gave out."""


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
        self._direct = Publisher("direct replies", timeout)
        self._suspects = Publisher("suspect replies", timeout)
        self._cut_offs: OrderedDict[str, int] = OrderedDict()

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

    async def run_direct(self, connection: Connection) -> None:
        """Keep the channel for direct reply-to while its own connection lives."""
        await self._direct.run(connection)

    async def run_suspects(self, connection: Connection) -> None:
        """Keep the channel for addresses that ended a connection, on one of its own."""
        await self._suspects.run(connection)

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Publish and await the confirm. Raises `PublishFailed`."""
        # Returned messages are matched by message id: two with the same stranger's id never go together.
        turn = outgoing.properties.message_id if outgoing.foreign_id else None
        if outgoing.exchange:
            return await self._exchanges.publish(outgoing, turn=turn)
        if outgoing.routing_key.startswith(self._retry_prefix):
            return await self._parked.publish(outgoing, turn=turn)
        if outgoing.routing_key.startswith(DIRECT_ADDRESS):
            return await self._publish_direct(outgoing)
        return await self._replies.publish(outgoing)

    async def _publish_direct(self, outgoing: Outgoing) -> Confirmation:
        """Publish to a direct reply-to address.

        RabbitMQ 3.10 closes the connection of whoever publishes to an address of a node that does not
        run, and anyone may make one up. One at a time, so that it is known which address it was; one
        that did so is tried again where it harms only its like.
        """
        address = outgoing.routing_key
        while (cut_offs := self._cut_offs.get(address, 0)) < _CUT_OFFS_BEFORE_REFUSED:
            lane = self._suspects if cut_offs else self._direct
            try:
                confirmation = await lane.publish(outgoing, turn="the only one")
            except PublishFailed as error:
                if not error.cut_off:
                    raise
                self._suspect(address)
            else:
                self._cut_offs.pop(address, None)
                return confirmation
        raise PublishFailed(
            "the broker ended the connection each time: the reply_to is no address that it gave out",
            kind="impossible",
        )

    def _suspect(self, address: str) -> None:
        self._cut_offs[address] = self._cut_offs.get(address, 0) + 1
        self._cut_offs.move_to_end(address)
        if len(self._cut_offs) > _SUSPECTS_REMEMBERED:
            self._cut_offs.popitem(last=False)
