"""A worker dies between any two steps of a request: every row of the table in docs/guarantees.md."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from support.crashing import program
from support.envelopes import add_contact, create, od
from support.permitted import url_of
from support.requester import Requester, requester
from support.site import name_of_letters
from support.worker import BOUND, BRIDGE, Worker, running, until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault, Simulator

GUARANTEES = Path(__file__).parent.parent.parent / "docs" / "guarantees.md"

UNKNOWN = "OUTCOME_UNKNOWN"
BUSY = Fault(kind="status", status=503, count=1)
REFUSES = Fault(kind="fault", message="Campaign is closed", count=1)
BROKEN_OFF = Fault(kind="half", when="after", count=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: where the worker dies, and what the requester, LCM and the dead letters see in the end.

    ``replies`` are status or errorType, with ``again`` for a stored one; ``settled`` is how many
    deliveries the next worker brings to an end.
    """

    crash: str
    request: Literal["creation", "read"] = "creation"
    waits: bool = True
    fault: Fault | None = None
    replies: list[str] = field(default_factory=list)
    effects: int = 1
    dead_letters: list[str] = field(default_factory=list)
    events: int = 0
    settled: int = 1


ROWS = {
    "delivered": Row(crash="delivered", replies=["ok"]),
    "claimed": Row(crash="claimed", replies=[UNKNOWN], effects=0, dead_letters=["outcome-unknown"]),
    "LCM has answered": Row(crash="called", replies=[UNKNOWN], dead_letters=["outcome-unknown"]),
    "the answer is recorded": Row(crash="recorded", replies=["ok again"]),
    "the reply is confirmed": Row(crash="replied", replies=["ok", "ok again"]),
    "a refusal is recorded": Row(crash="recorded", fault=REFUSES, replies=["WS_Error again"], effects=0),
    "the claim is released": Row(crash="released", fault=BUSY, replies=["LCM_UNAVAILABLE again"], effects=0),
    "a retryable failure is replied": Row(
        crash="failure told",
        fault=BUSY,
        replies=["LCM_UNAVAILABLE", "LCM_UNAVAILABLE again"],
        effects=0,
    ),
    "an unknown outcome is recorded": Row(
        crash="recorded", fault=BROKEN_OFF, replies=[UNKNOWN], dead_letters=["outcome-unknown"]
    ),
    "an unknown outcome is dead-lettered": Row(
        crash="dead-lettered", fault=BROKEN_OFF, replies=[UNKNOWN], dead_letters=["outcome-unknown"] * 2
    ),
    "an unknown outcome is replied": Row(
        crash="failure told", fault=BROKEN_OFF, replies=[UNKNOWN] * 2, dead_letters=["outcome-unknown"] * 2
    ),
    "a request that nobody waits for is parked": Row(
        crash="parked", waits=False, fault=BUSY, events=2, settled=2
    ),
    "a read, LCM has answered": Row(crash="called", request="read", replies=["ok"], effects=0),
}


@dataclass
class Scene:
    """A requester, an LCM, and workers that come one after the other."""

    simulator: Simulator
    widget: Requester
    settings: dict[str, str]
    folder: Path
    stack: AsyncExitStack
    workers: list[Worker] = field(default_factory=list)

    async def start(self, crash: str | None = None, *, ready: bool = True) -> Worker:
        """Start a worker that dies after the named step, or one that does not."""
        arguments = BRIDGE if crash is None else program(crash)
        log = self.folder / f"{len(self.workers)}.log"
        worker = await self.stack.enter_async_context(
            running(self.settings, log, program=arguments, ready=ready)
        )
        self.workers.append(worker)
        return worker

    async def publish(self, request: dict[str, Any], *, waits: bool) -> None:
        """Send a request with a key."""
        reply_to = self.widget.reply_queue.name if waits else None
        await self.widget.publish(
            request, message_id=name_of_letters(), correlation_id=name_of_letters(), reply_to=reply_to
        )

    def replies(self) -> list[str]:
        """Return what the requester was told so far, in order."""
        return [
            str(reply.headers.get("x-bridge-error-type", "ok"))
            + (" again" if reply.headers.get("x-bridge-replayed") else "")
            for reply in self.widget.unexpected
        ]

    async def dead_letters(self) -> list[str]:
        """Take the dead letters and return their reasons."""
        prefix = self.settings["BRIDGE_AMQP__PREFIX"]
        queue = await self.widget.channel.get_queue(f"{prefix}.dead-letters", ensure=False)
        reasons = []
        while (letter := await queue.get(fail=False, no_ack=True)) is not None:
            reasons.append(str(letter.headers["x-reason"]))
        return reasons


