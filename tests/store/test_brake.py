"""The hand brake in Redis: what it says, and what stays known while Redis is away."""

import time
from collections.abc import AsyncIterator

import pytest
from support.site import name_of_letters

from bridge.demo.servers import PrivateRedis
from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.store.brake import Brake
from bridge.store.connection import Store, connect

AGENT, CAMPAIGN = "lcm.requests.agent", "lcm.requests.campaign"


def open_store(url: str) -> Store:
    """Make a store that gives up soon."""
    settings = RedisSettings.model_validate({"url": url, "timeout": 0.2, "retries": 0})
    return Store(connect(settings), settings, Metrics())


@pytest.fixture
async def store(redis_server: PrivateRedis) -> AsyncIterator[Store]:
    """Give a store that is connected."""
    store = open_store(redis_server.url)
    await store.look()
    yield store
    await store.close()


@pytest.fixture
async def store_away() -> AsyncIterator[Store]:
    """Give a store without a Redis."""
    store = open_store("redis://127.0.0.1:1/0")
    await store.look()
    yield store
    await store.close()


async def test_a_queue_is_paused_once(store: Store) -> None:
    """The second time tells since when; resumed, it can be paused anew."""
    brake = Brake(store, name_of_letters())
    before = time.time()

    assert await brake.pause(CAMPAIGN) is None
    since = (await brake.paused())[CAMPAIGN]
    assert before - 0.001 <= since <= time.time() + 0.001
    assert since == await brake.pause(CAMPAIGN)
    assert {CAMPAIGN: since} == await brake.paused()
    assert (True, False) == (await brake.resume(CAMPAIGN), await brake.resume(CAMPAIGN))
    assert {} == await brake.paused()
    assert await brake.pause(CAMPAIGN) is None


async def test_it_is_kept_in_a_hash_of_milliseconds(store: Store) -> None:
    """Another version, and a person with redis-cli, read and write the same."""
    prefix = name_of_letters()
    await store.client.hset(f"{prefix}:paused", AGENT, "1700000000500")

    brake = Brake(store, prefix)

    assert {AGENT: 1_700_000_000.5} == await brake.paused()
    assert 1_700_000_000.5 == await brake.pause(AGENT)


@pytest.mark.parametrize("since", ["", "today", "-1", "1" * 5000, "1.5", "\u0661"])
async def test_a_queue_is_paused_whatever_is_written_as_since(store: Store, since: str) -> None:
    """A person may have written it."""
    prefix = name_of_letters()
    await store.client.hset(f"{prefix}:paused", AGENT, since)

    assert {AGENT: 0.0} == await Brake(store, prefix).paused()


async def test_a_queue_of_any_name_can_be_shown(store: Store) -> None:
    """A person may have written one that is no UTF-8."""
    prefix = name_of_letters()
    await store.client.hset(f"{prefix}:paused", b"\xff", "1")

    assert {"\ufffd": 0.001} == await Brake(store, prefix).paused()


async def test_changes_are_told(store: Store) -> None:
    """The first look tells how things stand, the others only what is new."""
    told: list[frozenset[str]] = []
    brake = Brake(store, name_of_letters(), told.append)

    await brake.look()
    await brake.look()
    await brake.pause(AGENT)
    await brake.look()
    await brake.look()
    await brake.resume(AGENT)
    await brake.look()

    assert [frozenset(), frozenset({AGENT}), frozenset()] == told


async def test_without_redis_nothing_is_paused_at_first(store_away: Store) -> None:
    """Consumers wait for the first look, so it must say something."""
    told: list[frozenset[str]] = []
    brake = Brake(store_away, "lcm", told.append)

    await brake.look()
    await brake.look()

    assert [frozenset()] == told


async def test_what_was_known_stays_while_redis_is_away() -> None:
    """A pause outlives Redis's absence, and its end is noticed afterwards."""
    told: list[frozenset[str]] = []
    async with PrivateRedis() as server:
        store = open_store(server.url)
        await store.look()
        brake = Brake(store, "lcm", told.append)
        await brake.pause(AGENT)
        await brake.look()
        await server.kill()
        await brake.look()
        assert [frozenset({AGENT})] == told

        await server.start()
        await store.look()
        await brake.resume(AGENT)
        await brake.look()
        await store.close()

    assert [frozenset({AGENT}), frozenset()] == told


async def test_a_refusal_is_redis_away(store: Store) -> None:
    """A key of another kind under that name raises, and lets consumption begin."""
    prefix = name_of_letters()
    told: list[frozenset[str]] = []
    brake = Brake(store, prefix, told.append)
    await store.client.set(f"{prefix}:paused", "x")

    await brake.look()

    assert [frozenset()] == told
    with pytest.raises(StoreUnavailable):
        await brake.paused()


@pytest.mark.parametrize("operation", ["pause", "resume"])
async def test_every_method_says_that_redis_is_away(store_away: Store, operation: str) -> None:
    """With the one exception for it."""
    with pytest.raises(StoreUnavailable):
        await getattr(Brake(store_away, "lcm"), operation)(AGENT)
