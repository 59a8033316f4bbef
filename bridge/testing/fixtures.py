"""The fixtures, and where the servers are that they use."""

import os
from collections.abc import Generator, Iterator, Mapping

import pytest

from bridge.demo.servers import ServerFailed, ServerMissing
from bridge.demo.stage import StageFailed
from bridge.testing.running import RunningBridge, running_bridge
from bridge.testing.simulated import SimulatedLcm

SERVERS = {"amqp": "RabbitMQ", "redis": "Redis"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the servers' URLs, as options or in the ini file."""
    group = parser.getgroup("lcm-bridge")
    for short, server in SERVERS.items():
        said = f"{server} for the bridge that runs for the tests; default a private one"
        group.addoption(f"--lcm-bridge-{short}-url", default=None, metavar="URL", help=said)
        parser.addini(f"lcm_bridge_{short}_url", said, default="")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of the bridge's log to what is reported of a test that failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("lcm_bridge")
    if report.failed and isinstance(running, RunningBridge):
        report.sections.append(("the end of the bridge's log", running.log()))
    return report


def _url(config: pytest.Config, short: str) -> str:
    """Return the URL that the command line, the environment or the ini file gives, in this order."""
    name = f"lcm_bridge_{short}_url"
    return str(config.getoption(name) or os.environ.get(name.upper()) or config.getini(name))


@pytest.fixture(scope="session")
def lcm_bridge_settings() -> Mapping[str, str]:
    """Return further settings of the bridge, ``BRIDGE_...``: for a conftest.py to override."""
    return {}


@pytest.fixture(scope="session")
def lcm_bridge(
    pytestconfig: pytest.Config, lcm_bridge_settings: Mapping[str, str]
) -> Iterator[RunningBridge]:
    """Run the bridge with a simulated LCM, for the session, under names that nobody else has."""
    amqp_url, redis_url = (_url(pytestconfig, short) for short in SERVERS)
    try:
        with running_bridge(amqp_url, redis_url, lcm_bridge_settings) as running:
            yield running
            return
    except ServerMissing as error:
        problem = f"{error}; or name a server: --lcm-bridge-amqp-url, --lcm-bridge-redis-url"
    except (ServerFailed, StageFailed) as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)


@pytest.fixture
def lcm(lcm_bridge: RunningBridge) -> SimulatedLcm:
    """Return the simulated LCM, as it is at the start."""
    lcm_bridge.lcm.reset()
    return lcm_bridge.lcm
