"""Claims that replicas must have before anything is called (``ledger.wait_replicas``)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import pytest
from chaos.proxy import Proxy
from redis.asyncio import Redis, RedisCluster
from redis.crc import key_slot
from store.ledger_bench import CONTENT, DONE, KEY, LedgerBench, Valve, ledger_bench
from store.store_servers import AGENT, SERVICE, PrivateSentinel

from bridge.demo.ports import free_port
from bridge.demo.servers import PrivateRedis
from bridge.operations.model import Reserved
from bridge.ports import Ended, LedgerKey, Running, StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.store.cluster import send_to_cluster
from bridge.store.connection import connect
from bridge.store.scripts import ScriptCall

AT_ONCE = ("--repl-diskless-sync-delay", "0")


@asynccontextmanager
async def replicated() -> AsyncIterator[tuple[PrivateRedis, PrivateRedis]]:
    """Run a primary and its replica."""
    async with PrivateRedis(arguments=AT_ONCE) as primary:
        arguments = ("--replicaof", f"127.0.0.1 {primary.port}")
        async with PrivateRedis(arguments=arguments) as replica, Redis.from_url(replica.url) as client:
            await until_linked(client)
            yield primary, replica


@asynccontextmanager
async def replicated_cluster() -> AsyncIterator[tuple[str, PrivateRedis]]:
    """Run a cluster of one primary with one replica; give its URL and the replica."""
    async with AsyncExitStack() as stack:
        buses = [free_port(), free_port()]
        nodes = [
            PrivateRedis(arguments=("--cluster-enabled", "yes", "--cluster-port", str(bus), *AT_ONCE))
            for bus in buses
        ]
        await asyncio.gather(*[stack.enter_async_context(node) for node in nodes])
        primary, replica = [await stack.enter_async_context(Redis.from_url(node.url)) for node in nodes]
        await say(primary, "CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        await say(replica, "CLUSTER", "MEET", "127.0.0.1", nodes[0].port, buses[0])
        name = await say(primary, "CLUSTER", "MYID")
        async with asyncio.timeout(20):
            while name not in await say(replica, "CLUSTER", "NODES"):
                await asyncio.sleep(0.02)
            await say(replica, "CLUSTER", "REPLICATE", name.decode())
            await until_linked(replica)
            while b"cluster_state:ok" not in await say(primary, "CLUSTER", "INFO"):
                await asyncio.sleep(0.02)
        yield f"redis+cluster://127.0.0.1:{nodes[0].port}", nodes[1]


async def until_linked(replica: Redis) -> None:
    """Wait until a replica follows its primary."""
    async with asyncio.timeout(20):
        while (await replica.info("replication")).get("master_link_status") != "up":
            await asyncio.sleep(0.02)


async def say(client: Redis, *words: str | int) -> bytes:
    """Give a command as it is."""
    answer: bytes = await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's
    return answer


async def look_and_settle(bench: LedgerBench) -> None:
    """Do what a worker does every second."""
    await bench.store.look()
    with suppress(StoreUnavailable):
        await bench.ledger.settle()


async def check_claims(bench: LedgerBench, replica: PrivateRedis) -> None:
    """Claims are taken while the replica has them, and refused and given back when it is gone."""
    claim = await bench.claim()
    assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)
    assert await bench.ledger.complete(claim, DONE)
    assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)
    await bench.store.client.script_flush()
    await bench.claim(LedgerKey("CreateContact", KEY.request))

    await replica.kill()
    other = LedgerKey("ContactOD", KEY.request)
    with pytest.raises(StoreUnavailable, match="wait_replicas"):
        await bench.ledger.claim(other, CONTENT)
    assert await bench.state(other) is None
    assert bench.store.connected
    assert (1, 0) == (bench.count("unavailable"), bench.ledger.owed)


async def test_a_single_primary_waits_for_its_replica() -> None:
    """The claim and the wait are one round trip over one connection."""
    async with (
        replicated() as (primary, replica),
        Valve(primary.port).running() as valve,
        ledger_bench(valve.url, wait_replicas=1, wait_timeout=2) as bench,
    ):
        await bench.ledger.release(await bench.claim(LedgerKey("ManualDialCall", KEY.request)))
        before = valve.turns
        claim = await bench.claim(LedgerKey("ManualDialCall", KEY.request))
        turns = valve.turns - before
        assert b"$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n2000\r\n" in valve.said[-1]
        assert claim.owner.encode() in valve.said[-1]
        await check_claims(bench, replica)

    assert 1 == turns


async def test_an_end_is_owed_until_a_replica_has_it() -> None:
    """It is told at once, and written again until a failover could not forget it any more."""
    async with (
        replicated() as (primary, replica),
        ledger_bench(primary.url, wait_replicas=1, wait_timeout=1) as bench,
    ):
        claim = await bench.claim()
        await replica.kill()
        assert await bench.ledger.complete(claim, DONE)
        owed = [bench.ledger.owed]
        await bench.ledger.settle()
        owed.append(bench.ledger.owed)
        await replica.start()
        async with Redis.from_url(replica.url) as client:
            await until_linked(client)
        async with asyncio.timeout(20):
            while bench.ledger.owed:
                await look_and_settle(bench)
        assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)
        # In order, the one may wait for the other for half a minute.
        await replica.kill()
        await primary.kill()

    assert [1, 1] == owed


async def test_an_end_that_a_failover_forgot_is_written_again() -> None:
    """A replica that has a claim without its end becomes the primary, and learns the end from the worker."""
    async with replicated() as (primary, replica), AsyncExitStack() as stack:
        place = Proxy(primary.port)
        stack.push_async_callback(place.stop)
        await place.start()
        url = f"redis://127.0.0.1:{place.port}/0"
        bench = await stack.enter_async_context(ledger_bench(url, wait_replicas=1, wait_timeout=1))
        claim = await bench.claim()
        client = await stack.enter_async_context(Redis.from_url(replica.url))
        await client.replicaof("NO", "ONE")
        assert await bench.ledger.complete(claim, DONE)
        place.target = replica.port
        place.cut()
        assert "running" == await bench.state()
        async with asyncio.timeout(20):
            while "done" != await bench.state():
                await look_and_settle(bench)
        found = await bench.another_ledger().claim(KEY, CONTENT)

    assert Ended(DONE) == found


async def test_behind_sentinel_it_waits_for_its_replica() -> None:
    """Sentinel leads to the primary."""
    async with replicated() as (primary, replica), PrivateSentinel(primary.port) as sentinel:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{SERVICE}/0"
        async with ledger_bench(url, wait_replicas=1, wait_timeout=2) as bench:
            await check_claims(bench, replica)


async def test_a_cluster_waits_for_the_replica_of_the_keys_node() -> None:
    """The wait goes to the node, and over the connection, that wrote the claim."""
    async with (
        replicated_cluster() as (url, replica),
        ledger_bench(url, wait_replicas=1, wait_timeout=2) as bench,
    ):
        await check_claims(bench, replica)


async def test_a_cluster_without_replicas_takes_no_claims(cluster_url: str) -> None:
    """Each node is asked about its own replicas."""
    async with ledger_bench(cluster_url, wait_replicas=1, wait_timeout=0.05) as bench:
        for number in range(6):
            key = LedgerKey(f"operation {number}", KEY.request)
            with pytest.raises(StoreUnavailable, match="only 0 Redis replicas"):
                await bench.ledger.claim(key, CONTENT)
            assert await bench.state(key) is None


def what_is_known_of(name: str, said: bytes) -> tuple[int, set[int]]:
    """Return the epoch and the slots of a node, as another one tells them."""
    [line] = [line for line in said.decode().splitlines() if line.startswith(name)]
    epoch, _, *ranges = line.split()[6:]
    ends = [one.partition("-")[::2] for one in ranges if not one.startswith("[")]
    return int(epoch), {slot for first, last in ends for slot in range(int(first), int(last or first) + 1)}


async def until_known(nodes: list[Redis], name: str, owner: Redis, slot: int) -> None:
    """Wait until all know that the slot is its owner's: by an older epoch, a belated heartbeat undoes it."""
    async with asyncio.timeout(20):
        for node in nodes:
            while True:
                known = what_is_known_of(name, await say(node, "CLUSTER", "NODES"))
                if slot in known[1] and known == what_is_known_of(name, await say(owner, "CLUSTER", "NODES")):
                    break
                await asyncio.sleep(0.02)


