"""The ledger on: A Redis behind Sentinel."""

import pytest
from store.ledger_suite import LedgerBasics


class TestRedisSentinel(LedgerBasics):
    """A Redis behind Sentinel."""

    @pytest.fixture
    def redis_url(self, sentinel_url: str) -> str:
        """Give where the ledger connects."""
        return sentinel_url
