"""What the private servers have in common: start, readiness, crash, restart, and leaving nothing behind."""

import asyncio
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from bridge.demo.containers import OwnedContainer, find_engine
from bridge.demo.guard import Guard
from bridge.demo.ports import free_port
from bridge.demo.runs import ContainerRun, Program, ProgramRun, Run

STOP_SECONDS = 30.0
TRIES = 5
PROBE_SECONDS = 2.0  # whoever took the port meanwhile may keep silent for ever
# What servers and container engines say when somebody else was quicker to take the port.
ADDRESS_TAKEN = ("eaddrinuse", "already in use", "already allocated", "epmd error", "epmd reports")


class ServerMissing(RuntimeError):
    """Neither the server's program nor a container engine is here; the message says what to install."""


class ServerFailed(RuntimeError):
    """The server did not start or does not answer; the message ends with the last lines of its log."""


class PrivateServer(ABC):
    """A server of one's own on 127.0.0.1.

    Without `folder`, data and log live in a fresh temporary folder, which `stop` removes. With it they
    live there, and removing it is its owner's business. `start_seconds` bounds each start.
    """

    name: ClassVar[str]

    def __init__(self, *, folder: Path | None = None, start_seconds: float = 90.0) -> None:
        self._given_folder = folder
        self._start_seconds = start_seconds
        self._folder: Path | None = None
        self._guard: Guard | None = None
        self._run: Run | None = None
        self._port = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect. Raises RuntimeError before `start`."""

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, the same until `stop`. Raises RuntimeError before `start`."""
        if not self._port:
            raise RuntimeError(f"the private {self.name} has not been started")
        return self._port

    @property
    def folder(self) -> Path:
        """Where its data and its log live. Raises RuntimeError before `start`."""
        if self._folder is None:
            raise RuntimeError(f"the private {self.name} has not been started")
        return self._folder

    @property
    def log(self) -> Path:
        """The log file. A server in a container has none: see `log_tail`."""
        return self.folder / f"{self.name.lower()}.log"

    @property
    def pid(self) -> int:
        """The server's process id. Raises RuntimeError before `start`."""
        return self._started().pid

    def log_tail(self, lines: int = 40) -> str:
        """Return the last `lines` lines of its log."""
        return "" if self._run is None else self._run.log_tail(lines)

    async def start(self) -> None:
        """Start it, after `kill` on the same port and data, and return when it answers requests.

        Raises ServerMissing when nothing is installed that could run it, ServerFailed when it does not
        answer in time, RuntimeError when it runs already. Nothing is left running after an error.
        """
        if self._run is not None and await self._run.alive():
            raise RuntimeError(f"the private {self.name} is already running")
        try:
            if self._run is None:
                self._run = await self._prepare()
            await self._start_on_a_port(self._run)
        except BaseException:
            # Also when cancelled. What ran before keeps its port and its data for another try.
            if self._port == 0:
                await self.stop()
            elif self._run is not None:
                await self._run.kill()
            raise

    async def stop(self) -> None:
        """End it in an orderly way, by force after 30 s, and remove its folder. Nothing if never started."""
        run, guard = self._run, self._guard
        self._run, self._guard, self._port, self._folder = None, None, 0, None
        try:
            if run is not None:
                try:
                    await run.terminate(STOP_SECONDS)
                finally:
                    await run.discard()
        finally:
            if guard is not None:
                guard.close()  # kills what a cancellation left, removes the folder

    async def kill(self) -> None:
        """End it by SIGKILL, as a crash would. Its data stays, and `start` brings it back on its port."""
        await self._started().kill()

    async def restart(self) -> None:
        """End it in an orderly way, if it runs, and start it again on the same port and data.

        Raises ServerFailed when it does not answer in time.
        """
        await self._started().terminate(STOP_SECONDS)
        await self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nothing answers, as with a hung machine."""
        self._started().pause()

    def resume(self) -> None:
        """Let it go on after `pause` (SIGCONT)."""
        self._started().resume()

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()

    @abstractmethod
    def _find_program(self) -> str | None:
        """Return the path of the server's program, None when it is not installed."""

    @abstractmethod
    def _programs(self, program: str, port: int) -> Sequence[Program]:
        """Write what the server needs into its folder and name the programs to start, the server last."""

    @abstractmethod
    def _make_container(self, engine: str, port: int, guard: Guard) -> OwnedContainer:
        """Describe the container that runs the server on `port`."""

    @abstractmethod
    async def _answers(self, port: int) -> bool:
        """Whether this very server, not somebody else's, serves requests on `port`."""

    def _started(self) -> Run:
        if self._run is None:
            raise RuntimeError(f"the private {self.name} has not been started")
        return self._run

    async def _prepare(self) -> Run:
        """Find a way to run it, and make its folder and the guard that clears up after a crash."""
        program = self._find_program()
        engine = None if program else await asyncio.to_thread(find_engine)
        if program is None and engine is None:
            raise ServerMissing(
                f"{self.name} is not installed: run `make setup`, or install the package "
                f"{self.name.lower()}-server, or docker or podman to run it in a container"
            )
        own = self._given_folder is None
        if self._given_folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"lcm-bridge-{self.name.lower()}-"))
        else:
            self._folder = self._given_folder
            self._folder.mkdir(parents=True, exist_ok=True)
        self._guard = guard = Guard(folder=self._folder if own else None, engine=engine or "")
        if program is not None:
            return ProgramRun(
                lambda port: self._programs(program, port), folder=self._folder, log=self.log, guard=guard
            )
        return ContainerRun(lambda port: self._make_container(engine or "", port, guard))

    async def _start_on_a_port(self, run: Run) -> None:
        """Start it on its port, or else on a free one; on another one if somebody took it meanwhile."""
        for last in (*(False for _ in range(TRIES - 1)), True):
            port = self._port or free_port()
            try:
                await run.launch(port)
                await self._wait_until_it_answers(run, port)
            except (OSError, RuntimeError) as error:
                said = f"{error}\n{run.log_tail(40)}"
                await run.kill()
                if last or not any(words in said.lower() for words in ADDRESS_TAKEN):
                    raise ServerFailed(f"the private {self.name} did not start: {said}") from error
                if self._port:
                    await asyncio.sleep(1)  # its own port: give whoever has it time to leave
                continue
            self._port = port
            return

    async def _wait_until_it_answers(self, run: Run, port: int) -> None:
        try:
            async with asyncio.timeout(self._start_seconds):
                while not await self._answers(port):
                    if not await run.alive():
                        raise RuntimeError("it ended by itself; its log:")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RuntimeError(f"no answer within {self._start_seconds:g} s; its log:") from None
