"""The contact store on: A Redis behind Sentinel."""

import pytest
from store.contact_store_suite import ContactStoreBasics


class TestRedisSentinel(ContactStoreBasics):
    """A Redis behind Sentinel."""

    @pytest.fixture
    def redis_url(self, sentinel_url: str) -> str:
        """Give where the store connects."""
        return sentinel_url
