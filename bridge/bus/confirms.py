"""A channel to publish on, and what bounds the waiting for its confirms."""

import asyncio
import time
from collections import deque

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.bus.connection import Channel
from bridge.losses import cancellation_as_error

log = structlog.get_logger(__name__)

WHILE_BLOCKED = 0.1
"""Seconds between looks whether the broker takes publishes again."""


class Bounds:
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
            self._timer = self._loop.call_later(WHILE_BLOCKED, self._look, True)  # noqa: FBT003
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


class PublishChannel:
    """A channel that is open since ``opened`` (`time.monotonic`); ``changed`` is set when it is lost."""

    def __init__(self, channel: Channel, seconds: float, changed: asyncio.Event) -> None:
        self.traffic = channel.traffic
        self.user = channel.user
        self.bounds = Bounds(channel, seconds)
        self.opened = time.monotonic()
        self._channel = channel
        self._changed = changed

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no publishes for now."""
        return self._channel.blocked

    @property
    def lost(self) -> bool:
        """Whether it has ended, or was given up."""
        return self._channel.lost.is_set()

    def give_up(self) -> None:
        """Have it closed, and another one opened."""
        self._channel.lost.set()
        self._changed.set()

    def doubt(self) -> None:
        """Have another one take its place, which may not be refused what this one is."""
        self._changed.set()

    async def serve(self) -> None:
        """Wait until it is lost or doubted."""
        await self._changed.wait()

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than it lives."""
        try:
            async with asyncio.timeout(seconds):
                await self._channel.lost.wait()
        except TimeoutError:
            pass

    async def retire(self, seconds: float) -> None:
        """Close it when what is under way on it is confirmed, or after so many seconds."""
        until = time.monotonic() + seconds
        while (waiting := self.traffic.under_way) and (left := until - time.monotonic()) > 0:
            await asyncio.wait(waiting, timeout=left)
        try:
            with cancellation_as_error():
                await self.close()
        except CONNECTION_EXCEPTIONS as error:
            log.debug("publisher.close_failed", error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close it, if it is still open."""
        self.bounds.end()
        await self._channel.close()
