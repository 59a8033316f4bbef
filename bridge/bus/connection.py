"""One connection to RabbitMQ, opened anew with backoff and jitter for as long as the process runs.

aio-pika's own robust connection waits a fixed interval, knows one node and restores what it
remembers; this loop tells the whole story in one place: connect, work, notice the loss, wait, again.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel as AmqpChannel
from aiormq.abc import AbstractConnection as AmqpConnection

from bridge.bus.backoff import Waits
from bridge.bus.frames import SocketConnection
from bridge.bus.login import Node, cut_off, nodes, refusal, user_name
from bridge.bus.traffic import Traffic
from bridge.credentials import Current
from bridge.settings import Amqp

log = structlog.get_logger(__name__)

_LONG_LIFE = 5.0
"""A broker that takes connections and ends them at once must not be stormed."""

REFUSED_WAIT = 30.0
"""Seconds that the backoff grows to where all nodes refuse the bridge, or it refuses their certificates."""

BLOCKED_INTERVAL = 0.5
"""Seconds between looks whether the broker blocks a connection, for the log."""


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
        opened = self._opened.channel(publisher_confirms=confirms)
        # No time-out around it: cancelling closes the channel half way, and heartbeats bound the wait.
        await opened.initialize()
        amqp = await opened.get_underlay_channel()
        return Channel(opened, amqp, Traffic(amqp, self._opened.socket), on_lost)

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
        self,
        opened: AbstractChannel,
        amqp: AmqpChannel,
        traffic: Traffic,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._opened = opened
        self.amqp = amqp
        self.traffic = traffic
        self.lost = asyncio.Event()
        self._tell = on_lost
        opened.close_callbacks.add(self._on_lost)
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
        if not self._opened.is_closed and not self.amqp.is_closed:
            self.traffic.stop()
            await self._opened.close()


def is_blocked(connection: AmqpConnection) -> bool:
    """Tell whether the broker blocks a connection; the library says so only by having one wait."""
    waiting = connection.ready()
    try:
        waiting.send(None)
    except StopIteration:
        return False
    waiting.close()
    return True


Work = Callable[[Connection], Awaitable[None]]


class LostWhileWaiting(ConnectionError):
    """The connection ended while a call waited for the broker."""


@contextmanager
def cancellation_as_error() -> Iterator[None]:
    """Raise `LostWhileWaiting` for a cancellation that nobody asked of this task.

    The client library cancels whatever waits for the broker when a connection dies of missing
    heartbeats, or is closed. Taken for a real cancellation, it would end the waiting task without a word.
    Where a connection ends in order it raises a bare `Exception` instead, which means the same.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LostWhileWaiting("the connection ended while a call waited") from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise LostWhileWaiting("the connection ended while a call waited") from error


class Link:
    """Keeps one connection open and runs ``work`` on it each time.

    ``work`` must return or raise when the connection is lost. ``changed`` is told of each opening
    and loss.
    """

    def __init__(  # noqa: PLR0913 - what a link is given
        self,
        name: str,
        settings: Amqp,
        work: Work,
        changed: Callable[[], None],
        current: Current[list[Node]] | None = None,
        *,
        long_life: float = _LONG_LIFE,
    ) -> None:
        """Name it; ``current`` knows the nodes; without it they are what the settings say.

        After ``long_life`` seconds a loss is an event of its own, and the backoff starts anew.
        """
        self.name = name
        self._long_life = long_life
        self._settings = settings
        self._work = work
        self._changed = changed
        self._nodes = current or Current(nodes(settings))
        self._turns = itertools.count()
        self._connection: Connection | None = None
        self.openings = 0

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._connection is not None and self._connection.alive

    @property
    def blocked(self) -> bool:
        """Whether the connection is open and the broker takes no publishes on it for now."""
        return self.connected and self._connection is not None and self._connection.blocked

    async def run(self) -> None:
        """Connect, work, and start again when the connection is lost; ends only by cancellation."""
        waits = Waits(self._settings.reconnect_wait, self._settings.reconnect_wait_max, REFUSED_WAIT)
        while True:
            await self._nodes.look()
            every = self._nodes.now
            node = every[next(self._turns) % len(every)]
            openings = self.openings
            try:
                with cancellation_as_error():
                    await self._hold(node, waits)
            except Exception as error:  # the loop that must not end, whatever the other side sends
                if not isinstance(error, (*CONNECTION_EXCEPTIONS, TimeoutError)):
                    log.exception(
                        "amqp.connection_fault",
                        connection=self.name,
                        error=f"{type(error).__name__}: {error}",
                        next="a fault of the bridge: report it; the connection is opened again",
                    )
                opening = self.openings == openings
                refused = refusal(error, node.url) if opening else None
                why = refused or (cut_off(error, node.url) if opening else None)
                wait = waits.after_refusal(len(every)) if refused else waits.next()
                log.warning(
                    "amqp.connection_failed",
                    connection=self.name,
                    node=node.name,
                    error=why.found if why else f"{type(error).__name__}: {error}",
                    next=f"{f'{why.advice}; ' if why else ''}tried again in {wait:.1f} s, until it succeeds",
                )
            else:
                wait = waits.next()
            # What is refused may be let in with the next change of a file.
            await self._nodes.pause(wait)

    async def _hold(self, node: Node, waits: Waits) -> None:
        opened = SocketConnection(
            node.url.update_query(heartbeat=self._settings.heartbeat),
            ssl_context=node.tls,
            client_properties={"connection_name": self.name},
        )
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await opened.connect()
        except BaseException:
            await opened.close()  # else it does so when it is collected, wherever that happens to be
            raise
        connection = Connection(opened)
        self._connection = connection
        self.openings += 1
        log.info("amqp.connected", connection=self.name, node=node.name)
        watch = asyncio.create_task(self._tell_blocked(connection), name=f"blocked {self.name}")
        opened_at = time.monotonic()
        try:
            self._changed()
            await self._work(connection)
        finally:
            if time.monotonic() - opened_at > self._long_life:
                waits.reset()
            watch.cancel()
            lost = connection.lost.is_set()
            self._connection = None
            self._changed()
            await connection.close()
            if lost:
                log.warning(
                    "amqp.connection_lost",
                    connection=self.name,
                    node=node.name,
                    error=connection.reason,
                    next="opened again",
                )
            else:
                log.info("amqp.connection_closed", connection=self.name)

    async def _tell_blocked(self, connection: Connection) -> None:
        told = False
        while connection.alive:
            if connection.blocked != told:
                told = not told
                if told:
                    log.warning(
                        "amqp.blocked",
                        connection=self.name,
                        next="publishing waits: the broker has a memory or disk alarm",
                    )
                else:
                    log.info("amqp.unblocked", connection=self.name)
            await connection.pause(BLOCKED_INTERVAL)
