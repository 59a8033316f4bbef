"""What ``lcm-bridge check`` finds out about Redis, and that it leaves nothing there."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from store.store_servers import SERVICE, PrivateSentinel, private_cluster
from support.checking import SECONDS, settings, states, the
from support.site import name_of_letters

from bridge.cli.check import redis as check_redis
from bridge.cli.check.finding import Finding, clock
from bridge.demo.servers import PrivateRedis

PASSWORD = "hunter2"
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def admin(redis_server: PrivateRedis) -> AsyncIterator[Redis]:
    """Connect as a user who may do everything."""
    async with Redis.from_url(redis_server.url) as client:
        yield client


async def look(url: str, *, wait_replicas: int = 0, wait_timeout: float = 2.0, **redis: Any) -> list[Finding]:
    """Run the check of Redis."""
    # A busy machine must not be taken for a Redis that is away.
    given = {"url": url, "timeout": 3.0, **redis}
    ledger = {"wait_replicas": wait_replicas, "wait_timeout": wait_timeout}
    return await check_redis.check(settings(redis=given, ledger=ledger), SECONDS)


async def test_a_redis_that_is_well(redis_server: PrivateRedis, admin: Redis) -> None:
    """Append-only, no eviction, no replica: all is well, and no key is left."""
    prefix = name_of_letters()

    found = await look(redis_server.url, prefix=prefix)

    assert {"ok"} == {one.state for one in found}, found
    assert [
        *("connection", "round trip", "node", "memory", "durability", "commands", "ledger", "clock", "paused")
    ] == [one.check for one in found]
    assert the(found, "node").found.startswith("Redis ")
    assert [] == [key async for key in admin.scan_iter(match=f"{prefix}:*")]


async def test_what_makes_redis_forget() -> None:
    """No append-only file, and eviction: each is warned of, with what to set; so is memory that runs out."""
    evicting = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]
    async with PrivateRedis(appendonly=False, arguments=evicting) as server:
        found = await look(server.url)
        async with Redis.from_url(server.url) as own:
            await own.config_set("maxmemory", int((await own.info("memory"))["used_memory"] * 1.1))
        short = await look(server.url)

    weak = [one for one in found if one.check == "durability"]
    assert ["set appendonly yes", "set maxmemory-policy noeviction"] == [one.advice for one in weak]
    assert {("durability", "")} == states(found, "warning")
    assert set() == states(found, "failed")
    assert ("memory", "") in states(short, "warning")


async def test_an_evicting_policy_without_a_limit_is_no_danger(
    admin: Redis, redis_server: PrivateRedis
) -> None:
    """Nothing is evicted where there is no limit."""
    await admin.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "ok" == the(await look(redis_server.url), "durability").state
    finally:
        await admin.config_set("maxmemory-policy", "noeviction")


async def test_replicas() -> None:
    """One that is not waited for is warned of, too few fail the claim, and one takes no writes itself."""
    async with (
        PrivateRedis(arguments=["--repl-diskless-sync-delay", "0"]) as primary,
        PrivateRedis(arguments=["--replicaof", f"127.0.0.1 {primary.port}"]) as replica,
    ):
        async with Redis.from_url(replica.url) as client, asyncio.timeout(20):
            while (await client.info("replication")).get("master_link_status") != "up":
                await asyncio.sleep(0.02)
        careless = await look(primary.url)
        right = await look(primary.url, wait_replicas=1)
        many = await look(primary.url, wait_replicas=2, wait_timeout=0.1)
        wrong = await look(replica.url)

    assert {("durability", "")} == states(careless, "warning")
    assert "a failover may forget" in the(careless, "durability").found
    assert {"ok"} == {one.state for one in right}, right
    assert "1 replicas have it" in the(right, "ledger").found
    assert {("ledger", "")} == states(many, "failed")
    assert "ledger.wait_replicas is 2" in the(many, "ledger").found
    assert "point redis.url at the primary" in the(wrong, "node").advice


@pytest.mark.parametrize(
    ("commands", "failed", "named"),
    [
        (["-@scripting"], {"commands", "ledger"}, "EVALSHA"),
        (["-hset", "-pexpireat", "-zadd"], {"commands", "ledger"}, "HSET, PEXPIREAT, ZADD"),
        (["-del"], {"commands"}, "DEL"),
        (["-time"], {"commands", "ledger"}, "TIME"),
        (["-hgetall"], {"commands", "paused"}, "HGETALL"),
        (["-hvals"], {"commands"}, "HVALS"),
    ],
)
async def test_what_the_user_may_not_run(
    redis_server: PrivateRedis, admin: Redis, commands: list[str], failed: set[str], named: str
) -> None:
    """Each forbidden command is named; what was tried on leaves at once, or soon where DEL is forbidden."""
    prefix = name_of_letters()
    await admin.acl_setuser(
        prefix,
        enabled=True,
        passwords=[f"+{PASSWORD}"],
        keys=[f"{prefix}:*"],
        categories=["+@all", *(one for one in commands if "@" in one)],
        commands=[one for one in commands if "@" not in one],
    )
    url = redis_server.url.replace("redis://", f"redis://{prefix}:{PASSWORD}@")

    found = await look(url, prefix=prefix)

    assert failed == {check for check, _ in states(found, "failed")}, found
    assert named in the(found, "commands").found
    assert f"~{prefix}:*" in the(found, "commands").advice
    assert PASSWORD not in str(found)
    left = [key async for key in admin.scan_iter(match=f"{prefix}:*")]
    assert not left or (
        commands == ["-del"] and {True} == {0 < await admin.pttl(key) <= 10_000 for key in left}
    )
    await admin.acl_deluser(prefix)


async def test_keys_that_are_not_the_users(redis_server: PrivateRedis, admin: Redis) -> None:
    """A user with keys of another prefix fails, and is told which keys the bridge has."""
    prefix = name_of_letters()
    await admin.acl_setuser(prefix, enabled=True, nopass=True, keys=["other:*"], categories=["+@all"])
    url = redis_server.url.replace("redis://", f"redis://{prefix}:any@")

    found = await look(url, prefix=prefix)
    await admin.acl_deluser(prefix)

    assert {"commands", "ledger", "paused"} == {check for check, _ in states(found, "failed")}
    assert f"~{prefix}:*" in the(found, "commands").advice


def documented() -> list[str]:
    """Return the commands that docs/operating.md says the user needs."""
    text = (ROOT / "docs" / "operating.md").read_text()
    [listed] = re.findall(r"needs these commands on the keys `~<prefix>:\*`: (.*?); WAIT", text, re.DOTALL)
    return ["WAIT", "INFO", *(command.strip() for command in listed.split(","))]


async def test_the_documented_commands_are_enough(redis_server: PrivateRedis, admin: Redis) -> None:
    """A user with these alone passes, and no script of the store runs another."""
    prefix = name_of_letters()
    permitted = [f"+{command.lower().replace(' ', '|')}" for command in documented()]
    await admin.acl_setuser(prefix, enabled=True, nopass=True, keys=[f"{prefix}:*"], commands=permitted)

    found = await look(redis_server.url.replace("redis://", f"redis://{prefix}:any@"), prefix=prefix)
    await admin.acl_deluser(prefix)

    assert {"ok"} == {one.state for one in found}, found
    scripts = "".join(path.read_text() for path in (ROOT / "bridge" / "store").glob("*.py"))
    assert set(re.findall(r"redis\.call\('([A-Z]+)'", scripts)) <= set(documented())


async def test_a_redis_that_does_not_let_itself_be_looked_at(
    redis_server: PrivateRedis, admin: Redis
) -> None:
    """Managed Redis may forbid INFO: that is a warning, and all else is looked at."""
    user = name_of_letters()
    await admin.acl_setuser(
        user, enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-info"]
    )

    found = await look(redis_server.url.replace("redis://", f"redis://{user}:any@"))
    await admin.acl_deluser(user)

    assert {("durability", "")} == states(found, "warning")
    assert "could not be looked at" in the(found, "durability").found
    assert set() == states(found, "failed")


async def test_a_redis_that_does_not_let_us_in(redis_server: PrivateRedis) -> None:
    """A wrong password, and nothing that listens: one line each, without the password."""
    wrong = await look(redis_server.url.replace("redis://", f"redis://bridge:{PASSWORD}@"))
    nothing = await look("redis://127.0.0.1:1/0")

    assert [("connection", "failed")] * 2 == [(one.check, one.state) for one in (*wrong, *nothing)]
    assert "the log-in is refused" in the(wrong, "connection").found
    assert "is Redis running" in the(nothing, "connection").advice
    assert PASSWORD not in str(wrong)


async def test_a_redis_that_hangs() -> None:
    """A Redis that takes connections and answers nothing is told within its time-outs."""
    async with PrivateRedis() as server:
        server.pause()
        found = await look(server.url, timeout=0.1, retries=0)
        server.resume()

    assert {("connection", "")} == states(found, "failed")
    assert "no answer within redis.timeout, 0.1 s" in the(found, "connection").found


async def test_queues_that_are_paused_by_hand(redis_server: PrivateRedis, admin: Redis) -> None:
    """A queue under the hand brake is named, with since when and how to let it go."""
    prefix = name_of_letters()
    await admin.hset(f"{prefix}:paused", f"{prefix}.requests.campaign", "1700000000000")

    found = await look(redis_server.url, prefix=prefix)
    await admin.delete(f"{prefix}:paused")

    assert {("paused", f"{prefix}.requests.campaign")} == states(found, "warning")
    assert "by hand since 2023-11-14 22:13:20 UTC" in the(found, "paused").found
    assert f"lcm-bridge resume {prefix}.requests.campaign" in the(found, "paused").advice


async def test_a_primary_that_sentinel_knows(redis_server: PrivateRedis) -> None:
    """The primary is named that Sentinel told of; the rest is as of a single node."""
    async with PrivateSentinel(redis_server.port) as sentinel:
        found = await look(
            f"redis+sentinel://127.0.0.1:{sentinel.port}/{SERVICE}/0", prefix=name_of_letters()
        )

    assert {"ok"} == {one.state for one in found}, found
    assert f"{SERVICE} by Sentinel" in the(found, "connection").found
    assert str(redis_server.port) in the(found, "connection").found


async def test_every_node_of_a_cluster_is_looked_at() -> None:
    """What is found of each primary names it; the ledger and the commands work there, and nothing is left."""
    async with private_cluster() as url:
        nodes = url.removeprefix("redis+cluster://").split(",")
        found = await look(url)
        for node in nodes:
            async with Redis.from_url(f"redis://{node}") as one:
                assert 0 == await one.dbsize()

    assert {("durability", node) for node in nodes} == states(found, "warning")
    assert set() == states(found, "failed"), found
    for check in ("node", "memory", "clock"):
        assert set(nodes) == {one.subject for one in found if one.check == check}


@pytest.mark.parametrize(
    ("skew", "state", "told"),
    [(1.9, "ok", "agrees"), (-2.5, "warning", "2.5 s behind"), (3700.0, "warning", "3700.0 s ahead of")],
)
def test_clocks_that_differ(skew: float, state: str, told: str) -> None:
    """More than two seconds are warned of, in either direction."""
    found = clock(skew, "the clock of Redis", "contacts leave too late")

    assert state == found.state
    assert told in found.found
