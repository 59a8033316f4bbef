"""A visit with a long queue: it is filled while no worker runs, and kept as long while one is measured."""

import asyncio
import time
from contextlib import suppress
from dataclasses import asdict

from bench.amqp import Client
from bench.amqp_template import Template
from bench.load import Plan, connected
from bench.load_tally import Tally
from bench.processes import ProgramFailed
from bench.records import Load, Visit
from bench.stage import Stage
from bench.variants import Running, Worker, running_bridge
from bench.visits import DRAIN_SECONDS, FIRST_NUMBERS, Asked, faults_in, measured_visit, read_all

BATCH = 5_000
BATCH_SECONDS = 30.0
"""Seconds that the broker has to take a batch."""


class Backlog:
    """Keeps `size` requests in flight; nearly all of them wait in the queue."""

    def __init__(self, size: int, client: Client, template: Template, tally: Tally) -> None:
        self._size = size
        self._client = client
        self._template = template
        self.tally = tally

    async def fill(self, stage: Stage, queue: str) -> None:
        """Send as many, a batch at a time, so that they wait in the broker and not here.

        Raises ProgramFailed when the broker does not take them.
        """
        for begun in range(0, self._size, BATCH):
            self._send(min(BATCH, self._size - begun))
            deadline = time.monotonic() + BATCH_SECONDS
            while (waiting := await stage.waiting(queue)) < self.tally.sent:
                if time.monotonic() > deadline:
                    raise ProgramFailed(f"the broker took {waiting} of {self.tally.sent} requests")
                await asyncio.sleep(0.02)
        self._client.on_reply = self._take
        self._client.on_turn = self._top_up

    def stop(self) -> None:
        """Send no more."""
        self._client.on_turn = lambda: None

    def _take(self, identity: bytes, body: bytes) -> None:
        self.tally.reply(identity, body, self._client.arrived)

    def _top_up(self) -> None:
        self._send(self._size - len(self.tally.in_flight))

    def _send(self, count: int) -> None:
        now = time.monotonic()
        self._template.stamp(time.time())
        self._client.write(b"".join(self._template.fill(*self.tally.send(now, now)) for _ in range(count)))


async def visit(stage: Stage, worker: Worker, load: Load, round_number: int) -> Visit:
    """Start a worker before a queue of `load.window` requests and measure it; then purge the queue.

    What the worker took is answered and checked; latencies are not measured. Raises ProgramFailed,
    AmqpFailed.
    """
    async with running_bridge(stage, worker) as bridge:
        queue = bridge.queues[load.work]  # now it is declared
    await stage.begin_anew(latency_ms=load.lcm_ms)
    plan = Plan(
        amqp_url=stage.amqp_url,
        queue=queue,
        work=load.work,
        seconds=load.seconds,
        window=load.window,
        body_bytes=load.body_bytes,
        agents=load.agents,
        first_number=next(FIRST_NUMBERS),
    )
    found: list[Visit] = []
    async with connected(plan) as (client, template, tally):
        backlog = Backlog(load.window, client, template, tally)

        async def measured() -> None:
            await backlog.fill(stage, queue)
            async with running_bridge(stage, worker) as bridge:
                found.append(await _measure(stage, bridge, load, backlog, round_number))

        await client.unless_failed(measured())
    return found[0]


async def _measure(stage: Stage, bridge: Running, load: Load, backlog: Backlog, round_number: int) -> Visit:
    tally = backlog.tally
    watched = {"": bridge.pids} | {name: [pid] for name, pid in stage.servers.items()}
    await asyncio.sleep(load.warm_up)
    begins = read_all(watched, bridge.cores)
    tally.begin(begins[""].at)
    await asyncio.sleep(load.seconds)
    ends = read_all(watched, bridge.cores)
    tally.end(ends[""].at)
    backlog.stop()
    purged = await stage.purge(bridge.queues[load.work])
    with suppress(TimeoutError):  # what is not answered by then is lost, and counted so
        async with asyncio.timeout(DRAIN_SECONDS):
            while len(tally.in_flight) > purged:  # noqa: ASYNC110 - no event tells of a number
                await asyncio.sleep(0.02)
    outcome = asdict(tally.outcome())
    outcome["lost"] -= purged
    carried_out = outcome["sent"] - purged
    faults = faults_in([outcome], await stage.counts(), Asked(carried_out, carried_out))
    outcome |= {"sent": carried_out, "latency_ms": {}}  # how long they waited is the queue's doing
    readings = {name: (begins[name], ends[name]) for name in begins}
    return measured_visit(stage, bridge, load, round_number, readings, outcome, faults)
