"""A site whose worker serves the contract, for the checks that look at it from outside."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from support.site import Site, open_site

from bridge.asyncapi import document
from bridge.configuration import catalogue
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.page.contract import Contract
from bridge.settings import Settings


@pytest.fixture(scope="session")
async def site(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Run a worker with all servers that it needs."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("site")
        yield await open_site(stack, rabbit.url, redis_server.url, folder, None, {}, ready=True)


@pytest.fixture(scope="session")
def contract(site: Site) -> Contract:
    """Return what the page of this worker is made from."""
    settings = Settings.model_validate({"amqp": {"prefix": site.prefix}})
    return Contract(document(catalogue(settings), settings))
