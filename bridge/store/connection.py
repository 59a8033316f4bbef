"""The connection to Redis, and the knowledge of whether it answers.

A single node (``redis://``, ``rediss://``), Sentinel (``redis+sentinel://host:port,.../service/db``)
or Cluster (``redis+cluster://host:port,...``).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import unquote

import structlog
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.settingtypes import RedisParts, redis_places, split_redis_url
from bridge.store.away import AWAY, reset_as_error
from bridge.store.cluster import send_to_cluster
from bridge.store.round_trips import RoundTripFailed, RoundTrips
from bridge.store.scripts import Call, Client, Words

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def connect(settings: RedisSettings) -> Client:
    """Build the client; nothing is connected yet."""
    url = settings.url.get_secret_value()
    kind = split_redis_url(url).scheme.partition("+")[2]
    if kind == "cluster":
        return _cluster(settings, url)
    if kind == "sentinel":
        return _sentinel(settings, url)
    # The client owns the pool: closing it closes the connections.
    return Redis.from_pool(_pool(settings, url))


def try_url(settings: RedisSettings) -> None:
    """Build one connection to a single node without connecting it.

    Raises ValueError, without what the query holds, for one that redis-py cannot use.
    """
    try:
        pool = _pool(settings, settings.url.get_secret_value())
        connection = pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        if isinstance(connection, SSLConnection):
            connection.ssl_context.get()  # loads the certificate files
    except Exception as error:  # redis-py raises whatever the value leads to
        unknown = re.search(r"unexpected keyword argument '([a-z_]+)'", str(error))
        problem = f"does not know {unknown[1]}" if unknown else f"cannot use it ({type(error).__name__})"
        raise ValueError(f"the query after ? is wrong: redis-py {problem}") from error


def _pool(settings: RedisSettings, url: str) -> ConnectionPool:
    return ConnectionPool.from_url(url, **_pooled(settings))


def _pooled(settings: RedisSettings) -> dict[str, Any]:
    # Where redis-py listens for a provider's notices of maintenance, which it does unless told otherwise, it
    # takes a connection from the pool without a look whether answers to somebody else are left on it.
    quiet = MaintNotificationsConfig(enabled=False)
    return {
        **_common(settings),
        "max_connections": _most(settings),
        "maint_notifications_config": quiet,
    }


def _most(settings: RedisSettings) -> int:
    """Return the size of a pool: `Store` bounds the commands under way, and looks with one more.

    Two of its round trips may be under way at once: one that waits for replicas, and one that does not.
    """
    return max(settings.connections, 2) + 1


def _common(settings: RedisSettings) -> dict[str, Any]:
    # from_url does not retry at all unless it is told to; a request may wait for a few tries only.
    return {
        "socket_timeout": settings.timeout,
        "socket_connect_timeout": settings.timeout,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), settings.retries),
    }


def _login(parts: RedisParts) -> dict[str, Any]:
    login = parts.netloc.rpartition("@")[0]
    user, _, password = login.partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}


def _cluster(settings: RedisSettings, url: str) -> RedisCluster:
    parts = split_redis_url(url)
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port or 6379) for host, port in redis_places(url)],
        ssl=parts.scheme.startswith("rediss"),
        **_login(parts),
        **_common(settings),
    )


class _BehindSentinel(Redis):
    """A master that Sentinel knows. Closing it closes the connections to the Sentinels too."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's own
        await super().aclose(close_connection_pool)
        pool = cast("SentinelConnectionPool", self.connection_pool)
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _sentinel(settings: RedisSettings, url: str) -> Redis:
    parts = split_redis_url(url)
    service, _, database = parts.path.strip("/").partition("/")
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        [(host, port or 26379) for host, port in redis_places(url)],
        # One that is down is passed over at once: the next one is the retry.
        sentinel_kwargs={**_common(settings), "retry": Retry(NoBackoff(), 0)},
        db=int(database or 0),
        ssl=parts.scheme.startswith("rediss"),
        **_login(parts),
        **_pooled(settings),
    )
    master: Redis = sentinel.master_for(service, redis_class=_BehindSentinel)
    return master


class NothingWritten(StoreUnavailable):
    """Redis was not even asked, or has refused."""


def refused(error: Exception) -> NothingWritten:
    """Return what to raise where Redis answers, but not this: it is read-only, or out of memory."""
    unavailable = NothingWritten(f"Redis refused: {error}")
    unavailable.__cause__ = error
    return unavailable


