"""The private servers: they answer, come back with their data, and leave nothing behind."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aio_pika
import pytest
from redis.asyncio import Redis
from support.connecting import connect

from bridge.demo import private
from bridge.demo.guard import Guard
from bridge.demo.installed import WHICH_RABBIT
from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRabbit, PrivateRedis, ServerFailed, ServerMissing

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


async def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Return whether `holds` comes true within `seconds`."""
    give_up = asyncio.get_running_loop().time() + seconds
    while not holds():
        if asyncio.get_running_loop().time() > give_up:
            return False
        await asyncio.sleep(0.02)
    return True


def runs(pid: int) -> bool:
    """Return whether a process `pid` exists and is not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def given(folder: str) -> set[int]:
    """Return the processes in whose environment `folder` is named."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.encode() in (process / "environ").read_bytes():
                found.add(int(process.name))
    return found


def listeners(port: int) -> set[str]:
    """Return the addresses, in the kernel's hexadecimal form, on which something listens on `port`."""
    lines = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    rows = [line.split() for line in lines if " 0A " in line]
    return {row[1].split(":")[0] for row in rows if row[1].endswith(f":{port:04X}")}


def test_no_setting_of_the_developer_reaches_a_test() -> None:
    """Every BRIDGE_* variable is taken out of the environment."""
    assert [name for name in os.environ if name.startswith("BRIDGE_")] == []


async def test_the_shared_rabbit_carries_a_message(rabbit: PrivateRabbit) -> None:
    """What is published to a queue of the session's RabbitMQ can be fetched from it."""
    async with await connect(rabbit.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), routing_key=queue.name)

        message = await queue.get(timeout=5)

    assert message.body == b"hello"


async def test_the_shared_redis_keeps_a_value(redis_server: PrivateRedis) -> None:
    """What is written to the session's Redis can be read from it."""
    async with Redis.from_url(redis_server.url) as client:
        await client.set("servers:greeting", "hello")

        assert await client.get("servers:greeting") == b"hello"


async def test_the_servers_listen_on_loopback_only(rabbit: PrivateRabbit, redis_server: PrivateRedis) -> None:
    """Nobody reaches a private server from outside the machine, and clients cannot sit on its port."""
    assert {"0100007F"} == listeners(rabbit.port) == listeners(redis_server.port)
    assert rabbit.port < 32768
    assert redis_server.port < 32768


async def test_rabbitmqctl_reaches_the_node(rabbit: PrivateRabbit) -> None:
    """`ctl` runs against the private node, and reports what the tool complains about."""
    assert "guest" in await rabbit.ctl("list_users", "--silent")
    with pytest.raises(RuntimeError, match="no_such_command"):
        await rabbit.ctl("no_such_command")


@pytest.mark.rabbitmq
async def test_a_crashed_rabbit_comes_back_with_its_messages() -> None:
    """After SIGKILL port, messages, extra settings and plugins are the same."""
    async with PrivateRabbit(
        plugins=["rabbitmq_prometheus"],
        conf=["channel_max = 77"],
        advanced={"dead_letter_worker_consumer_prefetch": 7},
    ) as server:
        url, folder = server.url, server.folder
        async with await connect(url) as connection:
            channel = await connection.channel()
            await channel.declare_queue("kept", durable=True)
        # RabbitMQ may forget a queue when it is killed within a second of its declaration.
        await server.restart()
        async with await connect(url) as connection:
            channel = await connection.channel()
            message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, routing_key="kept")

        await server.kill()
        await server.start()

        assert url == server.url
        assert folder == server.folder
        async with await connect(url) as connection:
            queue = await (await connection.channel()).get_queue("kept")
            kept = await queue.get(timeout=5)
            assert kept.body == b"kept"
        with await asyncio.to_thread(urllib.request.urlopen, server.metrics_url, timeout=5) as page:
            assert b"rabbitmq_" in page.read()
        environment = await server.ctl("environment", "--silent")
        assert "{channel_max,77}" in environment
        assert "{dead_letter_worker_consumer_prefetch,7}" in environment
        pid = server.pid
    assert not runs(pid)
    assert not folder.exists()


