"""Publishing with confirms on one channel, which is opened anew for as long as the connection lives."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError, DeliveryError

from bridge.bus.connection import Backoff, Channel, Connection, cancellation_as_error
from bridge.bus.wire import properties_on_the_wire
from bridge.messages import Outgoing
from bridge.ports import Confirmation, PublishFailed

log = structlog.get_logger(__name__)

Prepare = Callable[[AbstractChannel], Awaitable[None]]

_NACKS_BEFORE_REOPENING = 3
"""Refusals in a row after which a channel that never confirmed anything is opened anew."""
_NACKS_BEFORE_DOUBT = 100
"""The same for a channel that did: it was somebody's full queue that refused, until proven otherwise."""
_LONG_LIFE = 30.0
"""Seconds after which the loss of a channel is an event of its own, not the next in a row."""


_BETWEEN_CHANNELS = 0.005
"""Seconds between looks for a new channel, while the end of the old one is being noticed."""


class _Open:
    """A channel that is open, and how the broker has taken what was published on it."""

    def __init__(self, channel: Channel) -> None:
        self.amqp = channel.amqp
        self._lost = channel.lost
        self._nacks = 0
        self._confirmed = False

    def confirmed(self) -> None:
        """Note a confirm."""
        self._nacks, self._confirmed = 0, True

    def refused(self) -> None:
        """Note a refusal, and give up a channel that is only ever refused.

        RabbitMQ 3.10 refuses every publish of a channel whose first one met a lost queue leader, for ever.
        Reopening costs every publish under way a repetition, so a requester's full queue is no reason.
        """
        self._nacks += 1
        if self._nacks >= (_NACKS_BEFORE_DOUBT if self._confirmed else _NACKS_BEFORE_REOPENING):
            self._lost.set()


class Publisher:
    """One channel to publish on.

    ``prepare`` is run on each new channel before it is used, to declare what it publishes to.
    """

    def __init__(self, name: str, timeout: float, *, prepare: Prepare | None = None) -> None:
        self.name = name
        self._timeout = timeout
        self._prepare = prepare
        self._channel: _Open | None = None
        self._opened = asyncio.Event()
        self._alone = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether there is a channel to publish on."""
        return self._opened.is_set()

    async def run(self, connection: Connection) -> None:
        """Keep a channel open for as long as the connection lives."""
        backoff = Backoff(0.1, 2.0)
        while connection.alive:
            started = time.monotonic()
            try:
                with cancellation_as_error():
                    await self._serve(connection)
            except CONNECTION_EXCEPTIONS as error:
                log.error("publisher.failed", channel=self.name, error=f"{type(error).__name__}: {error}")
            if connection.alive:
                log.warning("publisher.channel_lost", channel=self.name, next="opened again")
                if time.monotonic() - started > _LONG_LIFE:
                    backoff.reset()
                await connection.pause(backoff.next())

    async def _serve(self, connection: Connection) -> None:
        channel = await connection.channel(confirms=True)
        try:
            if self._prepare is not None:
                await self._prepare(channel.amqp)
            self._channel = _Open(channel)
            self._opened.set()
            await channel.lost.wait()
        finally:
            self._opened.clear()
            self._channel = None
            await channel.close()

    async def publish(self, outgoing: Outgoing, *, alone: bool = False) -> Confirmation:
        """Publish and await the confirm, within the bound, which covers a reconnect too.

        With ``alone``, no other such message is under way on this channel. Raises `PublishFailed`.
        """
        try:
            async with asyncio.timeout(self._timeout), self._alone if alone else nullcontext():
                return await self._publish(outgoing)
        except TimeoutError as error:
            raise PublishFailed(f"not confirmed within {self._timeout} s") from error

    async def _publish(self, outgoing: Outgoing) -> Confirmation:
        channel = await self._usable()
        try:
            with cancellation_as_error():
                result = await channel.amqp.basic_publish(
                    outgoing.body,
                    exchange=outgoing.exchange,
                    routing_key=outgoing.routing_key,
                    mandatory=outgoing.mandatory,
                    properties=properties_on_the_wire(
                        outgoing.properties, channel.amqp.connection.connection_tune.frame_max
                    ),
                )
        except DeliveryError as error:
            channel.refused()
            raise PublishFailed("the broker refused the message", kind="refused") from error
        except TimeoutError:
            raise
        except (ChannelInvalidStateError, *CONNECTION_EXCEPTIONS) as error:
            raise PublishFailed(f"{type(error).__name__}: {error}", cut_off=True) from error
        except (TypeError, ValueError) as error:
            raise PublishFailed(f"the message cannot be encoded: {error}", kind="impossible") from error
        except Exception as error:  # a connection that ends in order leaves a bare one behind
            raise PublishFailed(f"{type(error).__name__}: {error}", cut_off=True) from error
        channel.confirmed()
        return Confirmation.UNROUTABLE if isinstance(result, DeliveredMessage) else Confirmation.CONFIRMED

    async def _usable(self) -> _Open:
        """Wait for a channel that is open.

        A channel's end is known to its waiters before `run` is told: what comes in between must not be
        taken for something that was sent.
        """
        while (channel := self._channel) is None or channel.amqp.is_closed:
            await self._opened.wait()
            await asyncio.sleep(_BETWEEN_CHANNELS)
        return channel
