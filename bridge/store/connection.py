"""The connection to Redis, and the knowledge of whether it answers.

A single node (``redis://``, ``rediss://``), Sentinel (``redis+sentinel://host:port,.../service/db``)
or Cluster (``redis+cluster://host:port,...``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import structlog
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from bridge.metrics import Metrics
from bridge.ports import CacheUnavailable
from bridge.settings import Redis as RedisSettings

log = structlog.get_logger(__name__)

Client = Redis | RedisCluster
Result = TypeVar("Result")


def connect(settings: RedisSettings) -> Client:
    """Build the client; nothing is connected yet. Raises ValueError for a URL that lacks a part."""
    url = settings.url.get_secret_value()
    scheme = urlsplit(url.split(",")[0]).scheme
    kind = scheme.partition("+")[2]
    if kind == "cluster":
        return _cluster(settings, url)
    if kind == "sentinel":
        return _sentinel(settings, url)
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=settings.connections,
        timeout=settings.timeout,
        **_common(settings),
    )
    return Redis(connection_pool=pool)


def _common(settings: RedisSettings) -> dict[str, Any]:
    # from_url does not retry at all unless it is told to; a request may wait for a few tries only.
    return {
        "socket_timeout": settings.timeout,
        "socket_connect_timeout": settings.timeout,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), settings.retries),
    }


def _hosts(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    """Split ``user:password@host:port,host:port``; ports default."""
    places = parts.netloc.rpartition("@")[2].split(",")
    hosts = []
    for place in places:
        host, _, port = place.strip().rpartition(":")
        hosts.append((host or port, int(port) if host else default_port))
    return hosts


def _login(parts: SplitResult) -> dict[str, Any]:
    login = parts.netloc.rpartition("@")[0]
    user, _, password = login.partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}


def _cluster(settings: RedisSettings, url: str) -> RedisCluster:
    parts = urlsplit(url)
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in _hosts(parts, 6379)],
        max_connections=settings.connections,
        ssl=parts.scheme.startswith("rediss"),
        **_login(parts),
        **_common(settings),
    )


def _sentinel(settings: RedisSettings, url: str) -> Redis:
    parts = urlsplit(url)
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError(
            "redis.url: a Sentinel URL needs the service's name: redis+sentinel://host:26379/mymaster/0"
        )
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        _hosts(parts, 26379),
        sentinel_kwargs={"socket_timeout": settings.timeout, "socket_connect_timeout": settings.timeout},
        db=int(database or 0),
        ssl=parts.scheme.startswith("rediss"),
        max_connections=settings.connections,
        **_login(parts),
        **_common(settings),
    )
    master: Redis = sentinel.master_for(service)
    return master


class Store:
    """A Redis that may be away.

    While it is, requests learn so at once: one watcher asks whether it is back, not every request.
    """

    def __init__(self, client: Client, settings: RedisSettings, metrics: Metrics) -> None:
        self.client = client
        self._interval = settings.watch_interval
        self._bound = settings.timeout * (settings.retries + 2)
        self._metrics = metrics
        self._connected = False
        self._told = False

    @property
    def connected(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return self._connected

    async def run(self, command: Callable[[], Awaitable[Result]]) -> Result:
        """Run a command. Raises `CacheUnavailable`."""
        if not self._connected:
            raise CacheUnavailable("Redis is away")
        try:
            async with asyncio.timeout(self._bound):
                return await command()
        except ResponseError as error:  # it answers, but not this: read-only, out of memory
            raise CacheUnavailable(f"Redis refused: {error}") from error
        except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
            self._note(connected=False, error=type(error).__name__)
            raise CacheUnavailable(f"Redis is away: {type(error).__name__}") from error

    async def watch(self) -> None:
        """Look at Redis for as long as the process runs."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Ask Redis whether it is there."""
        try:
            async with asyncio.timeout(self._bound):
                await self.client.ping()
        except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
            self._note(connected=False, error=f"{type(error).__name__}: {error}")
        else:
            self._note(connected=True)

    def _note(self, *, connected: bool, error: str | None = None) -> None:
        self._metrics.redis_connected.set(connected)
        if connected != self._connected or not self._told:
            if connected:
                log.info("redis.connected")
            else:
                log.warning("redis.away", error=error, next="reads go to LCM; looked at again every second")
        self._told = True
        self._connected = connected

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()
