"""`bridge.testing` in a test suite of somebody else's: that of examples/, and that of docs/testing.md."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from support.command import Ended, run_program

from bridge.demo.servers import PrivateRabbit, PrivateRedis

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"
EXAMPLE = ROOT / "examples" / "tests"
BOUND = 120.0


async def run_suite(folder: Path, *options: str, **environment: str) -> Ended:
    """Run pytest in a folder, as its owner does."""
    return await run_program(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options),
        environment={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        folder=folder,
        bound=BOUND,
    )


async def test_the_example_suite(rabbit: PrivateRabbit, redis_server: PrivateRedis) -> None:
    """It passes on servers that are given as options, and leaves nothing behind on the broker."""
    before = await rabbit.ctl("list_queues", "name")
    ended = await run_suite(
        EXAMPLE, f"--lcm-bridge-amqp-url={rabbit.url}", f"--lcm-bridge-redis-url={redis_server.url}"
    )

    assert 0 == ended.code, ended.output + ended.errors
    assert "4 passed" in ended.output
    assert before == await rabbit.ctl("list_queues", "name")
    assert "lcm-test" not in await rabbit.ctl("list_exchanges", "name")


async def test_the_examples_of_the_page(
    tmp_path: Path, rabbit: PrivateRabbit, redis_server: PrivateRedis
) -> None:
    """The page's conftest.py, with the settings that it shows, and its tests pass."""
    plugins, tests, settings = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "conftest.py").write_text(settings + plugins, encoding="utf-8")
    (tmp_path / "test_of_the_page.py").write_text(tests + SIBLING, encoding="utf-8")
    shutil.copy(EXAMPLE / "pytest.ini", tmp_path)

    ended = await run_suite(tmp_path, LCM_BRIDGE_AMQP_URL=rabbit.url, LCM_BRIDGE_REDIS_URL=redis_server.url)

    assert 0 == ended.code, ended.output + ended.errors
    assert "3 passed" in ended.output


SIBLING = """

async def test_a_sibling_is_on(lcm_bridge, lcm):
    async with lcm_bridge.client() as client:
        assert (await client.request("GetAgentCallCount", {"UserID": "agent1"})).response
"""


async def test_a_server_that_is_not_there(redis_server: PrivateRedis) -> None:
    """The tests fail, and say which."""
    ended = await run_suite(
        EXAMPLE,
        "--lcm-bridge-amqp-url=amqp://guest:guest@127.0.0.1:1/",
        f"--lcm-bridge-redis-url={redis_server.url}",
    )

    assert 1 == ended.code
    assert "the RabbitMQ that was given cannot be used" in ended.output


async def test_no_server_at_all() -> None:
    """Where none is given and none can be started, the tests fail and say what to do."""
    ended = await run_suite(EXAMPLE, PRIVATE_RABBITMQ="/nowhere")

    assert 1 == ended.code
    assert "--lcm-bridge-amqp-url" in ended.output


@pytest.mark.rabbitmq
async def test_private_servers() -> None:
    """Where none is given, private ones are started, and end with the session."""
    ended = await run_suite(EXAMPLE, "-k", "added_once")

    assert 0 == ended.code, ended.output + ended.errors


async def test_what_the_bridge_logged_is_in_the_report(
    tmp_path: Path, rabbit: PrivateRabbit, redis_server: PrivateRedis
) -> None:
    """Of a test that fails, since the file is gone with the session."""
    shutil.copy(EXAMPLE / "conftest.py", tmp_path)
    (tmp_path / "test_failing.py").write_text("def test(lcm):\n    assert lcm.calls()\n", encoding="utf-8")

    ended = await run_suite(tmp_path, LCM_BRIDGE_AMQP_URL=rabbit.url, LCM_BRIDGE_REDIS_URL=redis_server.url)

    assert 1 == ended.code
    assert "the end of the bridge's log" in ended.output
    assert '"event":' in ended.output
