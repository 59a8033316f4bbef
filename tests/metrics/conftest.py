"""A site of the metrics' own: what others ask of a worker would stand on its page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from metrics.stranger import under_attack
from support.permitted import url_for_sites
from support.site import Site, open_site
from support.worker import BOUND

from bridge.demo.servers import PrivateRabbit, PrivateRedis


@pytest.fixture(scope="session")
async def started(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Site, str]]:
    """Run a site; with it comes what it showed before any request, once it had looked at its queues."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("site")
        site = await open_site(stack, url_for_sites(rabbit), redis_server.url, folder, None, {}, ready=True)
        last = f'lcm_bridge_requests_held{{queue="{site.prefix}.requests.campaign"}}'
        async with asyncio.timeout(BOUND):
            while last not in (page := (await site.worker.get("/metrics"))[1]):
                await asyncio.sleep(0.02)
        yield site, page


@pytest.fixture(scope="session")
def site(started: tuple[Site, str]) -> Site:
    """Return the one site for all tests here."""
    return started[0]


@pytest.fixture(scope="session")
def first_page(started: tuple[Site, str]) -> str:
    """Return what its worker showed before any request."""
    return started[1]


@pytest.fixture(scope="session")
async def last_page(site: Site, first_page: str) -> str:
    """Return what it showed after a stranger had sent whatever he liked, and LCM had failed in every way."""
    return await under_attack(site, first_page)
