"""The connection to Redis, and the knowledge of whether it answers.

A single node (``redis://``, ``rediss://``), Sentinel (``redis+sentinel://host:port,.../service/db``)
or Cluster (``redis+cluster://host:port,...``).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ResponseError

from bridge.credentials import Current
from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.settingtypes import split_redis_url
from bridge.store.away import AWAY, reset_as_error
from bridge.store.clients import behind_sentinel, cluster, pool, reason
from bridge.store.cluster import send_to_cluster
from bridge.store.login import Login, login, why_refused
from bridge.store.round_trips import RoundTripFailed, RoundTrips
from bridge.store.scripts import Call, Client, Words

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def connect(settings: RedisSettings, current: Current[Login] | None = None) -> Client:
    """Build the client; nothing is connected yet.

    ``current`` knows the log-in; without it that is what the settings say. Raises OSError (also
    ssl.SSLError) for certificate files that cannot be loaded.
    """
    current = current or Current(login(settings))
    kind = split_redis_url(settings.url.get_secret_value()).scheme.partition("+")[2]
    if kind == "cluster":
        return cluster(settings, current)
    if kind == "sentinel":
        return behind_sentinel(settings, current)
    # The client owns the pool: closing it closes the connections.
    return Redis.from_pool(pool(settings, current))


def try_url(settings: RedisSettings) -> None:
    """Build one connection to a single node without connecting it.

    Raises ValueError, without what the query holds, for one that redis-py cannot use.
    """
    try:
        pool(settings, Current(login(settings))).make_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    except Exception as error:  # redis-py raises whatever the value leads to
        unknown = re.search(r"unexpected keyword argument '([a-z_]+)'", str(error))
        problem = f"does not know {unknown[1]}" if unknown else f"cannot use it ({type(error).__name__})"
        raise ValueError(f"the query after ? is wrong: redis-py {problem}") from error


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

    def __init__(
        self,
        client: Client,
        settings: RedisSettings,
        metrics: Metrics,
        current: Current[Login] | None = None,
    ) -> None:
        """Take a client, and ``current`` which knows its log-in: looked at while Redis is away."""
        self.client = client
        self._current = current
        self._sentinel = "+sentinel" in split_redis_url(settings.url.get_secret_value()).scheme
        # A pool that is full fails at once, which is no sign that Redis is away: wait before it.
        self._slots = asyncio.Semaphore(settings.connections)
        self._interval = settings.watch_interval
        self._bound = settings.timeout * (settings.retries + 2)
        self._metrics = metrics
        self._connected = asyncio.Event()
        self._told = False
        self._refusal = ""
        self._round_trips: dict[Words | None, RoundTrips] = {}

    @property
    def connected(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return self._connected.is_set()

    @property
    def refusal(self) -> str:
        """Why Redis did not let the bridge in when it was last asked; empty where it did, or was away."""
        return self._refusal

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
        self._note(connected=False, error=error)
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
        if self._current is not None and not self.connected:
            await self._current.look()
        try:
            async with asyncio.timeout(self._bound):
                with reset_as_error():
                    await self.client.ping()
        except AWAY as error:
            await self._note_away(error)
        else:
            self._note(connected=True)

    async def _note_away(self, error: BaseException) -> None:
        try:
            async with asyncio.timeout(self._bound):
                error = await reason(self.client, error)
        except TimeoutError:
            pass  # then it is what it is
        self._note(connected=False, error=error)

    def _note(self, *, connected: bool, error: BaseException | None = None) -> None:
        self._metrics.redis_connected.set(connected)
        why = why_refused(error, sentinel=self._sentinel) if error is not None else None
        found = why.found if why else ""
        # It may first be away, and then be back and refuse: that must be told too, but once.
        if connected != self.connected or not self._told or (found and found != self._refusal):
            if connected:
                log.info("redis.connected")
            else:
                advice = f"{why.advice}; " if why else ""
                log.warning(
                    "redis.away",
                    error=found or f"{type(error).__name__}: {error}",
                    next=f"{advice}reads go to LCM; looked at again every {self._interval:g} s",
                )
        self._refusal = "" if connected else found or self._refusal
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
