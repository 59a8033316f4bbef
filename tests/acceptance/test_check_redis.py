"""What ``lcm-bridge check`` says of a Redis that may forget what it confirmed."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from store.store_servers import private_cluster
from support.command import run_command

from bridge.demo.servers import PrivateRedis


async def check(url: str, folder: Path, **settings: str) -> list[str]:
    """Run the command, with nothing but Redis there; give the lines about Redis."""
    nowhere = {
        "BRIDGE_AMQP__URL": "amqp://guest:guest@127.0.0.1:1/",
        "BRIDGE_LCM__BASE_URL": "http://127.0.0.1:1/lcm",
        "BRIDGE_REDIS__URL": url,
    }
    ended = await run_command("check", folder=folder, settings=nowhere | settings)
    lines = [line.strip() for line in ended.output.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("Redis"))
    end = next(number for number, line in enumerate(lines) if line.startswith("LCM"))
    assert "FAILED" not in lines[start], ended.output
    return [lines[start].removeprefix("Redis").strip().removeprefix("ok").strip(), *lines[start + 1 : end]]


async def test_a_redis_that_keeps_everything_is_not_warned_of(
    redis_server: PrivateRedis, tmp_path: Path
) -> None:
    """Append-only, no eviction, no replica."""
    lines = await check(redis_server.url, tmp_path)

    assert ["answers"] == [line.partition(" (")[0] for line in lines]


async def test_what_makes_redis_forget_is_warned_of(tmp_path: Path) -> None:
    """No append-only file, and eviction: each on its own line, and the check still passes for Redis."""
    evicting = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]
    async with PrivateRedis(appendonly=False, arguments=evicting) as server:
        lines = await check(server.url, tmp_path)

    assert ["warning: appendonly is off", "warning: maxmemory-policy is allkeys-lru", "answers"] == [
        line.partition(":")[0] + ":" + line.split(":")[1] if ":" in line else line.partition(" (")[0]
        for line in lines
    ]


async def test_an_evicting_policy_without_a_limit_is_no_danger(tmp_path: Path) -> None:
    """Nothing is evicted where there is no limit."""
    async with PrivateRedis(arguments=["--maxmemory-policy", "allkeys-lru"]) as server:
        assert 1 == len(await check(server.url, tmp_path))


@pytest.mark.parametrize(
    ("wait", "warned"), [("0", "a failover may forget"), ("1", ""), ("2", "no side effect can be claimed")]
)
async def test_replicas_that_are_not_waited_for_are_warned_of(tmp_path: Path, wait: str, warned: str) -> None:
    """A failover forgets what only the primary has; and more replicas than there are never answer."""
    async with PrivateRedis() as primary, Redis.from_url(primary.url) as admin:
        arguments = ["--replicaof", f"127.0.0.1 {primary.port}"]
        async with PrivateRedis(arguments=arguments):
            async with asyncio.timeout(20):
                while not (await admin.info("replication"))["connected_slaves"]:
                    await asyncio.sleep(0.02)
            lines = await check(primary.url, tmp_path, BRIDGE_LEDGER__WAIT_REPLICAS=wait)

    assert (2 if warned else 1) == len(lines)
    assert warned in lines[0]


async def test_a_redis_that_does_not_let_itself_be_looked_at(tmp_path: Path) -> None:
    """Managed Redis may forbid it: the check says so instead of failing."""
    async with PrivateRedis() as server, Redis.from_url(server.url) as admin:
        await admin.acl_setuser("bridge", enabled=True, nopass=True, categories=["+@all"], commands=["-info"])
        url = server.url.replace("redis://", "redis://bridge:any@")
        lines = await check(url, tmp_path)

    assert lines[0].startswith("warning: whether Redis keeps what it confirmed could not be looked at")
    assert "any" not in lines[0].split()


async def test_every_node_of_a_cluster_is_looked_at(tmp_path: Path) -> None:
    """Each warning names its node."""
    async with private_cluster() as url:
        lines = await check(url, tmp_path)

    nodes = url.removeprefix("redis+cluster://").split(",")
    warned = [line.partition(": appendonly is off")[0] for line in lines[:-1]]
    assert sorted(f"warning: {node}" for node in nodes) == sorted(warned)
