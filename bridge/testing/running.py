"""The bridge that runs for a test suite, and how it is started and ended."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.client import BridgeClient
from bridge.declarations import read_directory
from bridge.demo.processes import tail
from bridge.demo.stage import set_stage
from bridge.operations.declared.operation import Declared
from bridge.operations.model import WIDEST
from bridge.operations.shipped import built_in, siblings
from bridge.simulator.methods import WIRE_NAMES
from bridge.testing.simulated import SimulatedLcm

SETTINGS: Mapping[str, str] = {
    # What one test made LCM do is not for the next one to meet: no contact is fresh in the cache, and the
    # breaker does not open. While LCM is away the cache still answers with an earlier contact, as stale.
    "BRIDGE_CONTACTS__FRESH_FOR": "0",
    "BRIDGE_BREAKER__MINIMUM_CALLS": "1000000",
    # On a Redis that was given, what is left behind goes by itself within a day.
    "BRIDGE_LEDGER__UNKNOWN_RETENTION": "86400",
    "BRIDGE_CONTACTS__MAX_AGE": "3600",
}
"""In which it differs from a bridge as it is installed."""

OPERATIONS = "BRIDGE_OPERATIONS__DIRECTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBridge:
    """Where it is. Its exchanges are ``<prefix>.requests`` and ``<prefix>.events``."""

    amqp_url: str
    redis_url: str
    prefix: str
    admin_url: str
    lcm: SimulatedLcm
    log_file: Path

    def client(self, *, name: str = "tests", timeout: float = 10.0, in_flight: int = 100) -> BridgeClient:
        """Return a client of it, for ``async with``."""
        return BridgeClient(
            self.amqp_url, prefix=self.prefix, name=name, timeout=timeout, in_flight=in_flight
        )

    def log(self, lines: int = 40) -> str:
        """Return the end of its log."""
        return tail(self.log_file, lines)


class _Silence:
    """pytest shows what it wants to show."""

    @contextmanager
    def step(self, text: str) -> Iterator[None]:  # noqa: ARG002 - said to nobody
        """Say nothing."""
        yield

    def say(self, text: str = "", style: str = "") -> None:
        """Say nothing."""


def operation_names(directory: str | None) -> Collection[str]:
    """Return the names that a test may say: those of operations, of LCM's methods, and of a site's own.

    Raises `bridge.operations.declared.reading.BadDeclaration` for what is wrong in the directory.
    """
    own = read_directory(Path(directory)) if directory else ()
    declared = [Declared(one, WIDEST) for one in (*built_in(), *siblings(), *own)]
    methods = {one.method for one in declared if one.calls_lcm}
    return {one.name for one in declared} | methods | set(WIRE_NAMES)


@contextmanager
def running_bridge(amqp_url: str, redis_url: str, settings: Mapping[str, str]) -> Iterator[RunningBridge]:
    """Run a bridge with its simulator for the length of a block. An empty URL means: a private server.

    Raises `bridge.demo.stage.StageFailed`, `bridge.demo.servers.ServerMissing` and `ServerFailed`.
    """
    own_operations = ("--operations", settings[OPERATIONS]) if OPERATIONS in settings else ()
    # A loop of its own, which is no test's: tests may have any, or none.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        try:
            stage = runner.run(
                set_stage(
                    stack,
                    _Silence(),
                    amqp_url,
                    redis_url,
                    name="lcm-test",
                    own_settings={**SETTINGS, **settings},
                    simulator_options=own_operations,
                )
            )
            yield RunningBridge(
                amqp_url=stage.amqp_url,
                redis_url=stage.redis_url,
                prefix=stage.prefix,
                admin_url=stage.admin_url,
                lcm=SimulatedLcm(stage.lcm_url, stage.control_url, operation_names(settings.get(OPERATIONS))),
                log_file=stage.bridge.log,
            )
        finally:
            runner.run(stack.aclose())
