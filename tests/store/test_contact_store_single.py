"""The contact store on: A single Redis."""

import pytest
from store.contact_store_limits import ContactStoreLimits
from store.contact_store_suite import ContactStoreSuite

from bridge.demo.servers import PrivateRedis


class TestSingleRedis(ContactStoreSuite, ContactStoreLimits):
    """A single Redis."""

    @pytest.fixture
    def redis_url(self, redis_server: PrivateRedis) -> str:
        """Give where the store connects."""
        return redis_server.url
