"""A delivery in the bridge's own types, and how it is settled on the channel that brought it."""

import asyncio

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError
from pamqp import commands

from bridge.bus.wire import take_unreadable
from bridge.messages import Delivery, Properties

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 5.0
"""How long settling may wait for room in the client library's queue of ten frames.

When a connection dies, nobody takes them out any more, and the library would wait for ever.
"""


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
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._channel.basic_ack(self._tag, wait=False)
        except (TimeoutError, ChannelInvalidStateError, *CONNECTION_EXCEPTIONS):
            log.warning("request.ack_lost", next="the broker delivers it again")

    async def requeue(self) -> None:
        """Give the request back to its queue."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._channel.basic_nack(self._tag, requeue=True, wait=False)
        except (TimeoutError, ChannelInvalidStateError, *CONNECTION_EXCEPTIONS):
            log.info("request.requeue_lost", next="the broker delivers it again")


def read_delivery(message: DeliveredMessage, queue: str) -> Delivery:
    """Return what the broker delivered from a queue. Raises TypeError for what is no delivery."""
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
