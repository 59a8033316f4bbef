"""A site of its own: RabbitMQ, Redis, LCM, two workers under light load, and a Prometheus that looks on.

Time passes faster: what production counts in minutes takes seconds, see `monitoring.compression`.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml
from chaos.proxy import Proxy
from support.dashboard_file import Line
from support.light_load import LightLoad
from support.permitted import rabbit_with_users
from support.site import name_of_letters
from support.worker import Worker, running

from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Options, Simulator
from monitoring.compression import compress_expression, compress_rules
from monitoring.server import PROGRAM, Pace, Prometheus, Target, available

ROOT = Path(__file__).parents[2]
RULES = ROOT / "helm/lcm-bridge/rules/lcm-bridge.yaml"

needs_prometheus = pytest.mark.skipif(
    not available(), reason=f"{PROGRAM} is not installed: scripts/setup.sh --tests"
)

FASTER = 60.0
"""A minute takes a second."""
JOB, NAMESPACE = "lcm-bridge", "contact-centre"
WORKERS = 2
RATE = 25.0
"""Requests per second."""
BOUND = 45.0
"""Seconds that a test waits for what takes a few: windows have to fill and to empty."""

SETTINGS: Mapping[str, str] = {
    "BRIDGE_AMQP__RECONNECT_WAIT": "0.1",
    "BRIDGE_AMQP__RECONNECT_WAIT_MAX": "0.3",
    "BRIDGE_AMQP__DEPTH_INTERVAL": "0.5",
    "BRIDGE_AMQP__HEARTBEAT": "3",
    "BRIDGE_AMQP__AGENT_PREFETCH": "20",
    "BRIDGE_AMQP__MAX_LENGTH": "1000",
    "BRIDGE_REDIS__WATCH_INTERVAL": "0.2",
    "BRIDGE_LCM__TIMEOUT": "8",
    "BRIDGE_BREAKER__WINDOW": "3",
    "BRIDGE_BREAKER__OPEN_FOR": "0.5",
    "BRIDGE_RETRY__DELAYS": "[200, 1000]",
    "BRIDGE_CONTACTS__FRESH_FOR": "0.5",
    "BRIDGE_LEDGER__LEASE": "5",
}
"""As impatient as the pace asks for, and as small as the load."""

OWN_PACE: Mapping[str, float] = {
    "LcmBridgeLcmBreakerOpen": 20,  # it must see from one opening to the next, in a hang too
    "LcmBridgeSlow": 90,
    "LcmBridgeBacklogWithoutProgress": 90,
    "LcmBridgeInFlightSaturated": 90,
    "LcmBridgeReconnectStorm": 120,
    "LcmBridgeOutcomeUnknown": 120,
    "LcmBridgeDeadLettersGrowing": 180,
    "LcmBridgeRepliesUnroutable": 180,
    "LcmBridgeLcmRefusesCredentials": 300,
    "LcmBridgeRequestsHeld": 300,
    "LcmBridgeQueuePausedTooLong": 600,
    "LcmBridgeVersionSkew": 900,
}
"""Alerts that look back so far, or wait so long, that a test would wait with them; one that needs more."""


@dataclass(kw_only=True)
class WatchedSite:
    """Everything that a fault can be injected into, and what tells of it."""

    prefix: str
    rabbit: PrivateRabbit
    to_rabbit: Proxy
    redis: PrivateRedis
    simulator: Simulator
    workers: list[Worker]
    load: LightLoad
    prometheus: Prometheus
    settings: dict[str, str]
    folder: Path

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds; the test fails with what is firing if it does not."""
        try:
            async with asyncio.timeout(BOUND):
                while not await holds():
                    await asyncio.sleep(0.2)
        except TimeoutError:
            alerts = {f"{alert.name} {alert.state}" for alert in await self.prometheus.alerts()}
            pytest.fail(f"not within {BOUND:g} s: {what}; alerts: {sorted(alerts)}")

    async def value(self, shown: Line, where: Mapping[str, str]) -> float:
        """Return what a line of the dashboard shows now: the sum over the series with these labels."""
        expression = compress_expression(shown.expression, FASTER)
        return sum(
            one.value
            for one in await self.prometheus.instant(expression)
            if where.items() <= one.labels.items() and not math.isnan(one.value)
        )

    async def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {alert.name for alert in await self.prometheus.alerts() if alert.firing}


def faster_rules(folder: Path) -> Path:
    """Write the rules at the tests' pace into a folder."""
    rules = compress_rules(yaml.safe_load(RULES.read_text(encoding="utf-8")), FASTER, alerts=OWN_PACE)
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rules, sort_keys=False), encoding="utf-8")
    return path


@asynccontextmanager
async def watched_site(folder: Path, **settings: str) -> AsyncIterator[WatchedSite]:
    """Start everything, and wait until the workers serve and are scraped."""
    prefix = name_of_letters()
    ports = [free_port() for _ in range(WORKERS)]
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(_prometheus(ports, faster_rules(folder)))
        redis = await stack.enter_async_context(PrivateRedis())
        simulator = await stack.enter_async_context(Simulator(Options(kept_calls=10)).running())
        rabbit = await stack.enter_async_context(rabbit_with_users(folder / "users"))
        to_rabbit = Proxy(rabbit.port)
        await to_rabbit.start()
        stack.push_async_callback(to_rabbit.stop)
        environment = {
            "BRIDGE_AMQP__URL": f"amqp://bridge:bridge@127.0.0.1:{to_rabbit.port}/",
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": redis.url,
            "BRIDGE_REDIS__PREFIX": prefix,
            "BRIDGE_LCM__BASE_URL": simulator.base_url,
            **SETTINGS,
            **settings,
        }
        workers = [
            await stack.enter_async_context(
                running(
                    environment | {"BRIDGE_ADMIN__PORT": str(port)},
                    folder / f"worker-{number}.log",
                    ready=False,
                )
            )
            for number, port in enumerate(ports)
        ]
        for worker in workers:
            await worker.until_ready()
        load = LightLoad(rabbit.url, prefix, simulator, rate=RATE)
        await stack.enter_async_context(_pressing(load))
        site = WatchedSite(
            prefix=prefix,
            rabbit=rabbit,
            to_rabbit=to_rabbit,
            redis=redis,
            simulator=simulator,
            workers=workers,
            load=load,
            prometheus=prometheus,
            settings=environment,
            folder=folder,
        )
        await site.until("every worker is seen to serve", partial(_seen_to_serve, site))
        yield site


def _prometheus(ports: list[int], rules: Path) -> Prometheus:
    """Make a Prometheus that labels as in Kubernetes."""
    return Prometheus(
        [
            Target(f"127.0.0.1:{port}", {"namespace": NAMESPACE, "pod": f"{JOB}-{number}"})
            for number, port in enumerate(ports)
        ],
        job=JOB,
        rules=[rules],
        pace=Pace().faster(FASTER),
    )


async def _seen_to_serve(site: WatchedSite) -> bool:
    """Tell whether Prometheus knows of each worker's consumers of both queues, and of rates."""
    consuming = await site.prometheus.instant("lcm_bridge_consumers == 1")
    rates = await site.prometheus.instant(f"rate(lcm_bridge_requests_total[{2 / FASTER * 60:g}s]) > 0")
    return 2 * WORKERS == len(consuming) and bool(rates)


@asynccontextmanager
async def _pressing(load: LightLoad) -> AsyncIterator[None]:
    task = asyncio.create_task(load.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
