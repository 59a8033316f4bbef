"""One connection to RabbitMQ, opened anew with backoff and jitter for as long as the process runs.

aio-pika's own robust connection waits a fixed interval, knows one node and restores what it
remembers; this loop tells the whole story in one place: connect, work, notice the loss, wait, again.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.backoff import Backoff
from bridge.bus.connection import Connection
from bridge.bus.frames import SocketConnection
from bridge.bus.login import Node, cut_off, nodes, why_refused
from bridge.credentials import Current
from bridge.losses import cancellation_as_error
from bridge.settings import Amqp

log = structlog.get_logger(__name__)

LONG_LIFE: Final = 5.0
"""Seconds after which a loss is an event of its own: a broker that ends all at once must not be stormed."""

REFUSED_WAIT = 30.0
"""Seconds that the backoff grows to where all nodes refuse the bridge, or it refuses their certificates."""

BLOCKED_INTERVAL: Final = 0.5
"""Seconds between looks whether the broker blocks a connection, for the log."""

Work = Callable[[Connection], Awaitable[None]]


class Waits:
    """The waits of a link: a backoff to ``most`` seconds, or to ``refused`` where all nodes refuse it."""

    def __init__(self, first: float, most: float, refused: float) -> None:
        self._backoff = Backoff(first, most)
        self._patience = Backoff(first, refused)
        self._refusals = 0

    def next(self) -> float:
        """Return the seconds to wait now."""
        self._refusals = 0
        self._patience.reset()
        return self._backoff.next()

    def after_refusal(self, nodes: int) -> float:
        """Return the same after one of so many nodes has refused: the others are tried soon."""
        self._refusals += 1
        return (self._patience if self._refusals >= nodes else self._backoff).next()

    def reset(self) -> None:
        """Start again from ``first``."""
        self._backoff.reset()


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
        long_life: float = LONG_LIFE,
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
                refused = why_refused(error, node.url) if opening else None
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
        async with asyncio.timeout(self._settings.connect_timeout):
            await opened.connect()
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
