"""A Redis that is there and refuses what the contact store asks, or holds something else where a key is."""

import pytest
from redis.asyncio import Redis
from store.store_servers import ACCOUNT, AGENT, bench, contact

from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRedis
from bridge.ports import StoreUnavailable


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
