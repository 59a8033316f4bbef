"""Sites of which the tests look at what is passed on, and at the spans."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from support.permitted import url_for_sites
from support.site import MakeSite, Site, open_site
from tracing.collector import Collector

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Options

PROMPT = {"OTEL_BSP_SCHEDULE_DELAY": "20"}
"""Milliseconds that spans wait for others to be exported with."""

QUICK = {"BRIDGE_RETRY__DELAYS": "[200, 60000]", "BRIDGE_RETRY__QUICK_WAIT": "0.001"}


@pytest.fixture
def make_traced(make_site: MakeSite) -> MakeSite:
    """Build sites with settings (``BRIDGE_...``, ``OTEL_...``) of one's own."""

    async def make(options: Options | None = None, *, ready: bool = True, **settings: str) -> Site:
        return await make_site(options, ready=ready, **(PROMPT | QUICK | settings))

    return make


@pytest.fixture(scope="session")
async def plain(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """One site without spans, for all tests."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("plain")
        yield await open_site(stack, url_for_sites(rabbit), redis_server.url, folder, None, QUICK, ready=True)


@pytest.fixture(scope="session")
async def collector() -> AsyncIterator[Collector]:
    """One collector that takes everything, for all tests."""
    async with Collector().running() as running:
        yield running


@pytest.fixture(scope="session")
async def traced(
    rabbit: PrivateRabbit,
    redis_server: PrivateRedis,
    tmp_path_factory: pytest.TempPathFactory,
    collector: Collector,
) -> AsyncIterator[Site]:
    """One site that sends its spans there, for all tests."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("traced")
        settings = PROMPT | QUICK | {"BRIDGE_TRACING__ENDPOINT": collector.url}
        yield await open_site(
            stack, url_for_sites(rabbit), redis_server.url, folder, None, settings, ready=True
        )
