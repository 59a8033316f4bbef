"""Publishing with confirms on one channel, which is opened anew for as long as the connection lives."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

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


_WHILE_BLOCKED = 0.1
"""Seconds between looks whether the broker takes publishes again."""


class _Open:
    """A channel that is open, and how the broker has taken what was published on it."""

    def __init__(self, channel: Channel) -> None:
        self.amqp = channel.amqp
        self.user = channel.user
        self._channel = channel
        self._lost = channel.lost
        self._nacks = 0
        self._confirmed = False

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no publishes for now."""
        return self._channel.blocked

    def give_up(self) -> None:
        """Have it closed, and another one opened."""
        self._lost.set()

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
            self.give_up()


class _Bound:
    """Bounds a publish with ``async with``; raises TimeoutError.

    The waiting for a channel and that for the confirm get the same time each: cut off just after it was
    written, a message would be published twice. For the same reason the time in which the broker blocks
    the connection does not count then: the message lies in the socket and will be taken. A lost
    connection ends that as any other waiting.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._written_on: _Open | None = None
        self._timer: asyncio.TimerHandle | None = None

    def written(self, channel: _Open) -> None:
        """Note that from here on the message may be on its way."""
        self._written_on = channel
        self._wait(self._seconds)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._wait(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _wait(self, seconds: float, *, blocked: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look, blocked)

    def _look(self, was_blocked: bool) -> None:  # noqa: FBT001 - a callback's arguments have no names
        if self._written_on is not None and self._written_on.blocked:
            self._wait(_WHILE_BLOCKED, blocked=True)
        elif was_blocked:
            self._wait(self._seconds)
        else:
            self._timeout.reschedule(asyncio.get_running_loop().time())


class Publisher:
    """One channel to publish on.

    ``prepare`` is run on each new channel before it is used, to declare what it publishes to. With
    ``returned_is_lost`` a message that no queue takes is a failure, after which the channel is opened
    anew, so that ``prepare`` declares the queue again.
    """

    def __init__(
        self, name: str, timeout: float, *, prepare: Prepare | None = None, returned_is_lost: bool = False
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._prepare = prepare
        self._channel: _Open | None = None
        self._opened = asyncio.Event()
        self._returned_is_lost = returned_is_lost
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

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

    async def publish(self, outgoing: Outgoing, *, turn: str | None = None) -> Confirmation:
        """Publish and await the confirm. The bound covers a reconnect too.

        No two with the same ``turn`` are under way together. While the broker blocks the connection,
        nothing is written. Raises `PublishFailed`.
        """
        alone = nullcontext() if turn is None else self._turns.setdefault(turn, asyncio.Lock())
        try:
            async with _Bound(self._timeout) as bound, alone:
                return await self._publish(outgoing, bound)
        except TimeoutError as error:
            if (channel := self._channel) is not None and channel.blocked:
                raise PublishFailed(
                    f"the broker is blocked by a memory or disk alarm, for {self._timeout} s and more"
                ) from error
            raise PublishFailed(f"not confirmed within {self._timeout} s") from error

    async def _publish(self, outgoing: Outgoing, bound: _Bound) -> Confirmation:
        channel = await self._usable()
        properties = outgoing.properties
        if outgoing.signed:
            properties = replace(properties, user_id=channel.user)
        bound.written(channel)
        try:
            with cancellation_as_error():
                result = await channel.amqp.basic_publish(
                    outgoing.body,
                    exchange=outgoing.exchange,
                    routing_key=outgoing.routing_key,
                    mandatory=outgoing.mandatory,
                    properties=properties_on_the_wire(
                        properties, channel.amqp.connection.connection_tune.frame_max
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
        if not isinstance(result, DeliveredMessage):
            return Confirmation.CONFIRMED
        if self._returned_is_lost:
            channel.give_up()
            raise PublishFailed(f"the queue {outgoing.routing_key} is gone")
        return Confirmation.UNROUTABLE

    async def _usable(self) -> _Open:
        """Wait for a channel that is open and not blocked.

        A channel's end is known to its waiters before `run` is told: what comes in between must not be
        taken for something that was sent.
        """
        while True:
            channel = self._channel
            if channel is None or channel.amqp.is_closed:
                await self._opened.wait()
                await asyncio.sleep(_BETWEEN_CHANNELS)
            elif channel.blocked:
                await asyncio.sleep(_WHILE_BLOCKED)
            else:
                return channel