@pytest.fixture
async def scene(rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path) -> AsyncIterator[Scene]:
    """Set the scene; a claim whose worker died counts as cut off after a second."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator().running())
        prefix = name_of_letters()
        settings = {
            "BRIDGE_AMQP__URL": url_of(rabbit, "bridge"),
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": redis_server.url,
            "BRIDGE_REDIS__PREFIX": prefix,
            "BRIDGE_LCM__BASE_URL": simulator.base_url,
            "BRIDGE_LEDGER__LEASE": "1",
            "BRIDGE_RETRY__DELAYS": "[100]",
            "BRIDGE_RETRY__QUICK": "0",
        }
        widget = await stack.enter_async_context(requester(rabbit.url, prefix))
        yield Scene(simulator, widget, settings, tmp_path, stack)


@pytest.mark.parametrize("name", ROWS)
async def test_what_the_next_worker_makes_of_it(scene: Scene, name: str) -> None:
    """After a crash right there, the requester is told the truth, and the effect has not happened twice."""
    row = ROWS[name]
    add_contact(scene.simulator, "agent", kind="od")
    if row.fault is not None:
        scene.simulator.faults.put(row.fault)
    doomed = await scene.start(row.crash)
    events = await scene.widget.listen()

    await scene.publish(create() if row.request == "creation" else od("agent"), waits=row.waits)
    assert -signal.SIGKILL == await asyncio.wait_for(doomed.process.wait(), BOUND)
    successor = await scene.start()
    await successor.until_logged("request.settled", row.settled)
    # One more, by which everything before it has been delivered.
    await scene.widget.ask(od("agent"))
    await until(lambda: len(scene.replies()) >= len(row.replies), f"replies {row.replies}")

    published = (await scene.widget.channel.declare_queue(events.name, passive=True)).declaration_result
    told = (scene.replies(), len(scene.simulator.effects), await scene.dead_letters())
    assert (row.replies, row.effects, row.dead_letters) == told
    assert row.events == published.message_count


async def test_a_crash_during_the_call(scene: Scene) -> None:
    """LCM has acted and not answered when the worker dies: unknown, and it is not called again."""
    scene.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    doomed = await scene.start()
    await scene.publish(create(), waits=True)
    await until(lambda: scene.simulator.hung == 1, "the call that hangs")

    await doomed.stop(signal.SIGKILL)
    successor = await scene.start()
    await successor.until_logged("request.settled")
    await until(lambda: bool(scene.replies()), "the reply")

    assert [UNKNOWN] == scene.replies()
    assert ["outcome-unknown"] == await scene.dead_letters()
    assert 1 == len(scene.simulator.effects)
    scene.simulator.release()


async def test_a_request_that_ends_every_worker(scene: Scene) -> None:
    """After so many deliveries in vain it is dead-lettered before anything else is done with it."""
    scene.settings["BRIDGE_RETRY__DELIVERIES"] = "2"
    await scene.start("delivered")
    await scene.publish(create(), waits=True)
    for successor in ("delivered", None):
        doomed = scene.workers[-1]
        assert -signal.SIGKILL == await asyncio.wait_for(doomed.process.wait(), BOUND)
        await scene.start(successor, ready=False)
    await scene.workers[-1].until_logged("request.settled")

    assert ["delivery-limit"] == await scene.dead_letters()
    assert 0 == len(scene.simulator.effects)


def test_the_page_has_each_row() -> None:
    """The table in docs/guarantees.md lists exactly the crashes that are tested here."""
    lines = GUARANTEES.read_text().splitlines()
    start = lines.index("| the worker dies after | the requester is told | effects in LCM | dead letters |")
    told = [line.split("|")[1].strip() for line in lines[start + 2 : lines.index("", start)]]

    assert [*ROWS, "the call is sent"] == told
