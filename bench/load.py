"""The load: requests to one queue, in a closed or an open loop, each reply checked: `python -m bench.load`.

Closed loop (`--window N`): N requests in flight, each reply makes room for the next. It measures what a
request costs, and the most that can be done. Open loop (`--rate R`): requests are sent at evenly spaced
times whether or not earlier ones were answered, and latency is counted from the time a request was due, so
that a worker that stalls cannot hide it (no coordinated omission).

Prints `{"mark": "begin"}` and `{"mark": "end"}` when the measured interval begins and ends, then the
`Outcome` as one JSON line. The exit status is 0 also where replies were lost or wrong: the outcome says so.
"""

import argparse
import asyncio
import gc
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Final

import uvloop
from pamqp import commands

from bench.amqp import AmqpFailed, Client
from bench.amqp_template import Template
from bench.load_tally import Outcome, Tally
from bench.work import NUMBER_DIGITS, WORK_NAMES, Work, WorkName

DRAIN_SECONDS: Final = 30.0
TICK: Final = 0.001
"""Seconds between looks at the schedule of the open loop: the finest that the event loop's timers know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run: where to, what, how much of it, and for how long (seconds).

    Exactly one of `window` (requests in flight) and `rate` (requests per second) must be given, or
    ValueError is raised. `first_number` is the number of the first request; two runs of side effects
    against the same stand-in must not share numbers. The rest as in `bench.work.Work`.
    """

    amqp_url: str
    queue: str
    work: WorkName
    seconds: float
    warm_up: float = 0.0
    window: int | None = None
    rate: float | None = None
    contacts: int = 1
    body_bytes: int = 0
    agents: int = 1000
    first_number: int = 1
    drain_seconds: float = DRAIN_SECONDS

    def __post_init__(self) -> None:
        given = [value for value in (self.window, self.rate) if value is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError("a load has either a window or a rate, above 0")
        if self.seconds <= 0 or self.warm_up < 0 or self.first_number < 0:
            raise ValueError("a load lasts more than 0 seconds, its warm-up at least 0; numbers begin at 0")


class Load:
    """One run over a connected client."""

    def __init__(self, plan: Plan, client: Client, template: Template, tally: Tally) -> None:
        self._plan = plan
        self._client = client
        self._template = template
        self._tally = tally
        self._out: list[bytes] = []
        self._sending = True
        self._all_answered = asyncio.Event()
        client.on_reply = self._take
        client.on_turn = self._turn

    async def drive(self, on_mark: Callable[[str], None]) -> None:
        """Send for the warm-up and the measured seconds, then wait for what is in flight."""
        ticking = None
        if self._plan.rate is None:
            self._turn()
        else:
            ticking = asyncio.create_task(self._send_on_schedule(self._plan.rate))
        try:
            if self._plan.warm_up:
                await asyncio.sleep(self._plan.warm_up)
            self._tally.begin(time.monotonic())
            on_mark("begin")
            await asyncio.sleep(self._plan.seconds)
            self._tally.end(time.monotonic())
            on_mark("end")
        finally:
            self._sending = False
            if ticking is not None:
                await ticking
        self._turn()
        with suppress(TimeoutError):  # what is not answered by then is lost, and counted so
            async with asyncio.timeout(self._plan.drain_seconds):
                await self._all_answered.wait()

    async def _send_on_schedule(self, rate: float) -> None:
        started, tally = time.monotonic(), self._tally
        while self._sending:
            self._template.stamp(time.time())
            now = time.monotonic()
            while (due := started + tally.sent / rate) <= now:
                self._send(due, now)
            self._flush()
            await asyncio.sleep(TICK)

    def _take(self, identity: bytes, body: bytes) -> None:
        self._tally.reply(identity, body, self._client.arrived)

    def _turn(self) -> None:
        in_flight, window = self._tally.in_flight, self._plan.window
        if self._sending and window:
            self._template.stamp(time.time())
            now = time.monotonic()
            while len(in_flight) < window:
                self._send(now, now)
            self._flush()
        elif not self._sending and not in_flight:
            self._all_answered.set()

    def _send(self, due: float, now: float) -> None:
        self._out.append(self._template.fill(*self._tally.send(due, now)))

    def _flush(self) -> None:
        if self._out:
            self._client.write(b"".join(self._out))
            self._out.clear()


@asynccontextmanager
async def connected(plan: Plan) -> AsyncIterator[tuple[Client, Template, Tally]]:
    """Connect and consume a reply queue of one's own; give what requests are sent and tallied with.

    Raises AmqpFailed (the queue is not there, the connection failed), OSError and TimeoutError where the
    broker cannot be reached.
    """
    work = Work(plan.work, contacts=plan.contacts, body_bytes=plan.body_bytes, agents=plan.agents)
    run_id = secrets.token_hex(4)
    client = await Client.connect(plan.amqp_url)
    try:
        await client.call(commands.Queue.Declare(queue=plan.queue, passive=True), commands.Queue.DeclareOk)
        reply_to = f"bench.replies.{run_id}"
        await client.call(
            commands.Queue.Declare(queue=reply_to, exclusive=True, arguments={"x-queue-type": "classic"}),
            commands.Queue.DeclareOk,
        )
        template = Template(
            queue=plan.queue,
            reply_to=reply_to,
            opening=work.opening,
            rest=work.rest,
            identity_length=len(run_id) + 1 + NUMBER_DIGITS,
            key_length=work.key_length,
            frame_max=client.frame_max,
        )
        await client.consume(reply_to)
        yield client, template, Tally(work, run_id.encode(), plan.first_number)
        await client.close()
    finally:
        client.abort()


async def run(plan: Plan, on_mark: Callable[[str], None] = lambda _: None) -> Outcome:
    """Carry out a plan; `on_mark` is called with "begin" and "end" of the measured interval.

    Raises as `connected`, and ValueError for a plan that cannot be.
    """
    async with connected(plan) as (client, template, tally):
        await client.unless_failed(Load(plan, client, template, tally).drive(on_mark))
    return tally.outcome()


def main() -> None:
    """Run the program."""
    plan = _plan(sys.argv[1:])
    gc.freeze()  # what is there stays: no collection walks through it while latencies are taken
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            outcome = runner.run(run(plan, lambda name: _print({"mark": name})))
    except (AmqpFailed, OSError) as error:
        sys.exit(f"bench.load: {error or type(error).__name__}")
    _print(asdict(outcome))


def _print(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - a program's output


def _plan(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__.partition("\n")[0])
    parser.add_argument("--amqp-url", required=True, help="amqp://user:password@host:port/vhost")
    parser.add_argument("--queue", required=True, help="the queue that gets the requests")
    parser.add_argument("--work", required=True, choices=WORK_NAMES)
    pace = parser.add_mutually_exclusive_group(required=True)
    pace.add_argument("--window", type=int, help="closed loop: requests in flight")
    pace.add_argument("--rate", type=float, help="open loop: requests per second")
    parser.add_argument("--seconds", type=float, required=True, help="length of the measured interval")
    parser.add_argument("--warm-up", type=float, default=0.0, help="seconds before it")
    parser.add_argument("--contacts", type=int, default=1, help="contacts that a read asks for")
    parser.add_argument("--body-bytes", type=int, default=0, help="least size of a request's body")
    parser.add_argument("--agents", type=int, default=1000, help="agents that reads cycle through")
    parser.add_argument("--first-number", type=int, default=1, help="number of the first request")
    try:
        return Plan(**vars(parser.parse_args(arguments)))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
