"""What every test may ask for: a RabbitMQ and a Redis of our own, and an environment without settings."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.demo.servers import PrivateRabbit, PrivateRedis


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
