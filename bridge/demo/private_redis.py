"""A private Redis."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bridge.demo.containers import OwnedContainer, Recipe
from bridge.demo.guard import Guard
from bridge.demo.private import PROBE_SECONDS, PrivateServer
from bridge.demo.runs import ContainerRun, Program

REDIS_IMAGE = "redis:8"


class PrivateRedis(PrivateServer):
    """A Redis server of one's own, without a password.

    `appendonly` keeps every confirmed write over `kill` and `start`; `arguments` are further arguments of
    redis-server, such as `("--maxmemory", "50mb")`.
    """

    name = "Redis"

    def __init__(
        self,
        *,
        appendonly: bool = True,
        arguments: Sequence[str] = (),
        folder: Path | None = None,
        start_seconds: float = 60.0,
    ) -> None:
        super().__init__(folder=folder, start_seconds=start_seconds)
        keep = "yes" if appendonly else "no"
        self._options = ["--save", "", "--appendonly", keep, "--maxmemory-policy", "noeviction", *arguments]

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:<port>/0`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _find_program(self) -> str | None:
        return shutil.which("redis-server", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")

    def _programs(self, program: str, port: int) -> list[Program]:
        own = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--daemonize", "no")
        return [Program(command=[program, *own, *self._options], env=dict(os.environ))]

    def _make_container(self, engine: str, port: int, guard: Guard) -> OwnedContainer:
        name = f"lcm-bridge-{secrets.token_hex(4)}-{port}"
        # Its port is published on the loopback address only; any user of any image may write to /tmp.
        own = ("--protected-mode", "no", "--dir", "/tmp")  # noqa: S108  (the container's)
        command = ("redis-server", *own, *self._options)
        return OwnedContainer(
            engine, Recipe(image=REDIS_IMAGE, name=name, ports={port: 6379}, command=command), guard
        )

    async def _answers(self, port: int) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(b"PING\r\nINFO server\r\n")
                    first = await reader.readline()
                    if first.startswith(b"-NOAUTH"):
                        return True  # a password among the arguments: it serves, though not us
                    if first != b"+PONG\r\n":
                        return False  # loading its data
                    if isinstance(self._run, ContainerRun):
                        return True
                    length = int((await reader.readline())[1:])
                    said = await reader.readexactly(length)
                    return f"process_id:{self.pid}\r".encode() in said
                finally:
                    writer.close()
                    with suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            return False
