"""A connection to Redis for a command that needs it once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Settings
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """Connect for the length of a block, where Redis can be reached.

    What the block raises as `bridge.ports.StoreUnavailable` says why, to a person.
    """
    store = Store(connect(settings.redis), settings.redis, Metrics())
    try:
        await store.look()
        yield store
    except StoreUnavailable as error:
        raise StoreUnavailable(_why(store, error)) from error
    finally:
        await store.close()


def _why(store: Store, error: StoreUnavailable) -> str:
    if store.connected:  # it answers, and refuses this
        return str(error)
    return f"Redis does not let the bridge in: {store.refusal}" if store.refusal else "Redis does not answer"


def contact_cache(store: Store, settings: Settings) -> ContactStore:
    """Return the contact cache of the site."""
    zone = ZoneInfo(settings.lcm.timezone)
    return ContactStore(store, settings.contacts, prefix=settings.redis.prefix, zone=zone)
