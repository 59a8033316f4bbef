"""Publishing with confirms on one channel, which is opened anew for as long as the connection lives."""

import asyncio
import re
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from uuid import uuid4

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel

from bridge.backoff import Backoff
from bridge.bus.confirms import WHILE_BLOCKED, PublishChannel
from bridge.bus.connection import Connection
from bridge.bus.differences import is_difference
from bridge.bus.refusals import Destination, Refusals
from bridge.bus.traffic import Nacked
from bridge.losses import cancellation_as_error
from bridge.messages import Outgoing
from bridge.ports import Confirmation, PublishFailed

log = structlog.get_logger(__name__)

_TOO_LARGE = re.compile(r"message size [0-9]+ is larger than configured max size ([0-9]+)")
"""Why RabbitMQ closes a channel: its max_message_size, which counts the body alone."""

Prepare = Callable[[AbstractChannel], Awaitable[None]]

_LONG_LIFE = 30.0
"""Seconds after which the loss of a channel is an event of its own, not the next in a row."""

_OTHERS = (0.1, 2.0)
"""Seconds that the backoff between channels begins with, and grows to: a queue may be full for hours."""

_BETWEEN_CHANNELS = 0.005
"""Seconds between looks for a new channel, while the end of the old one is being noticed."""


class Publisher:
    """One channel to publish on.

    A channel that is refused messages is replaced by another one, without a break for the other messages.

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
        self._channel: PublishChannel | None = None
        self._opened = asyncio.Event()
        self._returned_is_lost = returned_is_lost
        self._refusals = Refusals()
        self._most_bytes = sys.maxsize
        self._one_by_one = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether there is a channel to publish on."""
        return self._opened.is_set()

    async def run(self, connection: Connection) -> None:
        """Keep a channel open for as long as the connection lives."""
        backoff = Backoff(0.1, 2.0)
        self._most_bytes = sys.maxsize  # another node may take more
        async with asyncio.TaskGroup() as retiring:
            while connection.alive:
                started, told = time.monotonic(), False
                try:
                    with cancellation_as_error():
                        await self._serve(connection, retiring)
                except CONNECTION_EXCEPTIONS as error:
                    # What is declared otherwise is told of by who looks at all: `bridge.bus.agreement`.
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

    async def _serve(self, connection: Connection, retiring: asyncio.TaskGroup) -> None:
        """Have a channel open until it is lost; meanwhile, replace one that is refused messages."""
        channel = await self._open(connection)
        others = Backoff(*_OTHERS)
        try:
            while True:
                await channel.serve()
                if time.monotonic() - channel.opened > _LONG_LIFE:
                    others.reset()
                await channel.pause(others.next())
                if channel.lost:
                    return
                former, channel = channel, await self._open(connection)
                retiring.create_task(former.retire(self._timeout), name=f"former channel of {self.name}")
                log.info("publisher.channel_replaced", channel=self.name, reason="it was refused a message")
        finally:
            self._opened.clear()
            self._channel = None
            await channel.close()

    async def _open(self, connection: Connection) -> PublishChannel:
        changed = asyncio.Event()
        channel = await connection.channel(confirms=True, on_lost=changed.set)
        try:
            if self._prepare is not None:
                await self._prepare(channel.amqp)
        except BaseException:
            await channel.close()
            raise
        self._channel = PublishChannel(channel, self._timeout, changed)
        self._opened.set()
        return self._channel

    async def publish(self, outgoing: Outgoing, *, alone: bool = False) -> Confirmation:
        """Publish and await the confirm. The bound covers a reconnect too.

        No two that are to go ``alone`` are under way together. While the broker blocks the connection,
        nothing is written. Raises `PublishFailed`.
        """
        if not alone and (channel := self._ready()) is not None:
            return await self._publish(channel, outgoing)
        async with AsyncExitStack() as others_wait:
            try:
                async with asyncio.timeout(self._timeout):
                    if alone:
                        await others_wait.enter_async_context(self._one_by_one)
                    channel = await self._usable()
            except TimeoutError as error:
                raise self._too_late() from error
            return await self._publish(channel, outgoing)

    async def _publish(self, channel: PublishChannel, outgoing: Outgoing) -> Confirmation:
        self._check_size(outgoing)
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
            raise self._refused(channel, outgoing) from error
        except TimeoutError as error:
            # The confirm stays known until it comes, and its error would keep the message by the traceback.
            raise self._too_late() from error.with_traceback(None)
        except CONNECTION_EXCEPTIONS as error:
            if (too_large := _TOO_LARGE.search(str(error))) is not None:
                self._most_bytes = int(too_large[1])
                self._check_size(outgoing)  # else it was another one, with which the channel ended
            raise PublishFailed(f"{type(error).__name__}: {error}", cut_off=True) from error
        if self._refusals:
            self._refusals.taken(_destination(outgoing))
        return Confirmation.CONFIRMED if routed else self._returned(channel, outgoing)

    def _check_size(self, outgoing: Outgoing) -> None:
        """Refuse what ends the channel each time that it is published, for all who publish on it."""
        if len(outgoing.body) > self._most_bytes:
            raise PublishFailed(
                f"its {len(outgoing.body)} bytes are more than the broker takes (max_message_size,"
                f" {self._most_bytes})",
                kind="impossible",
            )

    def _refused(self, channel: PublishChannel, outgoing: Outgoing) -> PublishFailed:
        channel.doubt()
        believed = self._refusals.refused(_destination(outgoing), channel.opened)
        return PublishFailed("the broker refused the message", kind="refused" if believed else "unconfirmed")

    def _returned(self, channel: PublishChannel, outgoing: Outgoing) -> Confirmation:
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

    def _ready(self) -> PublishChannel | None:
        """Return the channel if it takes a message at once."""
        channel = self._channel
        if channel is None or channel.traffic.ended or channel.traffic.full or channel.blocked:
            return None
        return channel

    async def _usable(self) -> PublishChannel:
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
                await asyncio.sleep(WHILE_BLOCKED)
            else:
                await _drained(channel)
                if not channel.traffic.ended:
                    return channel


def _destination(outgoing: Outgoing) -> Destination:
    return Destination(outgoing.exchange, outgoing.routing_key)


async def _drained(channel: PublishChannel) -> None:
    """Wait until the broker reads; a channel that ends meanwhile says so when it is published on.

    A connection can end by any error of the system, such as that there is no route to the host.
    """
    with suppress(*CONNECTION_EXCEPTIONS):
        await channel.traffic.drain()
