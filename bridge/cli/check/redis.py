"""What is checked of Redis: reached as the worker reaches it, with its time-outs and log-in."""

import time
from functools import partial
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import BusyLoadingError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bridge.cli.check import redis_commands
from bridge.cli.check.finding import (
    Finding,
    Test,
    beside,
    clock,
    failed,
    ok,
    round_trips,
    timed,
    warning,
)
from bridge.cli.display import moment
from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.settings import Settings
from bridge.settingtypes import redis_places, split_redis_url
from bridge.store.away import AWAY, reset_as_error
from bridge.store.brake import Brake
from bridge.store.clients import reason
from bridge.store.connection import Store, connect
from bridge.store.durability import weaknesses
from bridge.store.login import why_refused
from bridge.store.scripts import Client

NEARLY_FULL: Final = 0.8
"""Share of ``maxmemory`` from which Redis is warned of."""

_PINGS: Final = 10

_AWAY: Final = "Redis went away, or hangs: see its log"

Infos = dict[str, dict[str, Any]]
"""What each primary answers to INFO, by its name; the name of a single one is empty."""


async def check(settings: Settings, seconds: float) -> list[Finding]:
    """Return what was found within so many seconds."""
    client = connect(settings.redis)
    store = Store(client, settings.redis, Metrics())
    try:
        found = await beside({"connection": lambda: _connection(client, settings.redis)}, seconds / 2, _AWAY)
        if any(one.state == "failed" for one in found):
            return found
        await store.look()
        tests: dict[str, Test] = {
            "round trip": lambda: _round_trip(client, settings.redis),
            "node": lambda: _nodes(client, settings),
            "commands": lambda: redis_commands.commands(store, settings.redis),
            "ledger": lambda: redis_commands.claiming(store, settings),
            "clock": lambda: _clocks(client),
            "paused": lambda: _paused(store, settings.redis.prefix),
        }
        lost = (*AWAY, StoreUnavailable)
        return found + await beside(
            {name: partial(_without_resets, test) for name, test in tests.items()}, seconds / 2, _AWAY, lost
        )
    finally:
        await store.close()


async def _without_resets(test: Test) -> list[Finding]:
    with reset_as_error():
        return await test()


async def _connection(client: Client, settings: RedisSettings) -> list[Finding]:
    started = time.monotonic()
    try:
        with reset_as_error():
            await client.ping()
    except AWAY as error:
        found, advice = _why(await reason(client, error), settings)
        return [failed("connection", found, advice)]
    url = settings.url.get_secret_value()
    tls = "TLS" if split_redis_url(url).scheme.startswith("rediss") else "no TLS"
    return [timed(ok("connection", f"{_place(client, url)}, {tls}"), time.monotonic() - started)]


def _place(client: Client, url: str) -> str:
    if isinstance(client, RedisCluster):
        return f"Redis Cluster with {len(client.get_primaries())} primaries"
    if isinstance(pool := client.connection_pool, SentinelConnectionPool):
        return f"{pool.service_name} by Sentinel, now at {pool.master_address}"
    [(host, port)] = redis_places(url)
    return f"a single node, {host}:{port or 6379}"


def _why(error: BaseException, settings: RedisSettings) -> tuple[str, str]:
    """Say why it could not be reached, and what to do."""
    said = f"{type(error).__name__}: {error}"
    if known := why_refused(error, sentinel="+sentinel" in settings.url.get_secret_value()):
        return known
    if isinstance(error, BusyLoadingError):
        return "it is loading its data", "wait; workers hold side effects until it is done"
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return (
            f"no answer within redis.timeout, {settings.timeout:g} s ({error})",
            "a firewall or network policy, a port that is not Redis's, or a Redis that hangs or is far away",
        )
    if isinstance(error, ResponseError):
        return (
            f"it refuses: {error}",
            "see redis.url: the user, the number of the database, and the kind of Redis",
        )
    return said, "is Redis running, and redis.url (BRIDGE_REDIS__URL) right: the host, the port, TLS or not?"


async def _round_trip(client: Client, settings: RedisSettings) -> list[Finding]:
    trips = await round_trips(client.ping, _PINGS)
    told = ok("round trip", trips.found)
    if trips.worst > settings.timeout / 2:
        advice = f"redis.timeout is {settings.timeout:g} s: raise it, or run Redis nearer or with more CPU"
        told = warning("round trip", trips.found, advice)
    return [timed(told, trips.median)]


async def _nodes(client: Client, settings: Settings) -> list[Finding]:
    """Look at what each primary says of itself."""
    try:
        infos: Infos = (
            {node.name: await client.info(target_nodes=node) for node in client.get_primaries()}
            if isinstance(client, RedisCluster)
            else {"": await client.info()}
        )
    except ResponseError as error:
        found = f"whether Redis keeps what it confirmed could not be looked at: {error}"
        advice = "let the user run INFO, or see to it yourself: appendonly yes, maxmemory-policy noeviction"
        return [warning("durability", found, advice)]
    states = [_node(name, info) for name, info in infos.items()]
    states += [_memory(name, info) for name, info in infos.items()]
    weak = [
        warning("durability", weakness.found, weakness.advice, subject=name)
        for name, info in infos.items()
        for weakness in weaknesses(info, settings.ledger.wait_replicas)
    ]
    return states + (weak or [ok("durability", "Redis keeps what it confirmed")])


def _node(name: str, info: dict[str, Any]) -> Finding:
    product = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = info.get("valkey_version") or info.get("redis_version", "of an unknown version")
    role = {"master": "primary", "slave": "replica"}.get(info.get("role", ""), "of an unknown role")
    found = f"{product} {version}, {role}, {info.get('connected_slaves', 0)} replicas"
    if role == "replica":
        return failed(
            "node",
            f"{found}: it takes no writes",
            "point redis.url at the primary, or use redis+sentinel://",
            subject=name,
        )
    return ok("node", found, subject=name)


def _memory(name: str, info: dict[str, Any]) -> Finding:
    used, most = info.get("used_memory", 0), info.get("maxmemory", 0)
    limit = f"of {info.get('maxmemory_human', most)}" if most else "without a limit"
    found = f"{info.get('used_memory_human', used)} used {limit}"
    if most and used >= most * NEARLY_FULL:
        advice = "when it is full, no side effect can be claimed: raise maxmemory, or lower ledger.retention"
        return warning("memory", found, advice, subject=name)
    return ok("memory", found, subject=name)


async def _clocks(client: Client) -> list[Finding]:
    if isinstance(client, RedisCluster):
        return [await _clock(client, node.name, target_nodes=node) for node in client.get_primaries()]
    return [await _clock(client, "")]


async def _clock(client: Client, name: str, **where: Any) -> Finding:  # noqa: ANN401 - redis-py's own
    before = time.time()
    try:
        seconds, micros = await client.time(**where)
    except ResponseError as error:
        return warning("clock", f"not told: {error}", "let the user run TIME", subject=name)
    skew = seconds + micros / 1e6 - (before + time.time()) / 2
    matters = "contacts leave the cache too early or too late"
    return clock(skew, "the clock of Redis", matters, subject=name)


async def _paused(store: Store, prefix: str) -> list[Finding]:
    paused = await Brake(store, prefix).paused()
    return [
        warning(
            "paused",
            f"by hand since {moment(since)}: it is not consumed",
            f"when LCM's maintenance is over: lcm-bridge resume {queue}",
            subject=queue,
        )
        for queue, since in paused.items()
    ] or [ok("paused", "no queue is paused by hand")]
