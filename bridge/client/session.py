"""One open connection as the calls see it: where requests are published, and who waits for which reply."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage

from bridge.client.publisher import Lost, Publisher, loss_as_error

ALONE_AT_ONCE = 4
"""Channels beside the common one; a site may let a connection have few."""
ENDING_SECONDS = 0.1


class Session:
    """An open connection: `reply_to` is the queue of its replies. It ends with the connection."""

    def __init__(
        self, reply_to: str, publisher: Publisher, open_publisher: Callable[[], Awaitable[Publisher]]
    ) -> None:
        self.reply_to = reply_to
        self.publisher = publisher
        self._open_publisher = open_publisher
        self._alone = asyncio.Semaphore(ALONE_AT_ONCE)
        self._spare: list[Publisher] = []
        self._waiting: dict[str, asyncio.Future[AbstractIncomingMessage | None]] = {}
        self._publishing: set[asyncio.Task[None]] = set()

    async def ask(
        self, message: Message, routing_key: str, *, alone: bool = False
    ) -> AbstractIncomingMessage:
        """Publish a request and return its reply, `alone` on a channel of its own. Raises as `publish`.

        A reply is proof enough: where it is here, the confirm is not waited for.
        """
        correlation_id = message.correlation_id or ""
        coming: asyncio.Future[AbstractIncomingMessage | None] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = coming
        publishing = self._begin(message, routing_key, alone=alone)
        try:
            either: set[asyncio.Future[Any]] = {publishing, coming}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if (
                publishing.done()
                and not publishing.cancelled()
                and (not coming.done() or coming.result() is None)
            ):
                publishing.result()
            reply = await coming
        finally:
            publishing.cancel()
            del self._waiting[correlation_id]
        if reply is None:
            raise Lost("the connection ended before the reply came")
        return reply

    async def publish(self, message: Message, routing_key: str, *, alone: bool = False) -> None:
        """Publish with a confirm. Raises `Lost`, `Suspected`, `Refused`, `Unroutable`, `NotSent`."""
        publishing = self._begin(message, routing_key, alone=alone)
        try:
            await asyncio.wait({publishing})
            if publishing.cancelled():
                raise Lost("the connection ended before the confirm came")
            publishing.result()
        finally:
            publishing.cancel()

    def take(self, message: AbstractIncomingMessage) -> bool:
        """Hand a reply to whoever waits for it; return whether anybody did."""
        coming = self._waiting.get(message.correlation_id or "")
        if coming is None or coming.done():
            return False
        coming.set_result(message)
        return True

    def end(self) -> None:
        """Tell everybody that no reply comes here any more."""
        for coming in self._waiting.values():
            if not coming.done():
                coming.set_result(None)

    async def ended(self) -> None:
        """Let what was being published find out that the connection has ended, and end the rest."""
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=ENDING_SECONDS)
        # Whoever opens a channel of a connection that has ended is left waiting by aiormq.
        for publishing in self._publishing:
            publishing.cancel()

    def _begin(self, message: Message, routing_key: str, *, alone: bool) -> asyncio.Task[None]:
        # A task of the session's: a call ends at its deadline, the closing of its channel may take longer.
        publish = self._publish_alone if alone else self.publisher.publish
        publishing = asyncio.create_task(publish(message, routing_key))
        self._publishing.add(publishing)
        publishing.add_done_callback(self._published)
        return publishing

    def _published(self, publishing: asyncio.Task[None]) -> None:
        self._publishing.discard(publishing)
        if not publishing.cancelled():
            publishing.exception()  # raised by whoever still waited for it

    async def _publish_alone(self, message: Message, routing_key: str) -> None:
        async with self._alone:
            publisher = self._spare.pop() if self._spare else None
            if publisher is None or not publisher.idle:
                with loss_as_error():
                    publisher = await self._open_publisher()
            try:
                await publisher.publish(message, routing_key)
            finally:
                if publisher.idle:
                    self._spare.append(publisher)
                else:
                    await publisher.close()
