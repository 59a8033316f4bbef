"""The ledger on: A Redis Cluster."""

import pytest
from store.erasure_suite import ErasureSuite
from store.ledger_suite import LedgerSuite
from store.settling_suite import SettlingSuite


class TestRedisCluster(LedgerSuite, SettlingSuite, ErasureSuite):
    """A Redis Cluster."""

    @pytest.fixture
    def redis_url(self, cluster_url: str) -> str:
        """Give where the ledger connects."""
        return cluster_url
