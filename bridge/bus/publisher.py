"""Publishing with confirms on one channel, which is opened anew for as long as the connection lives."""

import asyncio
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from uuid import uuid4
from weakref import WeakValueDictionary

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel

from bridge.bus.backoff import Backoff
from bridge.bus.connection import Channel, Connection, cancellation_as_error
from bridge.bus.differences import is_difference
from bridge.bus.traffic import Nacked
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


class _Bounds:
    """Ends the waiting for confirms that takes too long, by one timer for all of a channel.

    The waiting for a channel and that for the confirm get the same time each: cut off just after it was
    written, a message would be published twice. For the same reason the time in which the broker blocks
    the connection does not count then: the message lies in the socket and will be taken. A lost
    connection ends that as any other waiting.
    """

    def __init__(self, channel: Channel, seconds: float) -> None:
        self._channel = channel
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def bound(self, confirm: asyncio.Future[bool]) -> None:
        """Have a confirm fail with TimeoutError if it does not come in time."""
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        self._waiting.append((self._loop.time() + self._seconds, confirm))
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look, False)  # noqa: FBT003

    def end(self) -> None:
        """Look no more: the end of the channel ends all waiting."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, was_blocked: bool) -> None:  # noqa: FBT001 - a callback's arguments have no names
        if self._channel.blocked:
            self._timer = self._loop.call_later(_WHILE_BLOCKED, self._look, True)  # noqa: FBT003
            return
        self._timer = None
        now = self._loop.time()
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= now):
            _, confirm = self._waiting.popleft()
            if confirm.done():
                continue
            if was_blocked:
                self._waiting.append((now + self._seconds, confirm))
            else:
                confirm.set_exception(TimeoutError)
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._look, False)  # noqa: FBT003


class _Open:
    """A channel that is open, and how the broker has taken what was published on it."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        self.traffic = channel.traffic
        self.user = channel.user
        self.bounds = _Bounds(channel, seconds)
        self._channel = channel
        self._nacks = 0
        self._confirmed = False

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no publishes for now."""
        return self._channel.blocked

    def give_up(self) -> None:
        """Have it closed, and another one opened."""
        self._channel.lost.set()

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
            started, told = time.monotonic(), False
            try:
                with cancellation_as_error():
                    await self._serve(connection)
            except CONNECTION_EXCEPTIONS as error:
                # What is declared otherwise is told of by who looks at everything: `bridge.bus.agreement`.
                told = is_difference(error)
                if not told:
                    log.error(
                        "publisher.failed",
                        channel=self.name,
                        error=f"{type(error).__name__}: {error}",
                        next="the channel is opened again",
                    )
            if connection.alive and not told:
                log.warning("publisher.channel_lost", channel=self.name, next="opened again")
            if connection.alive:
                if time.monotonic() - started > _LONG_LIFE:
                    backoff.reset()
                await connection.pause(backoff.next())

    async def _serve(self, connection: Connection) -> None:
        channel = await connection.channel(confirms=True)
        try:
            if self._prepare is not None:
                await self._prepare(channel.amqp)
            self._channel = opened = _Open(channel, self._timeout)
            self._opened.set()
            try:
                await channel.lost.wait()
            finally:
                opened.bounds.end()
        finally:
            self._opened.clear()
            self._channel = None
            await channel.close()

    async def publish(self, outgoing: Outgoing, *, turn: str | None = None) -> Confirmation:
        """Publish and await the confirm. The bound covers a reconnect too.

        No two with the same ``turn`` are under way together. While the broker blocks the connection,
        nothing is written. Raises `PublishFailed`.
        """
        if turn is None and (channel := self._ready()) is not None:
            return await self._publish(channel, outgoing)
        async with AsyncExitStack() as alone:
            try:
                async with asyncio.timeout(self._timeout):
                    if turn is not None:
                        await alone.enter_async_context(self._turns.setdefault(turn, asyncio.Lock()))
                    channel = await self._usable()
            except TimeoutError as error:
                raise self._too_late() from error
            return await self._publish(channel, outgoing)

    async def _publish(self, channel: _Open, outgoing: Outgoing) -> Confirmation:
        properties = outgoing.properties
        if outgoing.signed:
            properties = replace(properties, user_id=channel.user)
        if not properties.message_id:  # by which a message that comes back is known
            properties = replace(properties, message_id=uuid4().hex)
        try:
            confirm = channel.traffic.publish(outgoing, properties)
        except CONNECTION_EXCEPTIONS as error:  # nothing was written: the message did not cause it
            raise PublishFailed(f"{type(error).__name__}: {error}") from error
        except (TypeError, ValueError, struct.error) as error:
            raise PublishFailed(f"the message cannot be encoded: {error}", kind="impossible") from error
        channel.bounds.bound(confirm)
        try:
            routed = await confirm
        except Nacked as error:
            channel.refused()
            raise PublishFailed("the broker refused the message", kind="refused") from error
        except TimeoutError as error:
            # The confirm stays known until it comes, and its error would keep the message by the traceback.
            raise self._too_late() from error.with_traceback(None)
        except CONNECTION_EXCEPTIONS as error:
            raise PublishFailed(f"{type(error).__name__}: {error}", cut_off=True) from error
        channel.confirmed()
        if routed:
            return Confirmation.CONFIRMED
        if self._returned_is_lost:
            channel.give_up()
            raise PublishFailed(f"the queue {outgoing.routing_key} is gone")
        return Confirmation.UNROUTABLE

    def _too_late(self) -> PublishFailed:
        if (channel := self._channel) is not None and channel.blocked:
            return PublishFailed(
                f"the broker is blocked by a memory or disk alarm, for {self._timeout} s and more"
            )
        return PublishFailed(f"not confirmed within {self._timeout} s")

    def _ready(self) -> _Open | None:
        """Return the channel if it takes a message at once."""
        channel = self._channel
        if channel is None or channel.traffic.ended or channel.traffic.full or channel.blocked:
            return None
        return channel

    async def _usable(self) -> _Open:
        """Wait for a channel that is open and neither blocked nor full.

        A channel's end is known to its waiters before `run` is told: what comes in between must not be
        taken for something that was sent.
        """
        while True:
            channel = self._channel
            if channel is None or channel.traffic.ended:
                await self._opened.wait()
                await asyncio.sleep(_BETWEEN_CHANNELS)
            elif channel.blocked:
                await asyncio.sleep(_WHILE_BLOCKED)
            else:
                await _drained(channel)
                if not channel.traffic.ended:
                    return channel


async def _drained(channel: _Open) -> None:
    """Wait until the broker reads; a channel that ends meanwhile says so when it is published on.

    A connection can end by any error of the system, such as that there is no route to the host.
    """
    with suppress(*CONNECTION_EXCEPTIONS):
        await channel.traffic.drain()
