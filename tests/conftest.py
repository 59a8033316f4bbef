"""What every test may ask for: a RabbitMQ and a Redis of our own, and an environment without settings."""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from support import permitted
from support.site import MakeSite, Site, open_site

from bridge.demo.installed import WHICH_RABBIT
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Options

RABBITS = {"rabbit", "own_rabbit", "secure_rabbit", "cluster", "site"}
"""The fixtures that are a RabbitMQ, or a site with one of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `rabbitmq` what asks for a RabbitMQ, however indirectly. What starts one says so itself."""
    for item in items:
        if isinstance(item, pytest.Function) and RABBITS & set(item.fixturenames):
            item.add_marker("rabbitmq")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let no test run a RabbitMQ that is not marked so: on RabbitMQ 4 it would be left out."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("rabbitmq") is None:
            patch.setenv(WHICH_RABBIT, "/without the marker rabbitmq")
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def environment_without_settings() -> Iterator[None]:
    """Take every BRIDGE_* variable out of the environment: a developer's settings change no test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("BRIDGE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
async def rabbit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateRabbit]:
    """One RabbitMQ for all tests, with the users of docs/security.md; use names of your own."""
    async with permitted.rabbit_with_users(tmp_path_factory.mktemp("rabbit") / "users") as server:
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
    """Build sites with settings (``BRIDGE_...``) and simulator options of one's own.

    Their workers and commands may do on RabbitMQ what docs/security.md says that they need, and no more.
    """
    url = permitted.url_for_sites(rabbit)
    async with AsyncExitStack() as stack:

        async def make(options: Options | None = None, *, ready: bool = True, **settings: str) -> Site:
            return await open_site(stack, url, redis_server.url, tmp_path, options, settings, ready=ready)

        yield make
