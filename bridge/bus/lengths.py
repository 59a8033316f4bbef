"""The lengths of the queues, as the metrics tell of them.

Only the broker knows them, so one that cannot be looked at now is not told at all: an old number would
speak against those of the other workers, which look at the same queues.
"""

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.bus.connection import Channel, Connection
from bridge.bus.topology import Topology
from bridge.losses import cancellation_as_error
from bridge.metrics import Gauge, Metrics

log = structlog.get_logger(__name__)


class Lengths:
    """How many messages are ready in each queue, and how many are parked in its delayed queues."""

    def __init__(self, topology: Topology, metrics: Metrics) -> None:
        self._topology = topology
        self._messages = metrics.queue_messages
        self._held = metrics.held
        self._channel: Channel | None = None

    async def look(self, connection: Connection) -> None:
        """Look at every queue once."""
        for queue in self._topology.own_queues:
            _tell(self._messages, queue, await self._length(connection, queue))
        for queue in self._topology.request_queues:
            lengths = [await self._length(connection, one) for one in self._topology.retry_queues(queue)]
            known = [length for length in lengths if length is not None]
            _tell(self._held, queue, sum(known) if len(known) == len(lengths) else None)

    def forget(self) -> None:
        """Tell nothing any more: the connection has gone."""
        self._channel = None
        self._messages.clear()
        self._held.clear()

    async def _length(self, connection: Connection, queue: str) -> int | None:
        """Return how many messages are ready in a queue, None if it cannot be looked at."""
        if not connection.alive:
            return None
        try:
            with cancellation_as_error():
                if self._channel is None or self._channel.lost.is_set():
                    self._channel = await connection.channel(confirms=False)
                ok = await self._channel.amqp.queue_declare(queue, passive=True)
        except CONNECTION_EXCEPTIONS as error:
            self._channel = None  # the broker closes it where a queue is missing
            # Whoever declares the queues, or loses the connection, tells of it louder.
            log.debug("queue.not_counted", queue=queue, error=f"{type(error).__name__}: {error}")
            return None
        return ok.message_count or 0


def _tell(gauge: Gauge, queue: str, length: int | None) -> None:
    if length is None:
        gauge.remove(queue)
    else:
        gauge.labels(queue).set(length)
