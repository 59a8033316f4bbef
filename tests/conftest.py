"""What every test may ask for: a RabbitMQ and a Redis of our own, and an environment without settings."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.site import MakeSite, Site, open_site

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Options


@pytest.fixture(scope="session", autouse=True)
def environment_without_settings() -> Iterator[None]:
    """Take every BRIDGE_* variable out of the environment: a developer's settings change no test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("BRIDGE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
async def rabbit() -> AsyncIterator[PrivateRabbit]:
    """One RabbitMQ for all tests: use names of your own, and leave it running."""
    async with PrivateRabbit() as server:
        yield server


@pytest.fixture(scope="session")
async def redis_server() -> AsyncIterator[PrivateRedis]:
    """One Redis for all tests: use a key prefix of your own, and leave it running."""
    async with PrivateRedis() as server:
        yield server


@pytest.fixture
async def make_site(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path
) -> AsyncIterator[MakeSite]:
    """Build sites with settings (``BRIDGE_...``) and simulator options of one's own."""
    async with AsyncExitStack() as stack:

        async def make(options: Options | None = None, *, ready: bool = True, **settings: str) -> Site:
            return await open_site(
                stack, rabbit.url, redis_server.url, tmp_path, options, settings, ready=ready
            )

        yield make
