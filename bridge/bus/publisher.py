"""Publishing with confirms on a channel of its own connection.

A connection that the broker blocks for publishing (a memory alarm) still delivers and acknowledges on
the other one.
"""

import asyncio

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError, DeliveryError

from bridge.bus.connection import Backoff, Connection, cancellation_as_error
from bridge.bus.wire import is_no_address, properties_on_the_wire
from bridge.messages import Outgoing
from bridge.ports import Confirmation, PublishFailed

log = structlog.get_logger(__name__)

_NACKS_BEFORE_REOPENING = 3
"""Refusals in a row after which a channel that never confirmed anything is opened anew."""
_NACKS_BEFORE_DOUBT = 100
"""The same for a channel that did: it was somebody's full queue that refused, until proven otherwise."""


class Publisher:
    """Implements `bridge.ports.Sender`."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._channel: AbstractChannel | None = None
        self._open = asyncio.Event()
        self._nacks = 0
        self._confirmed = False
        self._lost = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether there is a channel to publish on."""
        return self._open.is_set()

    async def run(self, connection: Connection) -> None:
        """Keep a channel open for as long as the connection lives."""
        backoff = Backoff(0.1, 2.0)
        while connection.alive:
            channel = await connection.channel(confirms=True)
            self._nacks = 0
            self._confirmed = False
            self._lost = channel.lost
            self._channel = channel.amqp
            self._open.set()
            try:
                await channel.lost.wait()
            finally:
                self._open.clear()
                self._channel = None
                await channel.close()
            if connection.alive:
                log.warning("publisher.channel_lost", next="opened again")
                await connection.pause(backoff.next())

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Publish and await the confirm, within the bound, which covers a reconnect too.

        Raises `PublishFailed`.
        """
        if not outgoing.exchange and is_no_address(outgoing.routing_key):
            raise PublishFailed("the reply_to is no address that the broker gave out", refused=True)
        try:
            # The outer one: what the time-out cancels has become its TimeoutError by then.
            with cancellation_as_error():
                result = await self._publish(outgoing)
        except DeliveryError as error:
            self._count_nack()
            raise PublishFailed("the broker refused the message", refused=True) from error
        except TimeoutError as error:
            raise PublishFailed(f"not confirmed within {self._timeout} s", refused=False) from error
        except (ChannelInvalidStateError, *CONNECTION_EXCEPTIONS) as error:
            raise PublishFailed(f"{type(error).__name__}: {error}", refused=False) from error
        except (TypeError, ValueError) as error:
            raise PublishFailed(f"the message cannot be encoded: {error}", refused=True) from error
        except Exception as error:  # a connection that ends in order leaves a bare one behind
            raise PublishFailed(f"{type(error).__name__}: {error}", refused=False) from error
        self._nacks = 0
        self._confirmed = True
        return Confirmation.UNROUTABLE if isinstance(result, DeliveredMessage) else Confirmation.CONFIRMED

    async def _publish(self, outgoing: Outgoing) -> object:
        async with asyncio.timeout(self._timeout):
            await self._open.wait()
            if (channel := self._channel) is None:
                raise PublishFailed("the channel was lost", refused=False)
            return await channel.basic_publish(
                outgoing.body,
                exchange=outgoing.exchange,
                routing_key=outgoing.routing_key,
                mandatory=outgoing.mandatory,
                properties=properties_on_the_wire(
                    outgoing.properties, channel.connection.connection_tune.frame_max
                ),
            )

    def _count_nack(self) -> None:
        """Reopen a channel that is only ever refused.

        RabbitMQ 3.10 refuses every publish of a channel whose first one met a lost queue leader, for ever.
        Reopening costs every publish under way a repetition, so a requester's full queue is no reason.
        """
        self._nacks += 1
        if self._nacks >= (_NACKS_BEFORE_DOUBT if self._confirmed else _NACKS_BEFORE_REOPENING):
            self._lost.set()
