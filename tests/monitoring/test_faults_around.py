"""RabbitMQ, Redis or LCM go wrong: alerts and dashboard name which of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.alarm import memory_alarm
from support.command import run_command
from support.injected import lcm_does, load_campaign, settle_letters
from support.symptoms import Change, Fault, shows
from support.watched_site import WatchedSite, needs_prometheus, watched_site

from bridge import simulator

pytestmark = needs_prometheus

WAITING = 200
"""More than both workers' prefetch."""


@asynccontextmanager
async def rabbitmq_is_killed(site: WatchedSite) -> AsyncIterator[None]:
    """End it by SIGKILL; afterwards it is started again."""
    await site.rabbit.kill()
    try:
        yield
    finally:
        await site.rabbit.start()


@asynccontextmanager
async def rabbitmq_takes_no_publishes(site: WatchedSite) -> AsyncIterator[None]:
    """Have it be short of memory while contacts are loaded: more wait than the workers may take."""
    await run_command("pause", "campaign", folder=site.folder, settings=site.settings)
    await load_campaign(site, WAITING)
    async with memory_alarm(site.rabbit):
        await run_command("resume", "campaign", folder=site.folder, settings=site.settings)
        yield


@asynccontextmanager
async def connections_are_cut_again_and_again(site: WatchedSite) -> AsyncIterator[None]:
    """Reset connections between the workers and RabbitMQ."""

    async def cut() -> None:
        while True:
            site.to_rabbit.cut()
            await asyncio.sleep(0.7)

    async with asyncio.TaskGroup() as group:
        cutting = group.create_task(cut())
        try:
            yield
        finally:
            cutting.cancel()


@asynccontextmanager
async def redis_is_killed(site: WatchedSite) -> AsyncIterator[None]:
    """End it by SIGKILL; afterwards it is started again."""
    await site.redis.kill()
    try:
        yield
    finally:
        await site.redis.start()


@asynccontextmanager
async def lcm_is_stopped(site: WatchedSite) -> AsyncIterator[None]:
    """Take it off its port; afterwards it is back."""
    port = int(site.simulator.base_url.split(":")[2].split("/")[0])
    await site.simulator.stop()
    try:
        yield
    finally:
        await site.simulator.start(port=port)
    await settle_letters(site)


@asynccontextmanager
async def lcm_hangs(site: WatchedSite) -> AsyncIterator[None]:
    """Have it take calls and answer none."""
    async with lcm_does(site, simulator.Fault(kind="hang")):
        yield
    await settle_letters(site)


@asynccontextmanager
async def lcm_refuses_the_credentials(site: WatchedSite) -> AsyncIterator[None]:
    """Have it answer 401, as after a change of the password."""
    async with lcm_does(site, simulator.Fault(kind="status", status=401)):
        yield
    await settle_letters(site)


FAULTS = {
    "lcm refuses the credentials": Fault(
        inject=lcm_refuses_the_credentials,
        alerts={"LcmBridgeLcmRefusesCredentials": "of the calls of a method"},
        also=frozenset({"LcmBridgeDeadLettersGrowing"}),
        panels=(
            Change(panel="Calls refused"),
            Change(panel="Refused requests", where={"outcome": "WS_Error"}),
        ),
    ),
    "lcm not reachable": Fault(
        inject=lcm_is_stopped,
        alerts={
            "LcmBridgeLcmBreakerOpen": "LCM keeps failing, so 2 workers do not call it",
            "LcmBridgeErrorBudgetBurnFast": "were not served in the last hour",
        },
        also=frozenset({"LcmBridgeRequestsHeld", "LcmBridgeDeadLettersGrowing"}),
        panels=(
            Change(panel="Who is to blame?", legend="LCM"),
            Change(panel="Circuit breaker"),
            Change(panel="Failures", where={"outcome": "LCM_UNAVAILABLE"}),
            Change(panel="Success share", falls=True),
        ),
    ),
    "redis killed": Fault(
        inject=redis_is_killed,
        alerts={
            "LcmBridgeRedisAway": "Redis answers none of 2 workers",
            "LcmBridgeRequestsHeld": "are parked, because LCM failed or Redis is away",
        },
        panels=(
            Change(panel="Who is to blame?", legend="Redis"),
            Change(panel="Workers without Redis"),
            Change(panel="Held"),
        ),
    ),
    "connections cut again and again": Fault(
        inject=connections_are_cut_again_and_again,
        alerts={"LcmBridgeReconnectStorm": "connections to RabbitMQ within 10 minutes"},
        also=frozenset({"LcmBridgeRabbitMqAway", "LcmBridgeNoConsumers"}),
        panels=(Change(panel="Reconnects"),),
    ),
    "rabbitmq takes no publishes": Fault(
        inject=rabbitmq_takes_no_publishes,
        alerts={
            "LcmBridgeRabbitMqBlocked": "a memory or disk alarm and takes no replies",
            "LcmBridgeBacklogWithoutProgress": "requests.campaign, workers consume it, and none is served",
        },
        # Requests wait in the workers until it takes their replies; and the campaigns were paused before.
        also=frozenset({"LcmBridgeInFlightSaturated", "LcmBridgeSlow", "LcmBridgeQueuePausedTooLong"}),
        panels=(Change(panel="Who is to blame?", legend="RabbitMQ"),),
    ),
    # Not the first one: RabbitMQ 3.10 may lose a queue when it is killed soon after it was declared.
    "rabbitmq killed": Fault(
        inject=rabbitmq_is_killed,
        alerts={
            "LcmBridgeRabbitMqAway": "none of 2 workers is connected to RabbitMQ",
            "LcmBridgeNoConsumers": "none of 2 workers takes requests from",
        },
        panels=(
            Change(panel="Who is to blame?", legend="RabbitMQ"),
            Change(panel="Workers without RabbitMQ"),
            Change(panel="Consumers", falls=True),
        ),
    ),
    "lcm hangs": Fault(
        inject=lcm_hangs,
        alerts={
            "LcmBridgeLcmBreakerOpen": "LCM keeps failing, so 2 workers do not call it",
        },
        also=frozenset(
            {"LcmBridgeErrorBudgetBurnFast", "LcmBridgeOutcomeUnknown", "LcmBridgeDeadLettersGrowing"}
        ),
        panels=(
            Change(panel="Who is to blame?", legend="LCM"),
            Change(panel="Failed calls", where={"outcome": "timeout"}),
        ),
    ),
}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WatchedSite]:
    """One site for all faults of this page."""
    async with watched_site(tmp_path_factory.mktemp("site"), BRIDGE_LCM__TIMEOUT="2") as opened:
        yield opened


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_named_by_its_alert_and_its_panel(site: WatchedSite, name: str) -> None:
    """What goes wrong raises its own alert and moves its own panel, and blames nothing else."""
    await shows(site, FAULTS[name])
