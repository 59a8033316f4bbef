"""The ledger on: A single Redis."""

import pytest
from store.erasure_suite import ErasureSuite
from store.ledger_suite import LedgerSuite

from bridge.demo.servers import PrivateRedis


class TestSingleRedis(LedgerSuite, ErasureSuite):
    """A single Redis."""

    @pytest.fixture
    def redis_url(self, redis_server: PrivateRedis) -> str:
        """Give where the ledger connects."""
        return redis_server.url
