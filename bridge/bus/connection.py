"""An open connection to RabbitMQ and its channels: whether they live, and how their loss is told."""

import asyncio
from collections.abc import Callable

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel as AmqpChannel
from aiormq.abc import AbstractConnection as AmqpConnection
from aiormq.exceptions import ChannelInvalidStateError

from bridge.bus.frames import SocketConnection
from bridge.bus.login import user_name
from bridge.bus.traffic import Traffic

log = structlog.get_logger(__name__)


class Connection:
    """An open connection. The library's own ``is_closed`` tells only of a close that was asked for."""

    def __init__(self, opened: SocketConnection) -> None:
        self._opened = opened
        self.lost = asyncio.Event()
        self.reason = "no reason given"
        opened.close_callbacks.add(self._on_lost)

    def _on_lost(self, _: object, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self.reason = f"{type(error).__name__}: {error}"
        self.lost.set()

    @property
    def alive(self) -> bool:
        """Whether it has neither been lost nor closed."""
        return not self.lost.is_set() and not self._opened.is_closed

    @property
    def amqp(self) -> AmqpConnection | None:
        """The same as the protocol knows it; None when it is closed."""
        transport = self._opened.transport
        return None if transport is None else transport.connection

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no publishes on it for now: a memory or disk alarm."""
        return self.amqp is not None and is_blocked(self.amqp)

    async def channel(self, *, confirms: bool, on_lost: Callable[[], None] | None = None) -> "Channel":
        """Open a channel; ``on_lost`` is called when it or its consumer ends.

        Raises what `aio_pika.exceptions.CONNECTION_EXCEPTIONS` lists.
        """
        connection = self.amqp
        if connection is None:
            raise ChannelInvalidStateError("the connection is closed")
        # Not by aio-pika: of each of its channels something stays for as long as the connection lives; and it
        # waits for the end of an alarm first, for ever where the connection is lost meanwhile.
        # No time-out around it: cancelling closes the channel half way, and heartbeats bound the wait.
        amqp = await connection.channel(publisher_confirms=confirms)
        return Channel(amqp, Traffic(amqp, self._opened.socket), on_lost)

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than the connection lives."""
        try:
            async with asyncio.timeout(seconds):
                await self.lost.wait()
        except TimeoutError:
            pass

    async def until(self, event: asyncio.Event) -> None:
        """Wait for an event, but no longer than the connection lives."""
        waiting = {asyncio.create_task(one.wait()) for one in (event, self.lost)}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)

    async def close(self) -> None:
        """Close within a bound; a broker that is gone cannot say goodbye."""
        try:
            async with asyncio.timeout(5):
                await self._opened.close()
        except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
            log.debug("amqp.close_failed", error=f"{type(error).__name__}: {error}")


class Channel:
    """An open channel: ``amqp`` speaks the protocol, ``lost`` is set when it or its consumer ends.

    What is published, delivered and acknowledged goes by ``traffic``.
    """

    def __init__(
        self, amqp: AmqpChannel, traffic: Traffic, on_lost: Callable[[], None] | None = None
    ) -> None:
        self.amqp = amqp
        self.traffic = traffic
        self.lost = asyncio.Event()
        self._tell = on_lost
        amqp.closing.add_done_callback(self._on_lost)
        amqp.on_consumer_cancel_callbacks.add(self._on_lost)

    def _on_lost(self, *_: object) -> None:
        self.lost.set()
        if self._tell is not None:
            self._tell()

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no publishes on its connection for now."""
        return is_blocked(self.amqp.connection)

    @property
    def user(self) -> str:
        """The user as whom its connection logged in."""
        return user_name(self.amqp.connection.url)

    async def close(self) -> None:
        """Close it, if it is still open.

        A task that is being cancelled leaves that to the end of its connection: a broker that reads
        nothing (frozen, or short of memory) would keep the library here for a heartbeat, cancelled or not.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return
        if not self.amqp.is_closed:
            self.traffic.stop()
            await self.amqp.close(None)


def is_blocked(connection: AmqpConnection) -> bool:
    """Tell whether the broker blocks a connection; the library says so only by having one wait."""
    waiting = connection.ready()
    try:
        waiting.send(None)
    except StopIteration:
        return False
    waiting.close()
    return True
