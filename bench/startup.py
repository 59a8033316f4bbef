"""Seconds from the start of the process until it serves: the bridge, the bare peer, and Python itself.

The bridge serves when `/readyz` answers 200, which is when it consumes; the peer when it prints `ready`;
`python -c pass` when it has ended. Each is started once uncounted, so that compiled modules and the file
system's cache are there for all.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict

from bench.figures import ratios, rotated, spread
from bench.processes import ProgramFailed, talking
from bench.report import Report, Table, ranged
from bench.stage import Stage
from bench.variants import BARE, Unavailable, Worker, bridge_python, peer_settings
from bridge.demo.ports import free_port

HELP = "seconds from process start to ready (about 1 minute)"
READY_SECONDS = 60.0
_GET = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_YES = b"HTTP/1.1 200 "

Start = Callable[[Stage], Awaitable[float]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say how often."""
    parser.add_argument("--starts", type=int, default=10, help="starts of each")


async def run(stage: Stage, arguments: argparse.Namespace) -> Report:
    """Run it. Raises ProgramFailed."""
    starts: dict[str, Start] = {"python -c pass": start_python, "bridge": start_bridge, BARE.name: start_bare}
    try:
        BARE.check()
    except Unavailable as missing:
        sys.stderr.write(f"LEFT OUT: {missing}\n")
        del starts[BARE.name]
    else:
        await stage.declare(*peer_settings(stage, BARE)["BENCH_QUEUES"].split(","))
    taken: dict[str, dict[int, float]] = {name: {} for name in starts}
    for number in range(arguments.starts + 1):
        for name in rotated(list(starts), number):
            taken[name][number] = await starts[name](stage)
            sys.stderr.write(f"start {number}/{arguments.starts}  {name:<15} {taken[name][number]:.3f} s\n")
    for values in taken.values():
        del values[0]  # the uncounted one
    return _report(taken)


def _report(taken: Mapping[str, Mapping[int, float]]) -> Report:
    spreads = {name: spread(values.values()) for name, values in taken.items()}
    base = taken.get(BARE.name)
    compared = {name: ratios(values, base) if base else None for name, values in taken.items()}
    rows = [[name, ranged(spreads[name], 3), ranged(compared[name])] for name in taken]
    return Report(
        experiment="startup",
        tables=[
            Table(
                title=f"start to ready, {spreads['bridge'].count} starts: median (lowest-highest)",
                columns=["started", "seconds", "ratio to (a)"],
                rows=rows,
            )
        ],
        figures={
            name: {"seconds": list(values.values()), "spread": asdict(spreads[name])}
            for name, values in taken.items()
        },
    )


async def start_python(stage: Stage) -> float:
    """Return the seconds that a Python takes which does nothing."""
    began = time.monotonic()
    async with talking(
        [bridge_python(), "-c", "pass"], name="python", guard=stage.guard, cores=stage.cores.measured
    ) as python:
        await python.ended(READY_SECONDS)
        return time.monotonic() - began


async def start_bridge(stage: Stage) -> float:
    """Return the seconds from the start of the bridge until `/readyz` says yes. Raises ProgramFailed."""
    port = free_port()
    settings = Worker(settings={"BRIDGE_ADMIN__PORT": str(port)}).environment(stage)
    command = [bridge_python(), "-m", "bridge", "run"]
    began = time.monotonic()
    async with stage.program(command, settings, log="startup.log", cores=stage.cores.measured) as process:
        async with _bounded("the bridge"):
            while not await _says_ready(port):
                if not process.running:
                    raise ProgramFailed(f"the bridge ended with {process.exit_code} instead of being ready")
                await asyncio.sleep(0.002)
        return time.monotonic() - began


async def start_bare(stage: Stage) -> float:
    """Return the seconds from the start of the bare peer until it prints `ready`. Raises ProgramFailed."""
    began = time.monotonic()
    async with talking(
        BARE.command,
        peer_settings(stage, BARE),
        name=BARE.name,
        guard=stage.guard,
        cores=stage.cores.measured,
    ) as peer:
        while await peer.line(READY_SECONDS) != "ready":
            pass
        return time.monotonic() - began


@asynccontextmanager
async def _bounded(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(READY_SECONDS):
            yield
    except TimeoutError:
        raise ProgramFailed(f"{what} was not ready within {READY_SECONDS:g} s") from None


async def _says_ready(port: int) -> bool:
    # By hand, since it is asked every few milliseconds: a client's own start would count.
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(_GET)
        return (await reader.read(len(_YES))).startswith(_YES)
    except OSError:
        return False
    finally:
        writer.close()
