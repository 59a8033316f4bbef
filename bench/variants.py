"""The programs that do the same work: the bridge and its peers, how each is started, which queues are its."""

import importlib.util
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp

from bench.processes import ROOT, ProgramFailed, until
from bench.stage import Stage
from bridge.demo.processes import OwnedProcess, tail
from bridge.settings import Amqp

PREFETCH = 200
READY_SECONDS = 60.0
LONGEST_START = 1 << 16
"""Bytes of a log in which the bridge has said where its admin server listens."""

_ADMIN = re.compile(rb'"admin":"[^"]*:(\d+)"')


class Unavailable(RuntimeError):
    """A variant cannot be run on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to do the work. `modules` and `programs` are what it needs of this machine.

    An empty `command` stands for the bridge itself.
    """

    name: str
    about: str
    command: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    calls_lcm: bool = True

    def check(self) -> None:
        """Raise Unavailable if something that it needs is not installed."""
        lacking = [
            f"the Python package {name}" for name in self.modules if importlib.util.find_spec(name) is None
        ]
        lacking += [f"program {name}" for name in self.programs if shutil.which(name) is None]
        lacking += [name for name in self.files if not (ROOT / name).exists()]
        if lacking:
            raise Unavailable(
                f"{self.name} is left out, there is no {', no '.join(lacking)}: scripts/setup.sh --bench"
            )


