"""The private servers leave neither a process nor a folder behind, however what started them ends."""

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from servers.processes import eventually, given, runs

from bridge.demo.guard import Guard
from bridge.demo.servers import PrivateRedis

PARENT = """
import asyncio, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
from bridge.demo.ports import free_port
from bridge.demo.servers import {server}

async def main():
    async with {server}() as server:
        print(server.pid, server.folder, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def parent_of(server: str) -> AsyncIterator[tuple[Process, int, Path]]:
    """Run a process that starts a server; give it, and the server's process and folder."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT.format(server=server), stdout=PIPE, stderr=DEVNULL
    )
    try:
        assert parent.stdout is not None
        pid, folder = (await parent.stdout.readline()).decode().split()
        yield parent, int(pid), Path(folder)
    finally:
        with suppress(ProcessLookupError):
            parent.kill()
        await parent.wait()


async def test_a_paused_server_can_be_stopped() -> None:
    """`stop` ends a frozen server in an orderly way too."""
    server = PrivateRedis()
    await server.start()
    server.pause()
    pid = server.pid

    await asyncio.wait_for(server.stop(), 10)

    assert not runs(pid)


async def test_stopping_leaves_no_process_and_no_folder() -> None:
    """After `stop` the process and the folder are gone, and the object can be started again."""
    server = PrivateRedis()
    for _ in range(2):
        await server.start()
        pid, folder = server.pid, server.folder
        await server.stop()

        assert not runs(pid)
        assert not folder.exists()
    await server.stop()


async def test_a_given_folder_is_left_to_its_owner(tmp_path: Path) -> None:
    """Data written to a folder of the caller's is there for the next server."""
    for expected in (None, b"1"):
        async with PrivateRedis(folder=tmp_path) as server, Redis.from_url(server.url) as client:
            assert expected == await client.get("key")
            await client.set("key", "1")


async def test_an_exception_inside_the_block_stops_the_server() -> None:
    """Leaving the block by an exception ends the server like leaving it by the end."""
    server = PrivateRedis()
    pids = []

    async def fail_inside() -> None:
        async with server:
            pids.append(server.pid)
            raise LookupError("inside")

    with pytest.raises(LookupError, match="inside"):
        await fail_inside()

    assert [runs(pid) for pid in pids] == [False]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_the_server_ends_with_the_process_that_started_it(how: signal.Signals) -> None:
    """However the starting process ends, its server and the folder go too."""
    async with parent_of("PrivateRedis") as (parent, pid, folder):
        assert runs(pid)

        parent.send_signal(how)

        assert await eventually(lambda: not runs(pid) and not folder.exists())


@pytest.mark.rabbitmq
async def test_a_killed_process_leaves_nothing_of_its_rabbit() -> None:
    """The node, its port mapper and their children go, however many programs became the node."""
    async with parent_of("PrivateRabbit") as (parent, pid, folder):
        assert pid in given(str(folder))

        parent.kill()

        assert await eventually(lambda: not given(str(folder)) and not folder.exists())


async def test_a_cancelled_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that is cancelled half way, as by Ctrl-C, ends what it had started."""
    server = PrivateRedis()
    asked = asyncio.Event()

    async def never(_: int) -> bool:
        asked.set()
        return False

    monkeypatch.setattr(server, "_answers", never)
    start = asyncio.ensure_future(server.start())
    await asyncio.wait_for(asked.wait(), 10)
    pid, folder = server.pid, server.folder
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start

    assert not runs(pid)
    assert not folder.exists()


def test_a_guard_forgets_what_has_ended(tmp_path: Path) -> None:
    """Only what is still watched when the guard closes is killed, and its folder is removed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with (
        subprocess.Popen(["/bin/sleep", "60"], process_group=0) as released,
        subprocess.Popen(["/bin/sleep", "60"], process_group=0) as watched,
    ):
        with Guard(folder=folder) as guard:
            for process in (released, watched):
                guard.watch_group(process.pid)
            guard.release_group(released.pid)

        assert watched.wait(5) == -signal.SIGKILL
        assert released.poll() is None
        released.kill()
    assert not folder.exists()