async def test_a_slot_that_moves_is_followed(cluster_url: str) -> None:
    """While a key's slot moves to another node, and when it has moved, the script is run there."""
    client = connect(RedisSettings.model_validate({"url": cluster_url, "timeout": 5}))
    assert isinstance(client, RedisCluster)
    key = f"moved{uuid4().hex}"
    slot = key_slot(key.encode())
    script = client.register_script("return redis.call('INCR', KEYS[1])")

    async def run() -> int:
        call = ScriptCall(script, [key], [])
        answer, _ = await send_to_cluster(client, [call], in_order=True, wait=("WAIT", 0, 1))
        assert isinstance(answer, int)
        return answer

    ports = [int(place.rpartition(":")[2]) for place in cluster_url.split(",")]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        nodes = [await stack.enter_async_context(Redis(port=port)) for port in ports]
        names = [(await say(node, "CLUSTER", "MYID")).decode() for node in nodes]
        owns = slot * 3 // 16_384
        old, new = owns, (owns + 1) % 3
        answers = [await run()]
        await nodes[old].delete(key)
        await say(nodes[new], "CLUSTER", "SETSLOT", slot, "IMPORTING", names[old])
        await say(nodes[old], "CLUSTER", "SETSLOT", slot, "MIGRATING", names[new])
        answers += [await run(), await run()]
        for place in (new, old, 3 - new - old):
            await say(nodes[place], "CLUSTER", "SETSLOT", slot, "NODE", names[new])
        await until_known(nodes, names[new], nodes[new], slot)
        answers += [await run(), await run()]
        kept = await nodes[new].get(key)
        await nodes[new].delete(key)

    assert ([1, 1, 2, 3, 4], b"4") == (answers, kept)


async def test_a_small_pool_is_enough_for_a_claim_that_waits(redis_server: PrivateRedis) -> None:
    """Beside it others read, and Redis is looked at: a pool that is full would count as Redis being away."""
    async with ledger_bench(
        redis_server.url, redis={"connections": 1}, wait_replicas=1, wait_timeout=0.5
    ) as bench:
        claiming = asyncio.create_task(bench.ledger.claim(KEY, CONTENT))
        reads = [bench.contacts.find(AGENT, Reserved("manual", 1), age="any") for _ in range(3)]
        *found, _ = await asyncio.gather(*reads, bench.store.look())
        assert [[], [], []] == found
        assert not claiming.done()
        with pytest.raises(StoreUnavailable, match="wait_replicas"):
            await claiming
