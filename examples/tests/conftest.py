"""Bring the bridge into this test suite."""

pytest_plugins = ["bridge.testing"]
