"""Where the bridge's CPU goes: a sampling profile under load, each sample told to the part that is at work.

A sample belongs to the part of the innermost frame that is anybody's: what asyncio does for aiohttp is LCM's,
and only what nobody called is the event loop's. Native code counts as the Python function that calls it.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp

from bench.clocks import cpu_seconds
from bench.compare import WORKS
from bench.processes import ProgramFailed
from bench.records import Load, Visit
from bench.report import Report, Table
from bench.stage import Stage
from bench.variants import PREFETCH, Running, Worker, running_bridge
from bench.visits import visit

HELP = "where the bridge's CPU goes, by part (2 minutes; needs py-spy and the right to trace)"

SAMPLES_PER_SECOND = 500
END_SECONDS = 30.0
CACHED_AGENTS = 1000
SCRAPES = 100

EVENT_LOOP: Final = "event loop"
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("prometheus_client/", "bridge/metrics.py"),
    "logs": ("structlog/", "bridge/logs"),
    "Redis": ("redis/", "hiredis", "bridge/store/"),
    "LCM": ("aiohttp/", "multidict/", "yarl/", "bridge/lcm/"),
    "AMQP: aiormq, pamqp": ("aiormq/", "pamqp/", "aio_pika/"),
    "AMQP: bridge/bus": ("bridge/bus/", "asyncio/streams.py"),
    "translation": (
        *("bridge/envelope.py", "bridge/operations/", "bridge/replies.py", "bridge/endings.py"),
        *("bridge/messages.py", "bridge/forwarding.py", "bridge/tracecontext.py"),
    ),
    "the story": (
        *("bridge/pipeline.py", "bridge/once.py", "bridge/performance.py", "bridge/outbox.py"),
        *("bridge/case.py", "bridge/ports.py", "bridge/retries.py", "bridge/tracing/"),
    ),
}
"""Parts, and by what in a frame's file each is known; the first that fits."""

TELLING: Final = ("metrics", "logs")
"""The parts that only tell others what happens."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say how long."""
    parser.add_argument("--seconds", type=float, default=12.0, help="measured in each visit")
    parser.add_argument("--warm-up", type=float, default=4.0, help="seconds before")
    parser.add_argument("--bridge", type=Path, help="folder of another version of the bridge")


async def run(stage: Stage, arguments: argparse.Namespace) -> Report:
    """Run it. Raises ProgramFailed."""
    loads: dict[str, Load] = {
        work: Load(work=work, window=PREFETCH, seconds=arguments.seconds, warm_up=arguments.warm_up)
        for work in WORKS
    }
    loads["read from the cache"] = replace(loads["read"], agents=CACHED_AGENTS, asks_lcm="sometimes")
    visits: list[Visit] = []
    shares: dict[str, dict[str, float]] = {}
    costs: dict[str, float] = {}
    async with running_bridge(stage, Worker(folder=arguments.bridge)) as bridge:
        for name, load in loads.items():
            measured = await visit(stage, bridge, load)  # alone: a tracer takes its time, too
            costs[name] = measured.cpu_us
            traced, shares[name] = await _traced(stage, bridge, load)
            visits += [measured, traced]
        scrape = await _scraped(bridge)
    table = Table(
        title="CPU us/request by part (share)",
        columns=["part", *shares],
        rows=[
            [part, *(_cell(costs[name], shares[name].get(part, 0.0)) for name in shares)]
            for part in (*PARTS, EVENT_LOOP)
        ]
        + [["all", *(f"{cost:.0f}" for cost in costs.values())]],
        notes=[
            f"{SAMPLES_PER_SECOND} samples/s over {arguments.seconds:g} s",
            *(_told_of(name, costs[name], shares[name]) for name in shares),
            f"a scrape of /metrics: {scrape['cpu_ms']:.1f} ms of CPU for {scrape['series']:.0f} series",
        ],
    )
    figures = {
        "works": [{"work": name, "cpu_us": costs[name], "shares": shares[name]} for name in shares],
        "scrape": scrape,
    }
    faults = [fault for one in visits for fault in one.faults]
    return Report(experiment="profile", tables=[table], figures=figures, visits=visits, faults=faults)


def by_part(samples: str) -> dict[str, float]:
    """Return each part's share of samples in py-spy's raw format: ``frame;frame;frame count`` per line."""
    counts: Counter[str] = Counter()
    for line in samples.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[part_of(stack)] += int(count)
    return {part: count / counts.total() for part, count in counts.items()}


def part_of(stack: str) -> str:
    """Return the part of a stack, frames outermost first: ``function (file:line);function (file:line)``."""
    for frame in reversed(stack.split(";")):
        for part, files in PARTS.items():
            if any(file in frame for file in files):
                return part
    return EVENT_LOOP


async def _traced(stage: Stage, bridge: Running, load: Load) -> tuple[Visit, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples"
        async with asyncio.TaskGroup() as group:
            visiting = group.create_task(visit(stage, bridge, load))
            group.create_task(_trace(bridge.pids[0], samples, after=load.warm_up, seconds=load.seconds))
        return visiting.result(), by_part(samples.read_text())


async def _trace(pid: int, samples: Path, *, after: float, seconds: float) -> None:
    await asyncio.sleep(after)
    tracer = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "py-spy"),
        *("record", "--pid", str(pid), "--duration", str(round(seconds)), "--rate", str(SAMPLES_PER_SECOND)),
        *("--format", "raw", "--output", str(samples)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds + END_SECONDS):
            said, _ = await tracer.communicate()
    except TimeoutError as error:
        raise ProgramFailed("py-spy does not end") from error
    finally:
        if tracer.returncode is None:
            tracer.kill()
            await tracer.wait()
    if tracer.returncode:
        raise ProgramFailed(f"py-spy failed: {said.decode(errors='replace')}")


async def _scraped(bridge: Running) -> dict[str, float]:
    """Return what a scrape costs the bridge, which does nothing else now: its event loop serves it."""
    url = f"{bridge.admin_url}/metrics"
    async with aiohttp.ClientSession() as session:

        async def scrape() -> str:
            async with session.get(url) as response:
                return await response.text()

        page = await scrape()
        before = cpu_seconds(bridge.pids)
        for _ in range(SCRAPES):
            await scrape()
        taken = cpu_seconds(bridge.pids) - before
    series = sum(not line.startswith("#") for line in page.splitlines())
    return {"cpu_ms": 1000 * taken / SCRAPES, "series": series}


def _told_of(work: str, cost: float, shares: Mapping[str, float]) -> str:
    share = sum(shares.get(part, 0.0) for part in TELLING)
    return f"metrics and logs of one {work}: {cost * share:.0f} us, {share:.1%} of it"


def _cell(cost: float, share: float) -> str:
    return f"{cost * share:.0f} ({share:.0%})"
