"""A pytest plugin: the real bridge between RabbitMQ and a simulated LCM, for a publisher's own tests.

    pytest_plugins = ["bridge.testing"]     # in the conftest.py at the root of the tests

It is no entry point: that would load it into every test suite beside which lcm-bridge happens to be
installed. See docs/testing.md.
"""

from bridge.testing.fixtures import (
    lcm,
    lcm_bridge,
    lcm_bridge_settings,
    pytest_addoption,
    pytest_runtest_makereport,
)
from bridge.testing.running import RunningBridge
from bridge.testing.simulated import SimulatedLcm

__all__ = [
    "RunningBridge",
    "SimulatedLcm",
    "lcm",
    "lcm_bridge",
    "lcm_bridge_settings",
    "pytest_addoption",
    "pytest_runtest_makereport",
]
