"""One connection to RabbitMQ with a reply queue of its own, opened anew for as long as the client lives.

Why not aio-pika's robust connection: it knows one node, waits a fixed time, and declares the reply queue
again by the same name, which RabbitMQ refuses for as long as it takes the dead connection for alive. And
whoever waits for a reply must be told at once that it will not come: a reply queue ends with its connection.

Why a queue and not direct reply-to: the bridge learns, and counts, that nobody waits any more; requests may
be published on another channel than replies are consumed on, which RabbitMQ 3.10 makes necessary (see
`bridge.client.publisher`); and no version's defects of direct reply-to matter.
"""

import asyncio
import itertools
import logging
import math
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from aio_pika import Connection
from aio_pika.abc import AbstractIncomingMessage
from yarl import URL

from bridge.backoff import Backoff
from bridge.client.errors import NotSent
from bridge.client.publisher import CLOSE_SECONDS, Lost, Publisher, loss_as_error
from bridge.client.session import Session

log = logging.getLogger("bridge.client")

HEARTBEAT = 15
"""Seconds; RabbitMQ's 60 would notice a lost network after three minutes."""
CONNECT_SECONDS = 10.0
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds before a connection is tried again: doubled each time, with jitter for fleets."""
LONG_LIFE = 5.0
"""Seconds; a broker that takes connections and ends them sooner must not be stormed."""
REPLY_QUEUE = len(".replies.") + 32
"""Characters of a reply queue's name after the client's name."""


class Link:
    """Keeps a session open. `start` opens the first one, `close` ends it all."""

    def __init__(self, nodes: Sequence[URL], *, exchange: str, name: str) -> None:
        self.problem = ""
        self.openings = 0
        self.unmatched = 0
        self._nodes = itertools.cycle(nodes)
        self._every = len(nodes)
        self._exchange = exchange
        self._name = name
        self._session: Session | None = None
        self._usable = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether a session is open."""
        return self._session is not None

    async def start(self) -> None:
        """Open the first session. Raises `NotSent` where no node lets that happen, RuntimeError if open."""
        if self._task is not None:
            raise RuntimeError("the client is open already")
        self._closing = False
        self._started.clear()
        self._task = asyncio.create_task(self._keep(), name=f"{self._name} link")
        try:
            await self._started.wait()
        except BaseException:
            await self.close()
            raise
        if not self.openings:
            await self.close()
            raise NotSent(f"no connection to RabbitMQ: {self.problem or 'the client was closed'}")

    async def session(self) -> Session:
        """Return the open session, or wait until there is one: for ever, if its caller sets no bound."""
        while self._session is None or not self._session.publisher.usable:
            self._usable.clear()
            await self._usable.wait()
        return self._session

    async def close(self) -> None:
        """End the session and the connection, within a bound."""
        self._closing = True
        self._started.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def _connect(self, url: URL) -> Connection:
        """Connect to a node. Raises `Lost`."""
        if "heartbeat" not in url.query:
            url = url.update_query(heartbeat=HEARTBEAT)
        connection = Connection(url, client_properties={"connection_name": self._name})
        try:
            with loss_as_error():
                async with asyncio.timeout(CONNECT_SECONDS):
                    await connection.connect()
        except BaseException:
            await _close(connection)
            raise
        return connection

    async def _keep(self) -> None:
        backoff = Backoff(FIRST_WAIT, LONGEST_WAIT, least=0.5)
        for tried in itertools.count(1):
            opened_at = math.inf
            try:
                connection = await self._connect(next(self._nodes))
                opened_at = asyncio.get_running_loop().time()
                await self._serve(connection)
                self.problem = "the connection was lost"
            except Lost as lost:
                self.problem = str(lost)
            except Exception as error:  # the loop that must not end, whatever the other side sends
                self.problem = f"{type(error).__name__}: {error}"
                log.exception("a fault of the client: report it")
            if self._closing:  # and the library has made another error of the cancellation
                return
            if not self.openings and tried >= self._every:
                self._started.set()
                return
            if asyncio.get_running_loop().time() - opened_at > LONG_LIFE:
                backoff.reset()
            wait = backoff.next()
            log.warning("connection to RabbitMQ: %s; opened again in %.1f s", self.problem, wait)
            await asyncio.sleep(wait)

    async def _serve(self, connection: Connection) -> None:
        """Open a session and hold it until the connection is lost, which is no error. Raises `Lost`."""
        lost = False
        former: Publisher | None = None

        def lose(*_: object) -> None:
            nonlocal lost
            lost = True
            self._changed.set()

        session: Session | None = None
        try:
            connection.close_callbacks.add(lose)
            with loss_as_error():
                # Nothing is cancelled here but the connection as a whole, so a bound does no harm.
                async with asyncio.timeout(CONNECT_SECONDS):
                    reply_to = await self._consume(connection, lose)
            while not lost:
                with loss_as_error():
                    async with asyncio.timeout(CONNECT_SECONDS):
                        publisher = await self._open_publisher(connection)
                if session is None:
                    session = self._session = Session(
                        reply_to, publisher, partial(self._open_publisher, connection)
                    )
                    self.openings += 1
                    self.problem = ""
                    self._started.set()
                else:
                    # The one before the last has had two seconds for its confirms.
                    if former is not None:
                        await former.close()
                    former, session.publisher = session.publisher, publisher
                self._usable.set()
                while publisher.usable and not lost:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            self._session = None
            if session is not None:
                session.end()
            await _close(connection)
            if session is not None:
                await session.ended()

    async def _consume(self, connection: Connection, lose: Callable[..., None]) -> str:
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lose)
        queue = await channel.declare_queue(f"{self._name}.replies.{uuid.uuid4().hex}", exclusive=True)
        amqp = await channel.get_underlay_channel()
        amqp.on_consumer_cancel_callbacks.add(lose)
        await queue.consume(self._take, no_ack=True)
        return queue.name

    async def _open_publisher(self, connection: Connection) -> Publisher:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(self._exchange, ensure=False)
        return Publisher(channel, exchange, self._changed.set)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        if self._session is None or not self._session.take(message):
            self.unmatched += 1
            log.debug("a reply that nobody waits for, correlation id %r", message.correlation_id)


async def _close(connection: Connection) -> None:
    """Close within a bound: a broker that is gone cannot say goodbye."""
    with suppress(Lost, TimeoutError), loss_as_error():
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
