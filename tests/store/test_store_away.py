"""A Redis that is away, comes back, answers no, or holds something else where a key is."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

import pytest
from redis.asyncio import Redis
from store.store_servers import ACCOUNT, AGENT, PrivateSentinel, bench, contact

from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRedis
from bridge.metrics import Metrics
from bridge.operations.model import Reserved
from bridge.ports import StoreUnavailable
from bridge.settings import Contacts
from bridge.settings import Redis as RedisSettings
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore

RESERVED = Reserved("manual", 1, "Yes")
OPERATIONS: dict[str, Callable[[ContactStore], Awaitable[Any]]] = {
    "find": lambda cache: cache.find(AGENT, RESERVED, age="any"),
    "keep": lambda cache: cache.keep(AGENT, "manual", [contact()], asked=4e9, reserved=RESERVED),
    "drop": lambda cache: cache.drop(AGENT, ACCOUNT),
    "holds": lambda cache: cache.holds(AGENT, ACCOUNT),
    "contents": lambda cache: cache.contents(AGENT),
    "erase": lambda cache: cache.erase(AGENT),
}
EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
Operation = Callable[[ContactStore], Awaitable[Any]]


def impatient(url: str, metrics: Metrics | None = None, **settings: Any) -> tuple[Store, ContactStore]:
    """Make a store that gives up soon."""
    redis = RedisSettings.model_validate({"url": url, "timeout": 0.1, "retries": 1, **settings})
    store = Store(connect(redis), redis, metrics or Metrics())
    return store, ContactStore(store, Contacts(), prefix="away", zone=UTC)


class Doorman:
    """Listens where Redis should be, counts who comes, and sends everyone away."""

    def __init__(self) -> None:
        self.count = 0

    @asynccontextmanager
    async def on_duty(self) -> AsyncIterator[str]:
        """Stand at the door for the length of a block; give its URL."""

        def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.count += 1
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


@EACH
async def test_nothing_is_promised_before_the_first_look(
    redis_server: PrivateRedis, operation: Operation
) -> None:
    """Until Redis has answered once it counts as away."""
    store, cache = impatient(redis_server.url)
    with pytest.raises(StoreUnavailable):
        await operation(cache)
    await store.close()


@EACH
async def test_every_operation_says_that_redis_is_away(operation: Operation) -> None:
    """Each raises `StoreUnavailable`, the first by trying, and the store then knows."""
    metrics = Metrics()
    async with PrivateRedis(appendonly=False) as server:
        store, cache = impatient(server.url, metrics)
        await store.look()
        assert 1 == metrics.registry.get_sample_value("lcm_bridge_redis_connected")
        await server.kill()
        with pytest.raises(StoreUnavailable):
            await operation(cache)

        assert not store.connected
        assert 0 == metrics.registry.get_sample_value("lcm_bridge_redis_connected")
        await store.close()


async def test_requests_do_not_knock_at_the_door_of_a_redis_that_is_away() -> None:
    """Only a look tries to connect; what is asked in between is refused at once."""
    doorman = Doorman()
    async with doorman.on_duty() as url:
        store, cache = impatient(url)
        await store.look()
        after_a_look = doorman.count
        for _ in range(10):
            for operation in OPERATIONS.values():
                with pytest.raises(StoreUnavailable):
                    await operation(cache)
        assert after_a_look == doorman.count
        await store.look()

        assert after_a_look < doorman.count
        await store.close()


async def test_a_silent_redis_is_given_up_and_taken_back() -> None:
    """It hangs: one request finds out within its bound. It answers again: a look finds out."""
    async with PrivateRedis(appendonly=False) as server:
        store, cache = impatient(server.url)
        await store.look()
        await cache.keep(AGENT, "manual", [contact()], asked=4e9, reserved=RESERVED)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(cache.holds(AGENT, ACCOUNT), 10)
        await store.look()
        away = store.connected
        server.resume()
        await store.look()

        assert (False, True) == (away, store.connected)
        assert [contact()] == await cache.find(AGENT, RESERVED, age="any")
        await store.close()


async def test_a_burst_on_a_silent_redis_is_given_up_together() -> None:
    """Those who wait for a connection meanwhile learn it too, not one bound after the other."""
    async with PrivateRedis(appendonly=False) as server:
        store, cache = impatient(server.url, connections=2)
        await store.look()
        server.pause()
        ends = await asyncio.wait_for(
            asyncio.gather(*[cache.holds(AGENT, ACCOUNT) for _ in range(100)], return_exceptions=True), 10
        )
        server.resume()

        assert {StoreUnavailable} == {type(end) for end in ends}
        await store.close()


async def test_a_restarted_redis_is_found_by_the_next_operation() -> None:
    """A restart between two operations costs a retry over a new connection, not an error."""
    async with PrivateRedis() as server, bench(server.url) as cache:
        await cache.keep(contact())
        await server.restart()

        assert [ACCOUNT] == await cache.accounts()
        await cache.keep(contact("2"), count=None)
        assert cache.store.connected


async def test_watching_goes_on() -> None:
    """The watcher notices that Redis went and that it came back, by itself."""
    async with PrivateRedis() as server:
        store, cache = impatient(server.url, watch_interval=0.01)
        watcher = asyncio.create_task(store.watch(cache.settle))
        for state, change in ((True, server.kill), (False, server.start), (True, None)):
            async with asyncio.timeout(10):
                while store.connected is not state:
                    await asyncio.sleep(0.01)
            if change is not None:
                await change()
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await store.close()


async def test_a_full_redis_refuses_to_keep_and_still_finds() -> None:
    """Out of memory with noeviction: writing is refused, reading goes on, and Redis is not away."""
    async with PrivateRedis(appendonly=False) as server, bench(server.url) as cache:
        await cache.keep(contact())
        async with Redis.from_url(server.url) as admin:
            await admin.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable, match="refused"):
            await cache.keep(contact("2"))

        assert [ACCOUNT] == await cache.accounts()
        assert cache.store.connected


async def test_a_read_only_redis_refuses_and_is_not_away() -> None:
    """A replica (a failover that is not over): keeping and dropping are refused, finding goes on."""
    async with PrivateRedis(appendonly=False) as server, bench(server.url) as cache:
        async with Redis.from_url(server.url) as admin:
            await admin.config_set("replica-serve-stale-data", "yes")
            await admin.replicaof("127.0.0.1", free_port())
            for refused in (cache.keep(contact()), cache.drop(ACCOUNT)):
                with pytest.raises(StoreUnavailable, match="refused"):
                    await refused
            assert [] == await cache.accounts()
            assert cache.store.connected
            await admin.replicaof("NO", "ONE")
        await cache.cache.settle()
        cache.clock.advance(1)  # LCM gives the contact again, later than the skip
        await cache.keep(contact())

        assert [ACCOUNT] == await cache.accounts()


@pytest.mark.parametrize("key", ["contacts:manual", "contacts:od", "skipped"])
async def test_something_else_at_a_key_is_survived_and_can_be_erased(
    redis_server: PrivateRedis, key: str
) -> None:
    """A string where a hash should be: the cache says that it cannot, Redis is not away, erasing heals."""
    async with bench(redis_server.url) as cache:
        await cache.store.client.set(f"{cache.prefix}:{{{AGENT}}}:{key}", "foreign", ex=1000)
        with pytest.raises(StoreUnavailable, match="refused"):
            await cache.drop(ACCOUNT)
        assert cache.store.connected
        assert 1 == await cache.cache.erase(AGENT)
        await cache.keep(contact())

        assert [ACCOUNT] == await cache.accounts()


async def test_a_cluster_without_nodes_is_away() -> None:
    """A cluster none of whose nodes is there is away like any other Redis."""
    store, cache = impatient(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{free_port()}")
    await store.look()
    with pytest.raises(StoreUnavailable):
        await cache.holds(AGENT, ACCOUNT)
    assert not store.connected
    await store.close()


async def test_a_sentinel_without_a_master_is_away(redis_server: PrivateRedis) -> None:
    """A service that the Sentinel does not know, and Sentinels that are not there."""
    async with PrivateSentinel(redis_server.port) as sentinel:
        for url in (
            f"redis+sentinel://127.0.0.1:{sentinel.port}/unknown",
            f"redis+sentinel://127.0.0.1:{free_port()}/mymaster",
        ):
            store, cache = impatient(url)
            await store.look()
            with pytest.raises(StoreUnavailable):
                await cache.holds(AGENT, ACCOUNT)
            assert not store.connected
            await store.close()


async def test_a_wrong_password_is_away_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Redis that refuses the log-in cannot be used; the password stands nowhere."""
    async with PrivateRedis(appendonly=False, arguments=["--requirepass", "right"]) as server:
        store, cache = impatient(server.url.replace("redis://", "redis://:hunter2@"))
        await store.look()
        with pytest.raises(StoreUnavailable) as caught:
            await cache.holds(AGENT, ACCOUNT)
        await store.close()
        good, cache = impatient(server.url.replace("redis://", "redis://:right@"))
        await good.look()

        assert not await cache.holds(AGENT, ACCOUNT)
        await good.close()
    assert "hunter2" not in str(caught.value) + capsys.readouterr().out


