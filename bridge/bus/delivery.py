"""A delivery in the bridge's own types, and how it is settled on the channel that brought it."""

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import DeliveredMessage
from pamqp import commands

from bridge.bus.content import Arrival
from bridge.bus.traffic import Traffic
from bridge.bus.wire import take_unreadable
from bridge.messages import Delivery, Properties

log = structlog.get_logger(__name__)


class ChannelSettler:
    """Settles one delivery on the channel that brought it."""

    __slots__ = ("_tag", "_traffic")

    def __init__(self, traffic: Traffic, tag: int) -> None:
        self._traffic = traffic
        self._tag = tag

    @property
    def lost(self) -> bool:
        """Whether the channel has died."""
        return self._traffic.ended

    async def ack(self) -> None:
        """Acknowledge without waiting for the socket; a lost one comes again."""
        try:
            self._traffic.ack(self._tag)
        except CONNECTION_EXCEPTIONS:
            log.warning("request.ack_lost", next="the broker delivers it again")

    async def requeue(self, *, failed: bool) -> None:
        """Give the request back to its queue."""
        try:
            self._traffic.requeue(self._tag, failed=failed)
        except CONNECTION_EXCEPTIONS:
            log.info("request.requeue_lost", next="the broker delivers it again")


def read_delivery(arrival: Arrival, queue: str, traffic: Traffic) -> Delivery:
    """Return what the broker delivered from a queue."""
    return Delivery(
        unreadable=arrival.unreadable,
        body=arrival.body,
        queue=queue,
        exchange=arrival.exchange,
        routing_key=arrival.routing_key,
        redelivered=arrival.redelivered,
        settler=ChannelSettler(traffic, arrival.tag),
        properties=arrival.properties,
        header_bytes=arrival.header_bytes,
        left_out=arrival.left_out,
    )


def read_fetched(message: DeliveredMessage, queue: str, traffic: Traffic) -> Delivery:
    """Return what was fetched from a queue by the client library. Raises TypeError for what was not."""
    frame, properties = message.delivery, message.header.properties
    if not isinstance(frame, commands.Basic.GetOk) or frame.delivery_tag is None:
        raise TypeError(f"not a message that was fetched: {frame!r}")
    headers = dict(properties.headers or {})
    unreadable = take_unreadable(headers)
    given = {name: getattr(properties, name) for name in Properties.__slots__} | {"headers": headers}
    arrival = Arrival(
        tag=frame.delivery_tag,
        redelivered=False,  # that it was looked at before says nothing of it
        exchange=frame.exchange or "",
        routing_key=frame.routing_key or "",
        properties=Properties(**given),
        unreadable=unreadable,
        body=bytes(message.body),
    )
    return read_delivery(arrival, queue, traffic)
