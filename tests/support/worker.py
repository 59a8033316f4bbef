"""A worker as a process, configured as in real life: by environment variables."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

BRIDGE = ("-m", "bridge", "run")

BOUND = 20.0
"""Seconds that a test waits for something that takes much less."""

_ADMIN = re.compile(rb'"admin":"[^"]*:(\d+)"')


def admin_url(log: Path) -> str:
    """Return where a worker's admin server listens, by its log. Raises ConnectionError."""
    ports = _ADMIN.findall(log.read_bytes())
    if not ports:
        raise ConnectionError("the worker has not said where it listens")
    # The last start's port, if it was started more than once.
    return f"http://127.0.0.1:{ports[-1].decode()}"


class Worker:
    """``python -m bridge run`` with its log in a file, or another program that is a worker."""

    def __init__(self, settings: Mapping[str, str], log: Path, program: Sequence[str] = BRIDGE) -> None:
        self.log = log
        self.settings = dict(settings)
        self._program = program
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")},
            "BRIDGE_ADMIN__HOST": "127.0.0.1",
            "BRIDGE_ADMIN__PORT": "0",
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running process."""
        assert self._process is not None, "the worker was not started"
        return self._process

    async def start(self, *, ready: bool = True) -> None:
        """Start the process; with ``ready`` wait until it serves requests."""
        # The folder of the log is empty otherwise: no config/bridge.toml is read by accident.
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._program,
                env=self._environment,
                stdout=output,
                stderr=output,
                cwd=self.log.parent,
            )
        if ready:
            await self.until_ready()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 40)

    def pause(self) -> None:
        """Freeze it (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.process.send_signal(signal.SIGCONT)

    def _written(self) -> bytes:
        """Return the log up to its last whole line: the worker may be writing the next one."""
        text = self.log.read_bytes()
        return text[: text.rfind(b"\n") + 1]

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the log's lines, or those of one event; a line that is no JSON fails the test."""
        lines = [orjson.loads(line) for line in self._written().splitlines()]
        return [line for line in lines if name is None or line["event"] == name]

    async def until_logged(self, name: str, count: int = 1) -> None:
        """Wait until an event stands in the log ``count`` times."""
        await until(lambda: len(self.events(name)) >= count, f"event {name} in {self.log}")

    async def until_ready(self) -> None:
        """Wait until ``/readyz`` says yes."""
        await self._until_status("/readyz", 200)

    async def until_not_ready(self) -> None:
        """Wait until ``/readyz`` says no."""
        await self._until_status("/readyz", 503)

    async def _until_status(self, path: str, status: int) -> None:
        said: object = "nothing"
        try:
            async with asyncio.timeout(BOUND):
                while True:
                    assert self.process.returncode is None, self.log.read_text()
                    try:
                        said = await self.get(path)
                        if said[0] == status:
                            return
                    except (aiohttp.ClientError, ConnectionError):
                        pass  # it does not listen yet
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise AssertionError(f"{path} said {said} for {BOUND} s; {self.log.read_text()}") from error

    @property
    def admin_url(self) -> str:
        """Where the admin server listens, as the worker logged it."""
        return admin_url(self.log)

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page of the admin server."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.admin_url}{path}") as response:
            return response.status, await response.text()

    async def metric(self, sample: str) -> float:
        """Return one sample by name and labels, ``lcm_bridge_consumers{queue="..."}``; 0 if there is none."""
        _, text = await self.get("/metrics")
        for line in text.splitlines():
            if line.startswith(f"{sample} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0


async def until(condition: Callable[[], bool], what: str, bound: float = BOUND) -> None:
    """Wait until something holds that no event tells of."""
    try:
        async with asyncio.timeout(bound):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {bound} s: {what}") from None


@asynccontextmanager
async def running(
    settings: Mapping[str, str],
    log: Path,
    *,
    ready: bool = True,
    program: Sequence[str] = BRIDGE,
) -> AsyncIterator[Worker]:
    """Run a worker for the length of a block; it is killed at the end if it still runs."""
    worker = Worker(settings, log, program)
    await worker.start(ready=ready)
    try:
        yield worker
    finally:
        if worker.process.returncode is None:
            worker.process.kill()
            await worker.process.wait()
