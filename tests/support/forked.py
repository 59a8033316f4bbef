"""Commands of ``lcm-bridge`` as processes that begin where the imports have ended.

Most of what a short command costs is its imports, and the suite runs some hundreds of them: so a process
that has imported everything is kept, and each command is a fork of it. What depends on how a process starts
is tested with `support.command.run_program`.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "aio_pika",
        "aiohttp",
        "redis.asyncio",
        "bridge.app",
        "bridge.cli.check",
        "bridge.cli.dead_letters",
        "bridge.cli.request",
    ]
)


async def run_fork(
    arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, streams: Path, bound: float
) -> int:
    """Run a command in a folder, with its streams in files ``0``, ``1``, ``2``; return its exit code.

    It is killed if it does not end within the bound, in seconds. Raises TimeoutError.
    """
    process = CONTEXT.Process(
        target=_command, args=(arguments, dict(environment), folder, streams), daemon=True
    )
    process.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), bound)
    finally:
        loop.remove_reader(process.sentinel)
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def _command(arguments: tuple[str, ...], environment: dict[str, str], folder: Path, streams: Path) -> None:
    from bridge.__main__ import main  # noqa: PLC0415 - not where the tests run, whose signals it would change

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, flags in enumerate((os.O_RDONLY, *(os.O_WRONLY | os.O_CREAT,) * 2)):
        opened = os.open(streams / str(number), flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it ends with the process
    sys.exit(main(list(arguments)))