class Store:
    """A Redis that may be away.

    While it is, requests learn so at once: one watcher asks whether it is back, not every request.
    """

    def __init__(self, client: Client, settings: RedisSettings, metrics: Metrics) -> None:
        self.client = client
        # A pool that is full fails at once, which is no sign that Redis is away: wait before it.
        self._slots = asyncio.Semaphore(settings.connections)
        self._interval = settings.watch_interval
        self._bound = settings.timeout * (settings.retries + 2)
        self._metrics = metrics
        self._connected = asyncio.Event()
        self._told = False
        self._round_trips: dict[Words | None, RoundTrips] = {}

    @property
    def connected(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return self._connected.is_set()

    async def back(self, within: float) -> bool:
        """Wait until Redis is worth another try; return False if it is not ``within`` so many seconds.

        That is as soon as it answers again, or in a moment if it answers already: then it has refused.
        """
        if within <= 0:
            return False
        if self.connected:
            await asyncio.sleep(min(self._interval, within))
            return True
        try:
            async with asyncio.timeout(within):
                await self._connected.wait()
        except TimeoutError:
            return False
        return True

    async def send(
        self, calls: Sequence[Call], *, transaction: bool = False, wait: Words | None = None
    ) -> list[Any]:
        """Run calls in their order; return each one's answer, or its error in the place.

        They share round trips with what others send at the same time. With ``transaction`` nobody else's
        commands come in between (not so on Redis Cluster). With ``wait`` (a WAIT command) the last answer
        is how many replicas have what was written. Raises `StoreUnavailable`; `NothingWritten` if nothing
        was sent.
        """
        if not self.connected:
            raise NothingWritten("Redis is away")
        client = self.client
        if isinstance(client, RedisCluster):
            return await self.run(lambda: send_to_cluster(client, calls, in_order=transaction, wait=wait))
        if wait not in self._round_trips:  # those that wait for replicas keep nobody else waiting
            self._round_trips[wait] = RoundTrips(client, self._bound, wait)
        try:
            return await self._round_trips[wait].send(calls, transaction=transaction)
        except RoundTripFailed as failed:
            raise self._unavailable(failed.__cause__) from failed.__cause__

    async def ask(self, call: Call) -> Any:  # noqa: ANN401 - whatever the call returns
        """Run one call, as `send` does. Raises `StoreUnavailable`; `NothingWritten` if it is refused."""
        [answer] = await self.send([call])
        if isinstance(answer, ResponseError):
            raise refused(answer)
        return answer

    async def run(self, command: Callable[[], Awaitable[Result]]) -> Result:
        """Run a command. Raises `StoreUnavailable`."""
        if not self.connected:
            raise StoreUnavailable("Redis is away")
        waiting = True
        try:
            async with asyncio.timeout(self._bound), self._slots:
                waiting = False
                if not self.connected:  # it went while this waited
                    raise StoreUnavailable("Redis is away")
                with reset_as_error():
                    return await command()
        except AWAY as error:
            if waiting:
                raise StoreUnavailable("too many commands are under way (redis.connections)") from error
            raise self._unavailable(error) from error

    def _unavailable(self, error: BaseException | None) -> Exception:
        """Return what to raise for an error; most say that Redis is away, which is noted."""
        if isinstance(error, ResponseError):  # but perhaps not before its answer got lost
            return StoreUnavailable(f"Redis refused: {error}")
        if not isinstance(error, AWAY):
            return RuntimeError(f"the exchange with Redis went wrong: {error!r}")
        self._note(connected=False, error=type(error).__name__)
        return StoreUnavailable(f"Redis is away: {type(error).__name__}")

    async def watch(self, *catch_ups: Callable[[], Awaitable[None]]) -> None:
        """Look at Redis for as long as the process runs, and let ``catch_ups`` write what it missed."""
        while True:
            await self.look()
            for catch_up in catch_ups:
                try:
                    await catch_up()
                except StoreUnavailable as error:
                    log.debug("redis.not_caught_up", error=str(error))
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Ask Redis whether it is there."""
        try:
            async with asyncio.timeout(self._bound):
                with reset_as_error():
                    await self.client.ping()
        except AWAY as error:
            self._note(connected=False, error=f"{type(error).__name__}: {error}")
        else:
            self._note(connected=True)

    def _note(self, *, connected: bool, error: str | None = None) -> None:
        self._metrics.redis_connected.set(connected)
        if connected != self.connected or not self._told:
            if connected:
                log.info("redis.connected")
            else:
                log.warning("redis.away", error=error, next="reads go to LCM; looked at again every second")
        self._told = True
        if connected:
            self._connected.set()
        else:
            self._connected.clear()

    async def close(self) -> None:
        """Close the connections."""
        for round_trips in self._round_trips.values():
            await round_trips.close()
        await self.client.aclose()
