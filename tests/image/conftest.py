"""The image under test, and a worker of it that serves."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from image.engine import Container, Engine
from support.site import name_of_letters

from bridge import __version__
from bridge.demo.containers import find_engine
from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRabbit, PrivateRedis

STATE = "import sys, urllib.request as get; get.urlopen(sys.argv[1], timeout=3).close()"


@pytest.fixture(scope="session")
async def engine() -> Engine:
    """Choose the engine of ``ENGINE``, else the one that answers, and the image of ``IMAGE``."""
    program = os.environ.get("ENGINE") or find_engine()
    assert program, "neither docker nor podman answers"
    image = os.environ.get("IMAGE") or f"lcm-bridge:{__version__}"
    # It may go by the name of docker.
    version = await Engine(program, image, is_podman=False).call("--version")
    return Engine(program, image, is_podman=version.output.startswith("podman"))


@pytest.fixture(scope="session")
async def settings(
    engine: Engine, rabbit: PrivateRabbit, redis_server: PrivateRedis
) -> AsyncIterator[dict[str, str]]:
    """Make up a site whose LCM is the simulator in a container of the same image."""
    prefix = name_of_letters()
    port = free_port()
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(engine.running("simulator", f"--port={port}"))
        await simulator.until_done("python", "-c", STATE, f"http://127.0.0.1:{port}/control/state")
        yield {
            "BRIDGE_AMQP__URL": rabbit.url,
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": redis_server.url,
            "BRIDGE_REDIS__PREFIX": prefix,
            "BRIDGE_LCM__BASE_URL": f"http://127.0.0.1:{port}/lcm",
            "BRIDGE_ADMIN__HOST": "127.0.0.1",
        }


@pytest.fixture(scope="session")
async def worker(engine: Engine, settings: dict[str, str]) -> AsyncIterator[Container]:
    """Run one worker for all tests that leave it running."""
    async with engine.running(settings=settings | {"BRIDGE_ADMIN__PORT": str(free_port())}) as container:
        await container.until_done("python", "-m", "bridge", "healthcheck", "--ready")
        yield container
