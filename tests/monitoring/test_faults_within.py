"""The workers, those who ask and those who operate go wrong: alerts and dashboard name it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.command import run_command
from support.injected import lcm_does, load_campaign, settle_letters
from support.symptoms import Change, Fault, shows
from support.watched_site import WatchedSite, needs_prometheus, watched_site
from support.worker import Worker

from bridge import simulator

pytestmark = needs_prometheus

NEARLY_FULL = 850
"""Of the 1000 messages that a queue may hold here."""
OTHER_VERSION = """
import bridge, sys
bridge.__version__ = "0.0.1"
from bridge.cli import main
sys.exit(main(["run"]))
"""
"""The program of a worker that says so."""


@asynccontextmanager
async def all_workers_are_stopped(site: WatchedSite) -> AsyncIterator[None]:
    """Freeze them by SIGSTOP; afterwards they go on."""
    for worker in site.workers:
        worker.pause()
    try:
        yield
    finally:
        for worker in site.workers:
            worker.resume()


@asynccontextmanager
async def a_worker_is_of_another_version(site: WatchedSite) -> AsyncIterator[None]:
    """Have a roll-out stand still halfway."""
    *_, usual = site.workers
    await usual.stop()
    other = Worker(usual.settings, usual.log, program=("-c", OTHER_VERSION))
    await other.start()
    try:
        yield
    finally:
        await other.stop()
        await usual.start()


@asynccontextmanager
async def a_queue_is_paused_and_forgotten(site: WatchedSite) -> AsyncIterator[None]:
    """Pause the agents' queue by hand, and do not think of resuming it."""
    await run_command("pause", "agent", folder=site.folder, settings=site.settings)
    try:
        yield
    finally:
        await run_command("resume", "agent", folder=site.folder, settings=site.settings)


@asynccontextmanager
async def a_queue_fills_up(site: WatchedSite) -> AsyncIterator[None]:
    """Pause campaigns, and go on loading them."""
    await run_command("pause", "campaign", folder=site.folder, settings=site.settings)
    try:
        await load_campaign(site, NEARLY_FULL)
        yield
    finally:
        await run_command("resume", "campaign", folder=site.folder, settings=site.settings)


@asynccontextmanager
async def requesters_are_gone(site: WatchedSite) -> AsyncIterator[None]:
    """Have requests name queues for their replies that do not exist."""
    usual = site.load.reply_to
    site.load.reply_to = f"{usual}.gone"
    try:
        yield
    finally:
        site.load.reply_to = usual


@asynccontextmanager
async def lcm_is_slow(site: WatchedSite) -> AsyncIterator[None]:
    """Have every call take about three seconds."""
    async with lcm_does(site, simulator.Fault(latency_ms=2700, jitter_ms=600)):
        yield


@asynccontextmanager
async def lcm_cuts_side_effects_off(site: WatchedSite) -> AsyncIterator[None]:
    """Reset every fifth connection after the effect; afterwards a person settles the letters."""
    async with lcm_does(
        site, simulator.Fault(kind="reset", when="after", method="CreateContact", error_rate=0.2)
    ):
        yield
    await settle_letters(site)


FAULTS = {
    "all workers stopped": Fault(
        inject=all_workers_are_stopped,
        alerts={"LcmBridgeDown": "no worker answers Prometheus any more, of 2 that did"},
        panels=(Change(panel="Workers", falls=True),),
    ),
    "a worker of another version": Fault(
        inject=a_worker_is_of_another_version,
        alerts={"LcmBridgeVersionSkew": "workers of 2 versions"},
        panels=(Change(panel="Workers", where={"version": "0.0.1"}),),
    ),
    "a queue paused and forgotten": Fault(
        inject=a_queue_is_paused_and_forgotten,
        alerts={"LcmBridgeQueuePausedTooLong": "2 workers take no requests from it"},
        panels=(Change(panel="Paused"), Change(panel="Messages waiting", legend="{{queue}} ready")),
    ),
    "a queue nearly full": Fault(
        inject=a_queue_fills_up,
        alerts={"LcmBridgeQueueNearlyFull": "requests.campaign is"},
        also=frozenset({"LcmBridgeQueuePausedTooLong"}),
        panels=(Change(panel="Queue filled"), Change(panel="Messages waiting", legend="{{queue}} ready")),
    ),
    "requesters gone": Fault(
        inject=requesters_are_gone,
        alerts={"LcmBridgeRepliesUnroutable": "of its replies reach nobody"},
        panels=(
            Change(panel="Replies", where={"outcome": "unroutable"}),
            Change(panel="Who is to blame?", legend="Requesters"),
        ),
    ),
    "lcm slow": Fault(
        inject=lcm_is_slow,
        alerts={
            "LcmBridgeSlow": "One request in twenty takes longer than",
            "LcmBridgeInFlightSaturated": "the workers are busy with",
        },
        panels=(Change(panel="p95"), Change(panel="p95 of a call"), Change(panel="In flight of capacity")),
    ),
    "lcm cuts side effects off": Fault(
        inject=lcm_cuts_side_effects_off,
        alerts={
            "LcmBridgeOutcomeUnknown": "without anybody knowing whether LCM carried them out",
            "LcmBridgeDeadLettersGrowing": "than half an hour ago",
        },
        also=frozenset({"LcmBridgeErrorBudgetBurnFast"}),
        panels=(
            Change(panel="Outcome unknown"),
            Change(panel="Dead letters by reason", where={"reason": "outcome-unknown"}),
            Change(panel="Waiting for a person"),
        ),
    ),
}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WatchedSite]:
    """One site for all faults of this page."""
    async with watched_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_named_by_its_alert_and_its_panel(site: WatchedSite, name: str) -> None:
    """What goes wrong raises its own alert and moves its own panel, and blames nothing else."""
    await shows(site, FAULTS[name])
