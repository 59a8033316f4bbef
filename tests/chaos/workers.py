"""Several workers as processes of their own, and what they say of themselves."""

import asyncio
import itertools
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import orjson
from support.worker import admin_url

from bridge.demo.guard import Guard
from bridge.demo.processes import OwnedProcess, tail

STOP_SECONDS = 40.0
"""Seconds that a worker may take after SIGTERM; its own grace is well below."""
READY_SECONDS = 30.0
BRIDGE = ("-m", "bridge", "run")
"""What Python is to run as a worker."""
_NOTED = 50
"""Oddities that are kept word for word."""
_QUOTED = 1500
"""Characters of each."""
_UNRECORDED = frozenset({"not_recorded", "recorded_late"})
"""What the ledger may fail to do for a request that was carried out."""


class Logs:
    """Reads what workers write as they write it, and keeps what must not be there."""

    def __init__(self) -> None:
        self.odd: list[str] = []
        self.odd_lines = 0
        self.unrecorded: set[str] = set()
        self.events: Counter[str] = Counter()
        self._read: dict[Path, int] = {}

    def read(self, log: Path) -> None:
        """Look at what was added to a log."""
        start = self._read.get(log, 0)
        try:
            with log.open("rb") as file:
                file.seek(start)
                text = file.read()
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read[log] = start + len(whole)
        for line in whole.splitlines():
            self._judge(log, line)

    def note(self, text: str) -> None:
        """Keep something that must not be."""
        self.odd_lines += 1
        if len(self.odd) < _NOTED:
            self.odd.append(text[:_QUOTED])

    def _judge(self, log: Path, line: bytes) -> None:
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            if line.strip():
                self.note(f"{log.name}: {line.decode(errors='replace')}")
            return
        event, level = str(entry.get("event")), entry.get("level")
        if level in {"warning", "error", "critical"}:
            self.events[f"{level} {event[:60]}"] += 1
        # Of many events some are left out; a worker that is killed does not tell of the settled request.
        if _UNRECORDED & {event.removeprefix("ledger."), entry.get("ledger")}:
            self.unrecorded.add(str(entry.get("correlation_id")))
        if event == "worker.part_died" or level == "critical" or "exception" in entry:
            self.note(f"{log.name}: {line.decode(errors='replace')}")


class Worker:
    """One place in the fleet: a process, its successor when it is killed, and their log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        guard: Guard,
        logs: Logs,
    ) -> None:
        self.log = folder / f"{name}.log"
        self._name = name
        self._logs = logs
        self._process = OwnedProcess(command, env=env, folder=folder, log=self.log, guard=guard)
        self._asked_to_end = False
        self._watch: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self._process.running

    @property
    def pid(self) -> int:
        """The id of its process. Raises RuntimeError when it never ran."""
        return self._process.pid

    async def start(self) -> None:
        """Start the process."""
        self._asked_to_end = False
        await self._process.start()
        self._watch = asyncio.create_task(self._until_it_ends())

    def pause(self) -> None:
        """Freeze it (SIGSTOP)."""
        self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._process.signal(signal.SIGCONT)

    async def ready(self) -> None:
        """Wait until ``/readyz`` says yes, as a kubelet does. Raises TimeoutError."""
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{admin_url(self.log)}/readyz") as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, OSError):
                    pass  # it does not listen yet
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """End it by SIGKILL."""
        self._asked_to_end = True
        await self._process.kill()
        await self._watched()

    async def terminate(self) -> int | None:
        """End it by SIGTERM; return its exit code, None when it had to be killed."""
        self._asked_to_end = True
        in_time = await self._process.stop(grace=STOP_SECONDS)
        await self._watched()
        code = self._process.exit_code if in_time else None
        if code != 0:
            self._logs.note(f"{self._name}: SIGTERM ended in {code}; {tail(self.log, 5)}")
        return code

    async def _watched(self) -> None:
        if self._watch is not None:
            await self._watch

    async def _until_it_ends(self) -> None:
        code = await self._process.wait()
        if self._asked_to_end:
            return
        self._logs.note(f"{self._name}: died by itself with {code}; {tail(self.log, 8)}")
        # What it began is to be finished by somebody: the run goes on to tell what became of it.
        await self._process.kill()
        await asyncio.sleep(1)
        if not self._asked_to_end:
            await self.start()


class Fleet:
    """All workers."""

    def __init__(
        self, count: int, settings: Mapping[str, str], folder: Path, guard: Guard, program: Sequence[str]
    ) -> None:
        self.logs = Logs()
        command = [sys.executable, *program]
        root = str(Path(__file__).parents[2])
        own = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        env = {**own, "PYTHONPATH": root, **settings}
        self._made = (
            Worker(f"worker-{number}", command, env, folder, guard, self.logs) for number in itertools.count()
        )
        self.workers = list(itertools.islice(self._made, count))
        self._replaced: list[Worker] = []

    async def start(self) -> None:
        """Start them all."""
        for worker in self.workers:
            await worker.start()

    async def roll(self) -> None:
        """Replace each worker, as Kubernetes does with ``maxSurge: 1`` and ``maxUnavailable: 0``.

        Another one is started, and when it is ready an old one is asked to end; while that drains, the next
        is started.
        """
        async with asyncio.TaskGroup() as ending:
            for old in list(self.workers):
                new = next(self._made)
                self.workers.append(new)
                await new.start()
                await new.ready()
                self.workers.remove(old)
                self._replaced.append(old)
                ending.create_task(old.terminate())

    async def stop(self) -> None:
        """End them all in order, which must succeed."""
        await asyncio.gather(*(worker.terminate() for worker in self.workers if worker.running))
        self.read_logs()

    async def kill(self) -> None:
        """Kill what is left."""
        await asyncio.gather(*(worker.kill() for worker in [*self.workers, *self._replaced]))

    def read_logs(self) -> None:
        """Look at what was logged since the last look."""
        for worker in [*self.workers, *self._replaced]:
            self.logs.read(worker.log)
