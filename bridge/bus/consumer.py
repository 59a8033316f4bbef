"""Consumption of one request queue with a bounded prefetch.

The client library cancels a consumer's callbacks when its channel dies. So the callback only hands
over: each request runs in a task of our own, which a lost connection does not interrupt.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError
from pamqp import commands

from bridge.bus.connection import Backoff, Connection, cancellation_as_error
from bridge.bus.topology import Topology
from bridge.bus.wire import take_unreadable
from bridge.messages import Delivery, Properties
from bridge.metrics import Metrics

log = structlog.get_logger(__name__)

CANCEL_SECONDS = 3.0
"""How long the broker may take to confirm the end of a consumer before draining goes on."""

SLOW_SECONDS = 10.0
"""After how long a consumer that the broker does not register is told of in the log."""

Handler = Callable[[Delivery], Awaitable[None]]


class Consumer:
    """Takes requests from one queue and runs at most ``prefetch`` of them at once."""

    def __init__(
        self, queue: str, prefetch: int, handler: Handler, topology: Topology, metrics: Metrics
    ) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self._handler = handler
        self._topology = topology
        self._metrics = metrics
        self._slots = asyncio.Semaphore(prefetch)
        self._tasks: set[asyncio.Task[None]] = set()
        self._channel: AbstractChannel | None = None
        self._tag: str | None = None
        self._stopping = asyncio.Event()
        self._cancelled = asyncio.Event()
        metrics.in_flight_limit.labels(queue).set(prefetch)
        metrics.consumers.labels(queue).set(0)
        metrics.in_flight.labels(queue).set(0)

    @property
    def registered(self) -> bool:
        """Whether the broker knows this consumer."""
        return self._tag is not None

    @property
    def in_flight(self) -> int:
        """How many requests have been taken and not settled."""
        return len(self._tasks)

    async def run(self, connection: Connection) -> None:
        """Consume for as long as the connection lives.

        A channel that dies alone (a queue deleted, an acknowledgement timeout) is opened anew; what is
        missing is declared again.
        """
        backoff = Backoff(0.2, 5.0)
        while connection.alive and not self._stopping.is_set():
            try:
                with cancellation_as_error():
                    await self._consume(connection, backoff)
            except CONNECTION_EXCEPTIONS as error:
                log.error(
                    "consumer.failed",
                    queue=self.queue,
                    error=f"{type(error).__name__}: {error}",
                    next="tried again; if a queue is declared otherwise, delete it or change the setting",
                )
            await connection.pause(backoff.next())

    async def _consume(self, connection: Connection, backoff: Backoff) -> None:
        channel = await connection.channel(confirms=False)
        try:
            # No time-out around these: cancelling one of them closes the channel, and heartbeats bound it.
            await self._topology.establish(channel.amqp)
            await channel.amqp.basic_qos(prefetch_count=self._prefetch)
            self._channel = channel.amqp
            # A quorum queue without a leader keeps a consumer waiting without a word.
            slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._tell_slow)
            try:
                ok = await channel.amqp.basic_consume(self.queue, self._hand_over)
            finally:
                slow.cancel()
            self._registered(ok.consumer_tag)
            if self._stopping.is_set():  # the signal came while this was under way
                await self._cancel(channel.amqp, ok.consumer_tag)
            backoff.reset()
            log.info("consumer.registered", queue=self.queue, prefetch=self._prefetch)
            await channel.lost.wait()
            if not self._stopping.is_set():
                log.warning("consumer.lost", queue=self.queue, next="registered again")
        finally:
            self._registered(None)
            # While draining, the channel is still needed to acknowledge what has begun.
            if not self._stopping.is_set():
                await channel.close()

    def _tell_slow(self) -> None:
        log.warning(
            "consumer.not_registered",
            queue=self.queue,
            next="waits on: has the queue a leader, is the broker well?",
        )

    def _registered(self, tag: str | None) -> None:
        self._tag = tag
        self._metrics.consumers.labels(self.queue).set(0 if tag is None else 1)

    async def _hand_over(self, message: DeliveredMessage) -> None:
        delivery = _delivery(message, self.queue)
        if (waited := delivery.waited()) is not None:
            self._metrics.request_wait_seconds.labels(self.queue).observe(waited)
        task = asyncio.create_task(self._work(delivery))
        self._tasks.add(task)
        self._metrics.in_flight.labels(self.queue).set(len(self._tasks))
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._metrics.in_flight.labels(self.queue).set(len(self._tasks))
        if not task.cancelled() and (error := task.exception()):
            log.error("consumer.task_failed", queue=self.queue, error=repr(error), exc_info=error)

    async def _work(self, delivery: Delivery) -> None:
        # The prefetch bounds the requests of one channel; the slots bound those of a lost one and
        # its successor together.
        async with self._slots:
            if delivery.settler.lost:
                return
            if self._stopping.is_set():
                await self._give_back(delivery)
                return
            await self._handler(delivery)

    async def _give_back(self, delivery: Delivery) -> None:
        """Return what has not begun, once the broker sends us no more: sooner it would come straight back.

        If that is not confirmed in time, the end of the channel returns it.
        """
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._cancelled.wait()
        except TimeoutError:
            return
        await delivery.settler.requeue()

    async def stop(self) -> None:
        """Take no more requests; those that have not begun go back to the queue."""
        self._stopping.set()
        if self._channel is None or self._tag is None:
            return
        # Not cancelled when it takes too long: that would close the channel, and what has begun could
        # not be acknowledged. What still comes in goes back.
        cancelling = asyncio.create_task(self._cancel(self._channel, self._tag))
        await asyncio.wait({cancelling}, timeout=CANCEL_SECONDS)

    async def _cancel(self, channel: AbstractChannel, tag: str | None) -> None:
        try:
            await channel.basic_cancel(tag or "")
            self._cancelled.set()
        except CONNECTION_EXCEPTIONS as error:
            log.info("consumer.cancel_failed", queue=self.queue, error=f"{type(error).__name__}: {error}")

    async def drain(self) -> None:
        """Wait until the requests that have begun are settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def abandon(self) -> None:
        """Cancel what still runs: the broker delivers it again."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)


class ChannelSettler:
    """Settles one delivery on the channel that brought it."""

    __slots__ = ("_channel", "_tag")

    def __init__(self, channel: AbstractChannel, tag: int) -> None:
        self._channel = channel
        self._tag = tag

    @property
    def lost(self) -> bool:
        """Whether the channel has died."""
        return self._channel.is_closed

    async def ack(self) -> None:
        """Acknowledge without waiting for the socket; a lost one comes again."""
        try:
            await self._channel.basic_ack(self._tag, wait=False)
        except (ChannelInvalidStateError, *CONNECTION_EXCEPTIONS):
            log.warning("request.ack_lost", next="the broker delivers it again")

    async def requeue(self) -> None:
        """Give the request back to its queue."""
        try:
            await self._channel.basic_nack(self._tag, requeue=True, wait=False)
        except (ChannelInvalidStateError, *CONNECTION_EXCEPTIONS):
            log.info("request.requeue_lost", next="the broker delivers it again")


def _delivery(message: DeliveredMessage, queue: str) -> Delivery:
    frame, properties = message.delivery, message.header.properties
    if not isinstance(frame, commands.Basic.Deliver) or frame.delivery_tag is None:
        raise TypeError(f"not a delivery: {frame!r}")
    headers = dict(properties.headers or {})
    unreadable = take_unreadable(headers)
    return Delivery(
        unreadable=unreadable,
        body=bytes(message.body),
        queue=queue,
        exchange=frame.exchange or "",
        routing_key=frame.routing_key or "",
        redelivered=bool(frame.redelivered),
        settler=ChannelSettler(message.channel, frame.delivery_tag),
        properties=Properties(
            content_type=properties.content_type,
            content_encoding=properties.content_encoding,
            headers=headers,
            delivery_mode=properties.delivery_mode,
            priority=properties.priority,
            correlation_id=properties.correlation_id,
            reply_to=properties.reply_to,
            expiration=properties.expiration,
            message_id=properties.message_id,
            timestamp=properties.timestamp,
            message_type=properties.message_type,
            user_id=properties.user_id,
            app_id=properties.app_id,
        ),
    )
