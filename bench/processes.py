"""Starts programs on chosen cores, in groups of their own that end with the harness, however it ends."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.demo.guard import Guard
from bridge.demo.processes import OwnedProcess, tail

ROOT = Path(__file__).parents[1]
LONGEST_LINE = 1 << 20


class ProgramFailed(RuntimeError):
    """A program did not start, or ended by itself; the message ends with what it printed last."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores are whose: one for what is measured, another for everything else."""

    measured: frozenset[int]
    rest: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        """Both together."""
        return self.measured | self.rest

    @property
    def apart(self) -> bool:
        """Whether what is measured has a core to itself."""
        return not self.measured & self.rest


def choose_cores() -> Cores:
    """Take the first core that this process may use for what is measured, and the second for the rest.

    With a single core they share it.
    """
    usable = sorted(os.sched_getaffinity(0))
    return Cores(frozenset(usable[:1]), frozenset(usable[1:2] or usable[:1]))


@contextmanager
def on(cores: frozenset[int]) -> Iterator[None]:
    """Run this thread on `cores` for the length of a block: what it starts meanwhile inherits them.

    Pinned before it is started, not after: no thread of it can have begun elsewhere.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program of this project: no settings but `settings`, and our packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "BENCH_"))}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return kept | dict(settings)


async def until(
    process: OwnedProcess, holds: Callable[[], Awaitable[bool]], what: str, seconds: float
) -> None:
    """Wait until `holds` is true. Raises ProgramFailed when `process` ends first or after `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await holds():
                if not process.running:
                    raise ProgramFailed(
                        f"{what}: it ended with {process.exit_code}; it said:\n{tail(process.log, 20)}"
                    )
                # No event tells of a line in a file, or of an answer of a server that does not listen yet.
                await asyncio.sleep(0.01)
            return
    raise ProgramFailed(f"{what}: not within {seconds:g} s; it said:\n{tail(process.log, 20)}")


class Talking:
    """A program whose lines are read as it prints them. `talking` starts it."""

    def __init__(self, process: asyncio.subprocess.Process, stdout: asyncio.StreamReader, name: str) -> None:
        self.pid = process.pid
        self._process = process
        self._stdout = stdout
        self._name = name

    async def line(self, seconds: float) -> str:
        """Return the next line. Raises ProgramFailed when it ends before, or prints none in `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                said = await self._stdout.readline()
                if not said:
                    code = await self._process.wait()
        except TimeoutError:
            raise ProgramFailed(f"{self._name} printed nothing for {seconds:g} s") from None
        if not said:
            raise ProgramFailed(f"{self._name} ended with {code} before it had said everything")
        return said.decode().rstrip("\n")

    async def ended(self, seconds: float) -> int:
        """Wait until it has ended and return its exit code. Raises ProgramFailed after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                return await self._process.wait()
        except TimeoutError:
            raise ProgramFailed(f"{self._name} had not ended after {seconds:g} s") from None


@asynccontextmanager
async def talking(
    command: Sequence[str],
    settings: Mapping[str, str] | None = None,
    *,
    name: str,
    guard: Guard,
    cores: frozenset[int],
) -> AsyncIterator[Talking]:
    """Run a program of ours for the length of a block and read its output; its errors go to our stderr."""
    with on(cores):
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment(settings or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            process_group=0,
        )
    guard.watch_group(process.pid)
    try:
        assert process.stdout is not None  # noqa: S101  (asked for above)
        yield Talking(process, process.stdout, name)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        guard.release_group(process.pid)
