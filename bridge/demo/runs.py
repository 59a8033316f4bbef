"""The two ways to run a private server: programs of this machine, or a container."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.demo.containers import OwnedContainer
from bridge.demo.guard import Guard
from bridge.demo.processes import OwnedProcess, tail


class Run(ABC):
    """One server, however it is run. Its data outlives everything but the end of its folder or container."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The server's process id. Raises RuntimeError before the first `launch`."""

    @abstractmethod
    async def launch(self, port: int) -> None:
        """Start it on `port`. Raises OSError or RuntimeError when it cannot even be started."""

    @abstractmethod
    async def alive(self) -> bool:
        """Whether it runs."""

    @abstractmethod
    async def terminate(self, grace: float) -> None:
        """End it in an orderly way, and by force after `grace` seconds."""

    @abstractmethod
    async def kill(self) -> None:
        """End it by SIGKILL."""

    @abstractmethod
    async def discard(self) -> None:
        """Remove what does not lie in its folder."""

    @abstractmethod
    def pause(self) -> None:
        """Freeze it."""

    @abstractmethod
    def resume(self) -> None:
        """Let it go on."""

    @abstractmethod
    def log_tail(self, lines: int) -> str:
        """Return the last `lines` lines of its log."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command, its arguments and its whole environment."""

    command: Sequence[str]
    env: Mapping[str, str]


class ProgramRun(Run):
    """Programs of this machine: those that `plan` names for a port, in that order; the last is the server."""

    def __init__(
        self, plan: Callable[[int], Sequence[Program]], *, folder: Path, log: Path, guard: Guard
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._log = log
        self._guard = guard
        self._processes: list[OwnedProcess] = []

    @property
    def pid(self) -> int:
        """The server's process id."""
        if not self._processes:
            raise RuntimeError("the server has not been started")
        return self._processes[-1].pid

    async def launch(self, port: int) -> None:
        """Start every program. What an earlier launch left is killed first."""
        await self.kill()
        self._processes = []
        for program in self._plan(port):
            process = OwnedProcess(
                program.command, env=program.env, folder=self._folder, log=self._log, guard=self._guard
            )
            self._processes.append(process)
            await process.start()

    async def alive(self) -> bool:
        """Whether all of them run."""
        return bool(self._processes) and all(process.running for process in self._processes)

    async def terminate(self, grace: float) -> None:
        """End them, the server first."""
        try:
            for process in reversed(self._processes):
                await process.stop(grace=grace)
        finally:
            await self.kill()

    async def kill(self) -> None:
        """Kill them, the server first."""
        for process in reversed(self._processes):
            await process.kill()

    async def discard(self) -> None:
        """Nothing lies outside the folder."""

    def pause(self) -> None:
        """Send SIGSTOP to all of them."""
        for process in self._processes:
            process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT to all of them."""
        for process in self._processes:
            process.signal(signal.SIGCONT)

    def log_tail(self, lines: int) -> str:
        """Return the end of the log file."""
        return tail(self._log, lines)


class ContainerRun(Run):
    """A container, which `plan` makes for a port."""

    def __init__(self, plan: Callable[[int], OwnedContainer]) -> None:
        self._plan = plan
        self._container: OwnedContainer | None = None
        self._port = 0

    @property
    def container(self) -> OwnedContainer:
        """The container. Raises RuntimeError before the first `launch`."""
        if self._container is None:
            raise RuntimeError("the server has not been started")
        return self._container

    @property
    def pid(self) -> int:
        """The process id of the container's first process."""
        return self.container.pid

    async def launch(self, port: int) -> None:
        """Start the container; for another port, a new one without data."""
        if self._container is None or self._port != port:
            await self.discard()
            self._container, self._port = self._plan(port), port
        await self._container.start()

    async def alive(self) -> bool:
        """Whether the container runs."""
        return self._container is not None and await self._container.running()

    async def terminate(self, grace: float) -> None:
        """Stop the container."""
        if self._container is not None:
            await self._container.stop(grace=grace)

    async def kill(self) -> None:
        """Kill the container, if it runs."""
        if await self.alive():
            await self.container.kill()

    async def discard(self) -> None:
        """Remove the container and its data."""
        if self._container is not None:
            await self._container.remove()
            self._container = None

    def pause(self) -> None:
        """Freeze the container."""
        self.container.signal("pause")

    def resume(self) -> None:
        """Let the container go on."""
        self.container.signal("unpause")

    def log_tail(self, lines: int) -> str:
        """Return the end of what the container printed."""
        return "" if self._container is None else self._container.log_tail(lines)
