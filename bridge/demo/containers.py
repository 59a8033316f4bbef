"""A server in a container, for machines that have a container engine and not the server's package."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.demo.guard import Guard
from bridge.demo.processes import run_to_end

PULL_SECONDS = 900.0  # the image may have to come over a slow line


def find_engine() -> str | None:
    """Return the path of docker or podman, whichever is found first and answers; else None."""
    for name in ("docker", "podman"):
        path = shutil.which(name)
        if path is None:
            continue
        try:
            asked = subprocess.run(  # noqa: S603
                [path, "version"], capture_output=True, check=False, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0:
            return path
    return None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a container is made of.

    `ports` leads from ports of 127.0.0.1 to ports of the container; `command` replaces the image's own;
    `files` (here, there) are copied into it before its first start.
    """

    image: str
    name: str
    ports: Mapping[int, int]
    command: Sequence[str] = ()
    files: Sequence[tuple[Path, str]] = ()


class OwnedContainer:
    """One container, which keeps its data from one start to the next, until `remove`.

    What the engine refuses is a RuntimeError with its words, TimeoutError is raised where it does not answer.
    """

    def __init__(self, engine: str, recipe: Recipe, guard: Guard) -> None:
        self._engine = engine
        self._recipe = recipe
        self._guard = guard
        self._created = False
        self._pid = 0

    @property
    def name(self) -> str:
        """Its name, which is its host name too."""
        return self._recipe.name

    @property
    def pid(self) -> int:
        """The process id of its first process, as the engine's machine knows it."""
        return self._pid

    async def start(self) -> None:
        """Create the container unless it is there, pulling its image if need be, and start it."""
        if not self._created:
            # First, so that nothing is left when this is interrupted half way.
            self._guard.watch_container(self.name)
            ports = [
                word
                for port, inner in self._recipe.ports.items()
                for word in ("-p", f"127.0.0.1:{port}:{inner}")
            ]
            named = ("--name", self.name, "--hostname", self.name)
            await self._ask(
                "create", *named, *ports, self._recipe.image, *self._recipe.command, seconds=PULL_SECONDS
            )
            self._created = True
            for source, target in self._recipe.files:
                await self._ask("cp", str(source), f"{self.name}:{target}")
        await self._ask("start", self.name)
        self._pid = int(await self._ask("inspect", "--format", "{{.State.Pid}}", self.name))

    async def running(self) -> bool:
        """Whether the engine says that it runs."""
        return (await self._ask("inspect", "--format", "{{.State.Running}}", self.name)) == "true"

    async def stop(self, *, grace: float = 30.0) -> None:
        """Ask it to end; after `grace` seconds the engine kills it."""
        if self._created:
            await self._ask("stop", "-t", str(int(grace)), self.name, seconds=grace + 30)

    async def kill(self) -> None:
        """End it by SIGKILL. Its data stays."""
        if self._created:
            await self._ask("kill", self.name)

    def signal(self, command: str) -> None:
        """Have the engine `pause` or `unpause` it. Raises subprocess.SubprocessError where it does not."""
        subprocess.run([self._engine, command, self.name], capture_output=True, check=True, timeout=30)  # noqa: S603

    async def remove(self) -> None:
        """Remove it and its data, running or not."""
        if self._created:
            await self._ask("rm", "-fv", self.name)
            self._created = False
        self._guard.release_container(self.name)

    def log_tail(self, lines: int) -> str:
        """Return the last `lines` lines that it printed."""
        asked = subprocess.run(  # noqa: S603
            [self._engine, "logs", "--tail", str(lines), self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=30,
            text=True,
            errors="replace",
        )
        return asked.stdout

    async def execute(self, *command: str, seconds: float) -> str:
        """Run `command` inside it and return what it printed."""
        return await self._ask("exec", self.name, *command, seconds=seconds)

    async def _ask(self, *arguments: str, seconds: float = 60) -> str:
        """Run the engine with `arguments` and return what it printed, without the last line end."""
        ended = await run_to_end(self._engine, *arguments, seconds=seconds)
        if ended.code != 0:
            raise RuntimeError(f"{self._engine} {arguments[0]}: {ended.errors.strip()}")
        return ended.output
