"""A Redis that is away, hangs, or comes back: what is asked of it, and what the store knows of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from store.store_servers import (
    ACCOUNT,
    AGENT,
    PrivateSentinel,
    bench,
    contact,
    impatient_store,
    reached,
    until,
)

from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRedis
from bridge.metrics import Metrics
from bridge.operations.model import Reserved
from bridge.ports import StoreUnavailable
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
    store, cache = impatient_store(redis_server.url)
    with pytest.raises(StoreUnavailable):
        await operation(cache)
    await store.close()


@EACH
async def test_every_operation_says_that_redis_is_away(operation: Operation) -> None:
    """Each raises `StoreUnavailable`, the first by trying, and the store then knows."""
    metrics = Metrics()
    async with PrivateRedis(appendonly=False) as server:
        store, cache = impatient_store(server.url, metrics)
        await reached(store)
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
        store, cache = impatient_store(url)
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
        store, cache = impatient_store(server.url)
        await reached(store)
        await cache.keep(AGENT, "manual", [contact()], asked=4e9, reserved=RESERVED)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(cache.holds(AGENT, ACCOUNT), 10)
        await store.look()
        away = not store.connected
        server.resume()
        await reached(store)

        assert away
        assert [contact()] == await cache.find(AGENT, RESERVED, age="any")
        await store.close()


async def test_a_burst_on_a_silent_redis_is_given_up_together() -> None:
    """Those who wait for a connection meanwhile learn it too, not one bound after the other."""
    async with PrivateRedis(appendonly=False) as server:
        store, cache = impatient_store(server.url, connections=2)
        await reached(store)
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
        store, cache = impatient_store(server.url, watch_interval=0.01)
        watcher = asyncio.create_task(store.watch(cache.settle))
        await until(lambda: store.connected)
        await server.kill()
        await until(lambda: not store.connected)
        await server.start()
        await until(lambda: store.connected)
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await store.close()


async def test_a_cluster_without_nodes_is_away() -> None:
    """A cluster none of whose nodes is there is away like any other Redis."""
    store, cache = impatient_store(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{free_port()}")
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
            store, cache = impatient_store(url)
            await store.look()
            with pytest.raises(StoreUnavailable):
                await cache.holds(AGENT, ACCOUNT)
            assert not store.connected
            await store.close()


async def test_a_wrong_password_is_away_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Redis that refuses the log-in cannot be used; the password stands nowhere."""
    async with PrivateRedis(appendonly=False, arguments=["--requirepass", "right"]) as server:
        store, cache = impatient_store(server.url.replace("redis://", "redis://:hunter2@"))
        await store.look()
        with pytest.raises(StoreUnavailable) as caught:
            await cache.holds(AGENT, ACCOUNT)
        await store.close()
        good, cache = impatient_store(server.url.replace("redis://", "redis://:right@"))
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


async def test_one_catch_up_does_not_starve_another(redis_server: PrivateRedis) -> None:
    """The watcher lets each write what it missed, whatever the one before it met."""
    ran: list[str] = []

    async def failing() -> None:
        ran.append("failing")
        raise StoreUnavailable("refused")

    async def second() -> None:
        ran.append("second")

    store, _ = impatient_store(redis_server.url, watch_interval=0.01)
    watcher = asyncio.create_task(store.watch(failing, second))
    await until(lambda: ran[:4] == ["failing", "second"] * 2)
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
    await store.close()
