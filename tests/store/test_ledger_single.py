"""The ledger on: A single Redis."""

import pytest
from redis.asyncio import Redis
from store.erasure_suite import NUMBER, ErasureSuite, fill
from store.ledger_bench import ledger_bench
from store.ledger_suite import LedgerSuite
from store.settling_suite import SettlingSuite

from bridge.demo.servers import PrivateRedis
from bridge.mentions import Mention
from bridge.ports import StoreUnavailable
from bridge.store.erasure import Erasure


class TestSingleRedis(LedgerSuite, SettlingSuite, ErasureSuite):
    """A single Redis."""

    @pytest.fixture
    def redis_url(self, redis_server: PrivateRedis) -> str:
        """Give where the ledger connects."""
        return redis_server.url

    @pytest.mark.parametrize("command", ["hget", "hgetall", "scan"])
    async def test_what_may_not_be_read_is_not_said_to_be_erased(self, redis_url: str, command: str) -> None:
        """A user of Redis who lacks a permission is told so."""
        user = f"no-{command}"
        async with Redis.from_url(redis_url) as admin, ledger_bench(redis_url) as bench:
            await fill(bench)
            await admin.acl_setuser(
                user, enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=[f"-{command}"]
            )
            url = redis_url.replace("redis://", f"redis://{user}:any@")
            async with ledger_bench(url, bench.prefix) as limited:
                erasure = Erasure(limited.store, limited.contacts, prefix=bench.prefix)
                with pytest.raises(StoreUnavailable):
                    await erasure.erase(Mention(NUMBER))
