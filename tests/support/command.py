"""``lcm-bridge`` as a process of its own, as a person at a terminal runs it."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.forked import run_fork

BOUND = 40.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    errors: str


async def run_command(
    *arguments: str, folder: Path, settings: dict[str, str] | None = None, given: bytes = b""
) -> Ended:
    """Run ``lcm-bridge`` with arguments, settings and standard input, in a folder of its own.

    It begins where the imports have ended; ``run`` begins at its beginning.
    """
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | (settings or {})
    if arguments[:1] == ("run",):
        command = (sys.executable, "-m", "bridge", *arguments)
        return await run_program(*command, given=given, environment=environment, folder=folder)
    with tempfile.TemporaryDirectory() as name:
        streams = Path(name)
        (streams / "0").write_bytes(given)
        code = await run_fork(arguments, environment, folder, streams, BOUND)
        return Ended(code, (streams / "1").read_text(), (streams / "2").read_text())


async def run_program(
    *command: str,
    given: bytes = b"",
    bound: float = BOUND,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Ended:
    """Run a program to its end; it is killed if that is not within the bound. Raises TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(given), bound)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, output.decode(), errors.decode())
