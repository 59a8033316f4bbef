"""A connection to Redis for a command that needs it once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """Connect for the length of a block, where Redis can be reached."""
    store = Store(connect(settings.redis), settings.redis, Metrics())
    try:
        await store.look()
        yield store
    finally:
        await store.close()


def contact_cache(store: Store, settings: Settings) -> ContactStore:
    """Return the contact cache of the site."""
    zone = ZoneInfo(settings.lcm.timezone)
    return ContactStore(store, settings.contacts, prefix=settings.redis.prefix, zone=zone)
