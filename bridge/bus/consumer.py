"""Consumption of one request queue with a bounded prefetch.

Each request runs in a task of its own, which a lost connection does not interrupt.

One task alone talks to the broker about the consumer. Pausing, resuming and stopping change what is
wanted and wake that task, so they may come at any time and in any order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.exceptions import ChannelInvalidStateError

from bridge import forwarding
from bridge.backoff import Backoff
from bridge.bus.change import Change
from bridge.bus.connection import Channel, Connection
from bridge.bus.content import Arrival
from bridge.bus.delivery import read_delivery
from bridge.bus.differences import is_difference
from bridge.bus.login import user_names
from bridge.bus.topology import Topology
from bridge.bus.traffic import Traffic
from bridge.case import log_about
from bridge.losses import cancellation_as_error
from bridge.messages import Delivery
from bridge.metrics import Metrics

log = structlog.get_logger(__name__)

CANCEL_SECONDS = 3.0
"""How long the broker may take to confirm the end of a consumer before draining goes on."""

SLOW_SECONDS = 10.0
"""After how long a consumer that the broker does not register is told of in the log."""

STARTING: Final = "starting"
"""The reason for which every consumer is paused at first: whether it may start is not known yet."""

Handler = Callable[[Delivery], Awaitable[None]]


class Consumer:
    """Takes requests from one queue and runs at most ``prefetch`` of them at once.

    Of a body it keeps ``body_bytes``. It starts paused for the reason `STARTING`.
    """

    def __init__(  # noqa: PLR0913 - what it takes from where, and to whom
        self,
        queue: str,
        prefetch: int,
        handler: Handler,
        topology: Topology,
        metrics: Metrics,
        *,
        body_bytes: int,
    ) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self._handler = handler
        self._topology = topology
        self._own_users = user_names(topology.settings)
        self._metrics = metrics
        self._body_bytes = body_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self.given_back = 0
        self._reasons = {STARTING}
        self._told: list[str] = []
        self._stopping = False
        self._changed = Change()
        self._registered = False
        self._quiet = True  # the broker sends nothing: no consumer of ours is or may be registered
        self._given_up = False
        metrics.in_flight_limit.labels(queue).set(prefetch)
        metrics.consumers.labels(queue).set(0)
        self._in_flight = metrics.in_flight.labels(queue)
        self._in_flight.set(0)
        self._messages_limit = metrics.queue_messages_limit
        self._wait_seconds = metrics.request_wait_seconds.labels(queue)
        metrics.paused.labels(queue).set(0)

    @property
    def registered(self) -> bool:
        """Whether the broker knows this consumer, or would if it were not paused on purpose."""
        return self._registered

    @property
    def in_flight(self) -> int:
        """How many requests have been taken and not settled."""
        return len(self._tasks)

    @property
    def reasons(self) -> list[str]:
        """Why it is paused; empty while it consumes."""
        return sorted(self._reasons)

    def pause(self, reason: str) -> None:
        """Take no more requests until `resume` is called for this and every other reason.

        Those that have begun go on, the others go back to the queue.
        """
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._paused_or_resumed()

    def resume(self, reason: str) -> None:
        """Take requests again, if there is no other reason not to."""
        if reason in self._reasons:
            self._reasons.discard(reason)
            self._paused_or_resumed()

    def _paused_or_resumed(self) -> None:
        self._changed.tell()
        told = [reason for reason in self.reasons if reason != STARTING]
        self._metrics.paused.labels(self.queue).set(bool(told))
        if told:
            log.warning(
                "consumer.paused",
                queue=self.queue,
                reasons=told,
                next="requests wait in it until it is resumed",
            )
        elif self._told:
            log.info("consumer.resumed", queue=self.queue, reasons=self._told)
        self._told = told

    @property
    def _takes(self) -> bool:
        return not self._reasons and not self._stopping

    # --- the consumer at the broker -------------------------------------------------------------

    async def run(self, connection: Connection) -> None:
        """Consume for as long as the connection lives.

        A channel that dies alone (a queue deleted, an acknowledgement timeout) is opened anew; what is
        missing is declared again.
        """
        backoff = Backoff(0.2, 5.0)
        while connection.alive and not self._stopping:
            try:
                with cancellation_as_error():
                    await self._serve(connection, backoff)
            except (ChannelInvalidStateError, *CONNECTION_EXCEPTIONS) as error:
                # What is declared otherwise is told of by who looks at everything: `bridge.bus.agreement`.
                if not is_difference(error):
                    log.error(
                        "consumer.failed",
                        queue=self.queue,
                        error=f"{type(error).__name__}: {error}",
                        next="tried again; if it lasts, lcm-bridge check says what to do",
                    )
            await connection.pause(backoff.next())

    async def _serve(self, connection: Connection, backoff: Backoff) -> None:
        channel = await connection.channel(confirms=False, on_lost=self._changed.tell)
        try:
            # No time-out around these: cancelling one of them closes the channel, and heartbeats bound it.
            await self._topology.establish_requests(channel.amqp, self.queue)
            limit = self._topology.max_length(self.queue)
            if self._topology.settings.declare and limit is not None:  # else it holds what its owner says
                self._messages_limit.labels(self.queue).set(limit)
            await channel.amqp.basic_qos(prefetch_count=self._prefetch)
            while not channel.lost.is_set():
                if self._takes:
                    await self._consume(channel, backoff)
                else:
                    # The channel stays: what has begun is acknowledged on it.
                    self._registered = self._registered or STARTING not in self._reasons
                    await self._changed.wait()
            if not self._stopping:
                log.warning("consumer.lost", queue=self.queue, next="registered again")
        finally:
            self._registered = False
            self._messages_limit.remove(self.queue)
            self._sent_no_more()
            if not self._stopping:
                await channel.close()

    async def _consume(self, channel: Channel, backoff: Backoff) -> None:
        """Be registered with the broker until that is no longer wanted, or the channel is lost."""
        # A quorum queue without a leader keeps a consumer waiting without a word.
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._tell_slow)
        self._quiet = False
        try:
            tag = await channel.traffic.consume(
                self.queue, partial(self._hand_over, channel.traffic), most=self._body_bytes
            )
        finally:
            slow.cancel()
        self._registered = True
        self._metrics.consumers.labels(self.queue).set(1)
        backoff.reset()
        log.info("consumer.registered", queue=self.queue, prefetch=self._prefetch)
        while self._takes and not channel.lost.is_set():
            await self._changed.wait()
        if not channel.lost.is_set():
            await channel.amqp.basic_cancel(tag)
            self._sent_no_more()

    def _sent_no_more(self) -> None:
        self._quiet = True
        self._metrics.consumers.labels(self.queue).set(0)
        self._changed.tell()

    def _tell_slow(self) -> None:
        self._registered = False
        log.warning(
            "consumer.not_registered",
            queue=self.queue,
            next="waits on: has the queue a leader, is the broker well?",
        )

    # --- the requests ---------------------------------------------------------------------------

    def _hand_over(self, traffic: Traffic, arrival: Arrival) -> None:
        delivery = forwarding.received(read_delivery(arrival, self.queue, traffic), self._own_users)
        if not delivery.parked and (waited := delivery.waited()) is not None:
            self._wait_seconds.observe(waited)
        task = asyncio.create_task(self._work(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, delivery: Delivery) -> None:
        try:
            while not delivery.settler.lost:
                # The prefetch bounds the requests of one consumer; this bounds those of a lost or paused
                # one and its successor together.
                if self._takes and self._running < self._prefetch:
                    await self._begin(delivery)
                    return
                # Sooner, while the broker still sends, it would come straight back.
                if not self._takes and self._quiet:
                    self.given_back += 1
                    log_about(**delivery.ids)
                    await delivery.settler.requeue(failed=False)
                    return
                if self._given_up:
                    return
                await self._changed.wait()
        except Exception as error:  # the boundary: a fault with one request is no other's
            ids = log_about(delivery.body, **delivery.ids).ids
            log.exception(
                "consumer.task_failed",
                **ids,
                error=f"{type(error).__name__}: {error}",
                next="a fault of the bridge: report it; the request comes again at the channel's end",
            )

    async def _begin(self, delivery: Delivery) -> None:
        self._running += 1
        self._in_flight.set(self._running)
        try:
            await self._handler(delivery)
        finally:
            self._running -= 1
            self._in_flight.set(self._running)
            self._changed.tell()

    # --- the end --------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Take no more requests; those that have not begun go back to the queue.

        If the broker does not confirm the end in time, the end of the channel returns them. The waiting
        is not cancelled: that would close the channel, and what has begun could not be acknowledged.
        """
        self._stopping = True
        self._changed.tell()
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                while not self._quiet:
                    await self._changed.wait()
        except TimeoutError:
            log.warning("consumer.cancel_not_confirmed", queue=self.queue, next="the drain goes on")
        self._given_up = True
        self._changed.tell()

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