def _peer(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.peers.{module}")


BRIDGE = Variant(name="bridge", about="lcm-bridge, everything on")
BARE = Variant(
    name="bare",
    about="(a) aio-pika + aiohttp on asyncio; no Redis, no log",
    command=_peer("bare"),
)
VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        BRIDGE,
        BARE,
        Variant(
            name="faststream-httpx",
            about="(b) FastStream + httpx + redis-py, as documented",
            command=_peer("faststream_httpx"),
            modules=("faststream", "httpx"),
        ),
        Variant(
            name="faststream-tuned",
            about="(c) FastStream + aiohttp + redis-py, tuned",
            command=_peer("faststream_tuned"),
            modules=("faststream",),
        ),
        Variant(
            name="node",
            about="(d) Node: amqplib + undici + ioredis",
            command=("node", str(ROOT / "bench/peers/node/peer.mjs")),
            programs=("node",),
            files=("bench/peers/node/node_modules",),
        ),
        Variant(
            name="echo",
            about="(e) the broker's ceiling: replies without LCM",
            command=_peer("echo"),
            calls_lcm=False,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A variant that runs, in one process or several; `queues` are its queues by workload.

    `admin_url` is where the first process of the bridge answers probes; a peer has none.
    """

    variant: Variant
    name: str
    queues: Mapping[str, str]
    processes: Sequence[OwnedProcess]
    cores: frozenset[int]
    admin_url: str | None = None

    @property
    def pids(self) -> list[int]:
        """The ids of its processes. Raises ProgramFailed, with what it said, when one has ended."""
        for process in self.processes:
            if not process.running:
                raise ProgramFailed(
                    f"{self.name} ended with {process.exit_code}; it said:\n{tail(process.log, 20)}"
                )
        return [process.pid for process in self.processes]

    def forget_log(self) -> None:
        """Empty its logs: they are written to a file, as in real life, and would fill the disk."""
        for process in self.processes:
            with process.log.open("r+b") as log:  # it writes at the end, wherever that is
                log.truncate()


def bridge_python() -> str:
    """Return the Python that has what the bridge needs: `.venv` of this folder, else our own."""
    own = ROOT / ".venv/bin/python"
    return str(own) if own.exists() else sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """How the bridge is run. `settings` are further BRIDGE_* variables, `cores` None means the measured one.

    Bridges that run at once and are not to share their queues have a `prefix` each. `each` are variables of
    single processes, which are then as many. `folder` holds another version of the bridge than this one.
    """

    name: str = BRIDGE.name
    prefix: str = "lcm"
    prefetch: int = PREFETCH
    processes: int = 1
    cores: frozenset[int] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    each: Sequence[Mapping[str, str]] = ()
    folder: Path | None = None

    def environment(self, stage: Stage) -> dict[str, str]:
        """Return its environment variables.

        Everything is on: validation, ledger, contact cache, metrics, one line of JSON per request.
        """
        return {
            "BRIDGE_AMQP__URL": stage.amqp_url,
            "BRIDGE_AMQP__PREFIX": self.prefix,
            "BRIDGE_AMQP__AGENT_PREFETCH": str(self.prefetch),
            "BRIDGE_AMQP__CAMPAIGN_PREFETCH": str(self.prefetch),
            "BRIDGE_REDIS__URL": stage.redis_url,
            "BRIDGE_REDIS__PREFIX": self.prefix,
            "BRIDGE_LCM__BASE_URL": stage.lcm_url,
            "BRIDGE_LCM__CONCURRENCY": str(2 * self.prefetch),  # both queues' requests find a place
            "BRIDGE_ADMIN__HOST": "127.0.0.1",
            "BRIDGE_ADMIN__PORT": "0",
            "BRIDGE_LOG__FORMAT": "json",
            "BRIDGE_LOG__LEVEL": "INFO",
            **({"PYTHONPATH": str(self.folder.resolve())} if self.folder else {}),
            **self.settings,
        }


@asynccontextmanager
async def running_bridge(stage: Stage, worker: Worker) -> AsyncIterator[Running]:
    """Run `python -m bridge run` for the length of a block; it is ready when the block begins.

    Raises ProgramFailed.
    """
    cores = worker.cores or stage.cores.measured
    async with AsyncExitStack() as stack:
        started = []
        for number, own in enumerate(worker.each or [{}] * worker.processes):
            program = stage.program(
                [bridge_python(), "-m", "bridge", "run"],
                {**worker.environment(stage), **own},
                log=f"{worker.prefix}-{number}.log",
                cores=cores,
            )
            started.append(await stack.enter_async_context(program))
        for process in started:
            await until(process, partial(_is_ready, process.log), "the bridge", READY_SECONDS)
        names = Amqp(prefix=worker.prefix)
        queues = {"read": names.agent_queue, "side-effect": names.campaign_queue}
        yield Running(
            variant=BRIDGE,
            name=worker.name,
            queues=queues,
            processes=started,
            cores=cores,
            admin_url=_admin_url(started[0].log),  # now: the log is emptied while it runs
        )


def peer_queues(variant: Variant, processes: int = 1) -> dict[str, str]:
    """Return a peer's queues by workload; those of so many processes are their own."""
    name = f"{variant.name}-{processes}" if processes > 1 else variant.name
    return {"read": f"bench.{name}.agent", "side-effect": f"bench.{name}.campaign"}


def peer_settings(stage: Stage, variant: Variant, processes: int = 1) -> dict[str, str]:
    """Return a peer's environment variables."""
    return {
        "BENCH_AMQP_URL": stage.amqp_url,
        "BENCH_REDIS_URL": stage.redis_url,
        "BENCH_LCM_URL": stage.lcm_url,
        "BENCH_QUEUES": ",".join(peer_queues(variant, processes).values()),
        "BENCH_PREFETCH": str(PREFETCH),
    }


@asynccontextmanager
async def running_peer(stage: Stage, variant: Variant, processes: int = 1) -> AsyncIterator[Running]:
    """Declare a peer's queues and run it for the length of a block. Raises Unavailable and ProgramFailed."""
    variant.check()
    queues = peer_queues(variant, processes)
    await stage.declare(*queues.values())
    settings = peer_settings(stage, variant, processes)
    name = f"{variant.name} x {processes}" if processes > 1 else variant.name
    async with AsyncExitStack() as stack:
        started = []
        for number in range(processes):
            log = f"{variant.name}-{processes}-{number}.log"
            program = stage.program(variant.command, settings, log=log, cores=stage.cores.measured)
            process = await stack.enter_async_context(program)
            await until(process, partial(_said_ready, process.log), name, READY_SECONDS)
            started.append(process)
        yield Running(
            variant=variant, name=name, queues=queues, processes=started, cores=stage.cores.measured
        )


async def _said_ready(log: Path) -> bool:
    return "ready" in tail(log).splitlines()


async def _is_ready(log: Path) -> bool:
    url = _admin_url(log)
    if url is None:
        return False
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(f"{url}/readyz") as answer,
        ):
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


def _admin_url(log: Path) -> str | None:
    with log.open("rb") as lines:
        found = _ADMIN.search(lines.read(LONGEST_START))
    return f"http://127.0.0.1:{int(found[1])}" if found else None
