"""The private servers answer, come back with their data, and say why one that cannot start does not."""

import asyncio
import os
import re
import socket
import urllib.request
from pathlib import Path

import aio_pika
import pytest
from redis.asyncio import Redis
from servers.processes import runs
from support.connecting import connect

from bridge.demo import private
from bridge.demo.installed import WHICH_RABBIT
from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRabbit, PrivateRedis, ServerFailed, ServerMissing


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


@pytest.mark.rabbitmq
async def test_a_rabbit_that_is_named_and_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other one takes its place."""
    monkeypatch.setenv(WHICH_RABBIT, "/nowhere")

    with pytest.raises(ServerMissing, match="PRIVATE_RABBITMQ=/nowhere"):
        await PrivateRabbit().start()


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
