"""The dead-letter queue, open for one pass of a command.

Letters are fetched one by one and not acknowledged until they are settled, so a command that ends in
whatever way loses none: what was looked at goes back at the end, to its old place in the queue.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity
from pamqp import commands

from bridge.bus.connection import Channel, Connection
from bridge.bus.delivery import read_fetched
from bridge.bus.login import user_names
from bridge.bus.publisher import Publisher
from bridge.bus.wire import tolerate_what_cannot_be_read
from bridge.cli.broker import connect_to_any
from bridge.configuration import Loaded
from bridge.declarations import limits
from bridge.letters import Letter, read
from bridge.losses import cancellation_as_error
from bridge.messages import Outgoing
from bridge.ports import Confirmation, PublishFailed

CONNECT_SECONDS = 10.0

ORDER_SECONDS = 5.0
"""How long a command that ends early may go on fetching, so that the letters keep their order."""


class Box:
    """The letters that waited when the command began."""

    def __init__(
        self,
        site: Loaded,
        channel: Channel,
        publisher: Publisher,
        *,
        waiting: int,
    ) -> None:
        self.waiting = waiting
        self.looked_at = 0
        self._fetched = 0
        self._held: deque[int] = deque()
        self._settings = site.settings.amqp
        self._limits = limits(site.settings)
        self._catalogue = site.catalogue
        self._channel = channel.amqp
        self._traffic = channel.traffic
        self._publisher = publisher
        self._own_users = user_names(site.settings.amqp)

    async def letters(self) -> AsyncIterator[Letter]:
        """Fetch one letter after the other; those that come after the command began are left alone.

        A replayed request may die again at once: without an end it would be replayed for ever.
        """
        while (message := await self._fetch()) is not None:
            self.looked_at += 1
            yield read(
                read_fetched(message, self._settings.dead_letters_queue, self._traffic),
                own_users=self._own_users,
                catalogue=self._catalogue,
                limits=self._limits,
            )

    async def _fetch(self) -> DeliveredMessage | None:
        if self._fetched == self.waiting:
            return None
        async with asyncio.timeout(self._settings.publish_timeout):
            with cancellation_as_error():
                message = await self._channel.basic_get(self._settings.dead_letters_queue)
        if not isinstance(message.delivery, commands.Basic.GetOk):
            return None
        self._fetched += 1
        self._held.append(message.delivery.delivery_tag or 0)
        return message

    async def remove(self, letter: Letter) -> None:
        """Take the letter that was fetched last out of the queue for good."""
        self._held.pop()
        await letter.request.settler.ack()
        if letter.request.settler.lost:
            raise ConnectionError("the connection ended; the last letter may have gone back")

    async def give_back(self) -> None:
        """Return what was not removed, each letter to its place.

        A quorum queue puts what it gets back behind what it got back before. So the letters that were not
        looked at are fetched too, within a bound, and go back with the others one by one: all at once (or
        by the end of the channel) they would go back in no order.
        """
        until = time.monotonic() + ORDER_SECONDS
        while time.monotonic() < until and await self._fetch() is not None:
            pass
        while self._held:
            await self._channel.basic_nack(self._held.popleft(), requeue=True, wait=False)

    async def publish(self, outgoing: Outgoing) -> None:
        """Publish and await the confirm. Raises `PublishFailed`."""
        confirmation = await self._publisher.publish(outgoing)
        if confirmation is not Confirmation.CONFIRMED:
            raise PublishFailed("no queue takes it; is a worker running? try: lcm-bridge check")


@asynccontextmanager
async def opened(site: Loaded) -> AsyncIterator[Box]:
    """Open the queue; what was not removed is back in it afterwards.

    Raises what `aio_pika.exceptions.CONNECTION_EXCEPTIONS` lists.
    """
    tolerate_what_cannot_be_read()
    amqp = site.settings.amqp
    opened, _, _ = await connect_to_any(amqp, CONNECT_SECONDS)
    connection = Connection(opened)
    publisher = Publisher("replays", amqp.publish_timeout)
    publishing = asyncio.create_task(publisher.run(connection), name="publisher of replays")
    try:
        channel = await connection.channel(confirms=False)
        queue = amqp.dead_letters_queue
        try:
            declared = await channel.amqp.queue_declare(queue, passive=True)
        except ChannelNotFoundEntity as error:
            raise ConnectionError(f"there is no queue {queue}: a worker declares it") from error
        box = Box(site, channel, publisher, waiting=declared.message_count or 0)
        try:
            yield box
        except BaseException:
            with suppress(*CONNECTION_EXCEPTIONS):  # what went wrong first is what is told
                await box.give_back()
            raise
        await box.give_back()
        await channel.close()  # once it is confirmed, everything is back
    finally:
        publishing.cancel()
        await asyncio.wait({publishing}, timeout=CONNECT_SECONDS)
        await connection.close()
