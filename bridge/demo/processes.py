"""One program of our own: started in a process group of its own, logged to a file, ended by its id."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bridge.demo.guard import Guard


def tail(log: Path, lines: int = 40) -> str:
    """Return the last `lines` lines of the file `log`; "" when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 400 * lines))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


class Ended(NamedTuple):
    """How a program ended, and what it printed, without the last line end."""

    code: int
    output: str
    errors: str


async def run_to_end(*command: str, seconds: float, env: Mapping[str, str] | None = None) -> Ended:
    """Run a program to its end; it is killed where that takes longer. Raises OSError, TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = (text.decode(errors="replace").rstrip("\n") for text in (output, errors))
    return Ended(process.returncode or 0, *said)


class OwnedProcess:
    """A program in its own process group, which `guard` kills should this process vanish.

    What it prints is added to the file `log`. It can be started again after it has ended.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path, guard: Guard
    ) -> None:
        self.log = log
        self._command = list(command)
        self._env = dict(env)
        self._folder = folder
        self._guard = guard
        self._process: asyncio.subprocess.Process | None = None
        self._cleared = True  # nothing of the group is left: its number may belong to somebody else

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group too. Raises RuntimeError when it never ran."""
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} has not been started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: the signal), None while it runs or before it was started."""
        return None if self._process is None else self._process.returncode

    async def start(self) -> None:
        """Start it. Raises OSError when the program cannot be run, RuntimeError when it runs already."""
        if self.running:
            raise RuntimeError(f"{self._command[0]} is already running")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._env,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                process_group=0,
            )
        self._cleared = False
        self._guard.watch_group(self._process.pid)

    async def stop(self, *, grace: float = 30.0) -> bool:
        """Ask it to end (SIGTERM) and wait; after `grace` seconds kill its group. True if it ended by itself.

        A cancellation kills it at once and is passed on.
        """
        if self._process is None:
            return True
        ended = self._process.returncode is not None
        try:
            if not ended:
                self.signal(signal.SIGCONT)  # a stopped process takes no SIGTERM
                # To the program alone: the Erlang machine takes the loss of its own child for a fault.
                with suppress(ProcessLookupError):
                    os.kill(self._process.pid, signal.SIGTERM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace):
                        await self._process.wait()
                        ended = True
        finally:
            await self.kill()
        return ended

    async def kill(self) -> None:
        """End its whole group by SIGKILL and wait until it is gone."""
        if self._process is None or self._cleared:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._cleared = True
        try:
            await self._process.wait()
        finally:
            self._guard.release_group(self._process.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send the signal `number` to its whole group; nothing when it has ended."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def wait(self) -> int:
        """Wait, without a bound, until it has ended and return its exit code."""
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} has not been started")
        return await self._process.wait()
