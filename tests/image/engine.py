"""The container engine, as a person at a terminal uses it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.command import Ended, run_program
from support.worker import BOUND

ENDING = 40.0
"""Seconds that a container has to end by itself: a worker's grace, and some more."""

POLL = 0.05


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine, and the image under test."""

    program: str
    image: str
    is_podman: bool

    async def call(self, *arguments: str, given: bytes = b"", bound: float = BOUND) -> Ended:
        """Run one command of the engine to its end. Raises TimeoutError."""
        return await run_program(self.program, *arguments, given=given, bound=bound)

    @property
    def restrictions(self) -> tuple[str, ...]:
        """What a strict cluster takes away: a writable root, capabilities, new privileges, memory, root."""
        # Podman gives a read-only container a writable /tmp and /run unless told; a cluster does not.
        own = ("--read-only-tmpfs=false",) if self.is_podman else ()
        return (
            "--read-only",
            *own,
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            "--memory=256m",
            "--pids-limit=100",
            "--user=10001:10001",
            "--network=host",
        )

    async def once(
        self,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
        entrypoint: str | None = None,
        given: bytes = b"",
    ) -> Ended:
        """Run a container to its end under the restrictions; ``mounts`` are read-only."""
        options = ["--rm", "--interactive", *_options(settings, mounts)]
        if entrypoint is not None:
            options.append(f"--entrypoint={entrypoint}")
        return await self.call(
            "run", *self.restrictions, *options, self.image, *arguments, given=given, bound=ENDING
        )

    @asynccontextmanager
    async def running(
        self, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator["Container"]:
        """Run a container under the restrictions for the length of a block."""
        started = await self.call(
            "run", "--detach", *self.restrictions, *_options(settings, None), self.image, *arguments
        )
        assert started.code == 0, started.errors
        container = Container(self, started.output.strip())
        try:
            yield container
        finally:
            await self.call("rm", "--force", container.id)

    async def inspected(self) -> dict[str, Any]:
        """Return what the engine tells of the image."""
        ended = await self.call("image", "inspect", self.image)
        assert ended.code == 0, ended.errors
        [image] = json.loads(ended.output)
        return dict(image)


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was started."""

    engine: Engine
    id: str

    async def do(self, *command: str, given: bytes = b"") -> Ended:
        """Run a command in it."""
        return await self.engine.call("exec", "--interactive", self.id, *command, given=given, bound=ENDING)

    async def logs(self) -> str:
        """Return what it has written."""
        ended = await self.engine.call("logs", self.id)
        return ended.output + ended.errors

    async def until_done(self, *command: str) -> Ended:
        """Wait until a command in it succeeds, and return how it ended."""
        async with asyncio.timeout(BOUND):
            while (ended := await self.do(*command)).code != 0:
                assert "true" in await self._running(), await self.logs()
                await asyncio.sleep(POLL)
        return ended

    async def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        sent = await self.engine.call("kill", "--signal=TERM", self.id)
        assert sent.code == 0, sent.errors
        ended = await self.engine.call("wait", self.id, bound=ENDING)
        return int(ended.output)

    async def _running(self) -> str:
        ended = await self.engine.call("container", "inspect", "--format={{.State.Running}}", self.id)
        return ended.output


def _options(settings: Mapping[str, str] | None, mounts: Mapping[Path, str] | None) -> Sequence[str]:
    return (
        *(f"--env={name}={value}" for name, value in (settings or {}).items()),
        *(f"--volume={path}:{place}:ro,z" for path, place in (mounts or {}).items()),
    )
