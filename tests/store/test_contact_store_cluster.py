"""The contact store on: A Redis Cluster."""

import pytest
from store.contact_store_limits import ContactStoreLimits
from store.contact_store_suite import ContactStoreSuite


class TestRedisCluster(ContactStoreSuite, ContactStoreLimits):
    """A Redis Cluster."""

    @pytest.fixture
    def redis_url(self, cluster_url: str) -> str:
        """Give where the store connects."""
        return cluster_url
