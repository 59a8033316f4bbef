"""One connection to RabbitMQ, opened anew with backoff and jitter for as long as the process runs.

aio-pika's own robust connection waits a fixed interval, knows one node and restores what it
remembers; this loop tells the whole story in one place: connect, work, notice the loss, wait, again.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from yarl import URL

from bridge.settings import Amqp

log = structlog.get_logger(__name__)

Work = Callable[[AbstractConnection], Awaitable[None]]


class Backoff:
    """Waits that double from ``first`` to ``most`` seconds, with full jitter above a tenth."""

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._attempt = 0

    def next(self) -> float:
        """Return the seconds to wait now."""
        ceiling = min(self._most, self._first * 2.0 ** min(self._attempt, 32))
        self._attempt += 1
        return random.uniform(ceiling / 10, ceiling)  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        """Start again from ``first``."""
        self._attempt = 0


class Link:
    """Keeps one connection open and runs ``work`` on it each time.

    ``work`` must return or raise when the connection is lost. ``changed`` is told of each opening
    and loss.
    """

    def __init__(self, name: str, settings: Amqp, work: Work, changed: Callable[[], None]) -> None:
        self.name = name
        self._settings = settings
        self._work = work
        self._changed = changed
        self._urls = itertools.cycle(part.strip() for part in settings.url.get_secret_value().split(","))
        self._connection: AbstractConnection | None = None
        self.openings = 0

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._connection is not None and not self._connection.is_closed

    async def run(self) -> None:
        """Connect, work, and start again when the connection is lost; ends only by cancellation."""
        backoff = Backoff(self._settings.reconnect_wait, self._settings.reconnect_wait_max)
        while True:
            url = URL(next(self._urls))
            try:
                await self._hold(url, backoff)
            except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
                log.warning(
                    "amqp.connection_failed",
                    connection=self.name,
                    node=f"{url.host}:{url.port}",
                    error=f"{type(error).__name__}: {error}",
                    next="tried again until it succeeds",
                )
            await asyncio.sleep(backoff.next())

    async def _hold(self, url: URL, backoff: Backoff) -> None:
        async with asyncio.timeout(self._settings.connect_timeout):
            connection = await aio_pika.connect(
                url.update_query(heartbeat=self._settings.heartbeat),
                client_properties={"connection_name": self.name},
            )
        self._connection = connection
        self.openings += 1
        log.info("amqp.connected", connection=self.name, node=f"{url.host}:{url.port}")
        try:
            self._changed()
            backoff.reset()
            await self._work(connection)
        finally:
            self._connection = None
            self._changed()
            await _close(connection)
            log.warning("amqp.connection_closed", connection=self.name)


async def _close(connection: AbstractConnection) -> None:
    """Close within a bound; a broker that is gone cannot say goodbye."""
    try:
        async with asyncio.timeout(5):
            await connection.close()
    except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
        log.debug("amqp.close_failed", error=f"{type(error).__name__}: {error}")