@pytest.mark.parametrize(("appendonly", "kept"), [(True, b"1"), (False, None)])
async def test_a_crashed_redis_keeps_what_it_was_told_to(*, appendonly: bool, kept: bytes | None) -> None:
    """With the append-only file writes outlive SIGKILL and a restart, without it none does."""
    async with PrivateRedis(appendonly=appendonly) as server:
        port = server.port
        async with Redis.from_url(server.url) as client:
            await client.set("key", "1")
        await server.kill()
        await server.start()
        await server.restart()

        assert port == server.port
        async with Redis.from_url(server.url) as client:
            assert kept == await client.get("key")


async def test_a_paused_server_keeps_silent_until_it_is_resumed() -> None:
    """`pause` leaves the connection open without an answer, `resume` brings the answer."""
    async with PrivateRedis() as server, Redis.from_url(server.url) as client:
        await client.ping()
        server.pause()
        answer = asyncio.ensure_future(client.ping())
        done, _ = await asyncio.wait([answer], timeout=0.3)
        assert not done

        server.resume()

        assert await asyncio.wait_for(answer, 5)


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
    with subprocess.Popen(  # noqa: ASYNC220, S603  (its output is read in a thread)
        [sys.executable, "-c", PARENT.format(server="PrivateRedis")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, folder = (await asyncio.to_thread(parent.stdout.readline)).split()
        assert runs(int(pid))

        parent.send_signal(how)

        try:
            assert await eventually(lambda: not runs(int(pid)) and not Path(folder).exists())
        finally:
            parent.kill()


@pytest.mark.rabbitmq
async def test_a_killed_process_leaves_nothing_of_its_rabbit() -> None:
    """The node, its port mapper and their children go, however many programs became the node."""
    with subprocess.Popen(  # noqa: ASYNC220, S603  (its output is read in a thread)
        [sys.executable, "-c", PARENT.format(server="PrivateRabbit")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, folder = (await asyncio.to_thread(parent.stdout.readline)).split()
        assert int(pid) in given(folder)

        parent.kill()

        assert await eventually(lambda: not given(folder) and not Path(folder).exists())


@pytest.mark.rabbitmq
async def test_a_rabbit_that_is_named_and_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other one takes its place."""
    monkeypatch.setenv(WHICH_RABBIT, "/nowhere")

    with pytest.raises(ServerMissing, match="PRIVATE_RABBITMQ=/nowhere"):
        await PrivateRabbit().start()


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


async def test_a_server_that_cannot_start_shows_its_log() -> None:
    """A setting that the server refuses is reported at once, with the server's own words."""
    with pytest.raises(ServerFailed, match="no-such-option"):
        await PrivateRedis(arguments=["--no-such-option", "1"]).start()


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for the first answer is bounded and says how long it was."""
    server = PrivateRedis(start_seconds=0.2)

    async def never(_: int) -> bool:
        return False

    monkeypatch.setattr(server, "_answers", never)
    with pytest.raises(ServerFailed, match=re.escape("no answer within 0.2 s")):
        await server.start()


async def test_a_port_that_was_taken_meanwhile_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody else is quicker to take the port, the next one is tried."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = iter([taken])
        monkeypatch.setattr(private, "free_port", lambda: next(ports, None) or free_port())
        async with PrivateRedis() as server:
            assert taken != server.port


async def test_starting_twice_is_refused(redis_server: PrivateRedis) -> None:
    """A server that runs is not started a second time."""
    with pytest.raises(RuntimeError, match="already running"):
        await redis_server.start()


async def test_a_missing_program_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program and without a container engine, the error names the package."""
    monkeypatch.setattr(PrivateRabbit, "_find_program", lambda _: None)
    monkeypatch.setattr(PrivateRedis, "_find_program", lambda _: None)
    monkeypatch.setattr(private, "find_engine", lambda: None)

    with pytest.raises(ServerMissing, match="rabbitmq-server"):
        await PrivateRabbit().start()
    with pytest.raises(ServerMissing, match="redis-server"):
        await PrivateRedis().start()


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