async def test_closing_leaves_no_connection() -> None:
    """After close the server sees none of our connections."""
    async with PrivateRedis(appendonly=False) as server, Redis.from_url(server.url) as admin:
        async with bench(server.url) as cache:
            await asyncio.gather(*[cache.cache.find(AGENT, RESERVED, age="any") for _ in range(20)])
            assert 1 < len(await admin.client_list())

        async with asyncio.timeout(10):
            while len(await admin.client_list()) > 1:
                await asyncio.sleep(0.01)


async def test_a_skip_while_redis_is_away_is_not_forgotten() -> None:
    """The process that skipped it offers the contact no more; settled, no other process does."""
    async with PrivateRedis() as server:
        store, cache = impatient(server.url)
        other_store, other = impatient(server.url)
        await store.look()
        await other_store.look()
        asked = time.time()
        await cache.keep(AGENT, "manual", [contact()], asked=asked, reserved=RESERVED)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)
        server.resume()
        await store.look()

        assert [] == await cache.find(AGENT, RESERVED, age="any")
        await cache.settle()
        await other.keep(AGENT, "manual", [contact()], asked=asked, reserved=RESERVED)
        assert [] == await other.find(AGENT, RESERVED, age="any")
        await store.close()
        await other_store.close()


async def test_a_contact_reserved_again_after_its_skip_is_offered() -> None:
    """What LCM gave later than the skip is no longer the contact that was skipped."""
    async with PrivateRedis() as server:
        store, cache = impatient(server.url)
        await store.look()
        server.pause()
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)
        server.resume()
        await store.look()

        await cache.keep(AGENT, "manual", [contact()], asked=time.time() + 1, reserved=RESERVED)

        assert [contact()] == await cache.find(AGENT, RESERVED, age="any")
        await store.close()


async def test_skips_that_are_owed_are_settled_without_a_reader() -> None:
    """What the watcher of Redis calls drops them all."""
    async with PrivateRedis() as server:
        store, cache = impatient(server.url)
        await store.look()
        await cache.keep(AGENT, "manual", [contact()], asked=time.time(), reserved=RESERVED)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await cache.drop(AGENT, ACCOUNT)
        server.resume()
        await store.look()

        await cache.settle()

        assert 0 == await store.client.hlen(f"away:{{{AGENT}}}:contacts:manual")
        await store.close()


async def test_skips_and_the_watcher_do_not_meet_badly(redis_server: PrivateRedis) -> None:
    """Many contacts are skipped while the watcher settles what it takes for owed."""
    store, cache = impatient(redis_server.url, timeout=5)
    await store.look()
    skips = [asyncio.create_task(cache.drop(AGENT, str(number))) for number in range(200)]

    while not all(skip.done() for skip in skips):
        await cache.settle()
        await asyncio.sleep(0)

    await asyncio.gather(*skips)
    assert 200 == await store.client.zcard(f"away:{{{AGENT}}}:skipped")
    assert 1 == await cache.erase(AGENT)
    await store.close()
