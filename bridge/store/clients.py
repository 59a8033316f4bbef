"""redis-py's clients of a single node, of Sentinel and of Cluster, each with the current log-in and TLS."""

from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from bridge.credentials import Current
from bridge.settings import Redis as RedisSettings
from bridge.settingtypes import redis_places, split_redis_url
from bridge.store.away import AWAY
from bridge.store.login import (
    Authentication,
    Login,
    SecureConnection,
    SecureManagedConnection,
    options_of_clients,
)
from bridge.store.scripts import Client


def pool(settings: RedisSettings, current: Current[Login]) -> ConnectionPool:
    """Return the connections to a single node."""
    # What stands in the URL's query wins over ours, but for how a connection is secured.
    options = _pooled(settings) | options_of_clients(settings) | _secured(current, SecureConnection)
    return ConnectionPool(**options)


def _secured(
    current: Current[Login], kind: type[SecureConnection], *, of_sentinel: bool = False
) -> dict[str, Any]:
    secured: dict[str, Any] = {"credential_provider": Authentication(current, of_sentinel=of_sentinel)}
    if current.now.tls is not None:
        secured |= {"connection_class": kind, "current": current}
    return secured


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


def cluster(settings: RedisSettings, current: Current[Login]) -> RedisCluster:
    """Return a client of Redis Cluster."""
    secured = _secured(current, SecureConnection)
    places = redis_places(settings.url.get_secret_value())
    client = RedisCluster(
        startup_nodes=[ClusterNode(host, port or 6379) for host, port in places],
        credential_provider=secured.pop("credential_provider"),
        **_common(settings),
    )
    # It takes no class of connections, but the nodes that it finds later are made of what stands here.
    client.connection_kwargs.update(secured)
    for node in client.startup_nodes:
        node.connection_class = secured.get("connection_class", node.connection_class)
        node.connection_kwargs.update({name: one for name, one in secured.items() if name == "current"})
    return client


class _BehindSentinel(Redis):
    """A master that Sentinel knows. Closing it closes the connections to the Sentinels too."""

    @property
    def sentinels(self) -> list[Redis]:
        """The clients of the Sentinels."""
        found: list[Redis] = cast("SentinelConnectionPool", self.connection_pool).sentinel_manager.sentinels
        return found

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's own
        await super().aclose(close_connection_pool)
        for sentinel in self.sentinels:
            await sentinel.aclose()


def behind_sentinel(settings: RedisSettings, current: Current[Login]) -> Redis:
    """Return a client of the master that Sentinel knows."""
    url = settings.url.get_secret_value()
    service, _, database = split_redis_url(url).path.strip("/").partition("/")
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        [],
        db=int(database or 0),
        **_pooled(settings),
        **_secured(current, SecureManagedConnection),
    )
    # One that is down is passed over at once: the next one is the retry.
    options = {**_pooled(settings), "retry": Retry(NoBackoff(), 0)}
    options |= _secured(current, SecureConnection, of_sentinel=True)
    sentinel.sentinels = [
        Redis.from_pool(ConnectionPool(host=host, port=port or 26379, **options))
        for host, port in redis_places(url)
    ]
    master: Redis = sentinel.master_for(service, redis_class=_BehindSentinel)
    return master


async def reason(client: Client, error: BaseException) -> BaseException:
    """Return why no master was found: redis-py keeps of what each Sentinel raised no more than the type."""
    if isinstance(error, MasterNotFoundError) and isinstance(client, _BehindSentinel):
        for sentinel in client.sentinels:
            try:
                await sentinel.ping()
            except AWAY as found:
                return found
    return error
