"""Redis with replicas of our own: a master that Sentinels watch, and a Redis Cluster.

Both let their master be killed, promote a replica by themselves, and take the killed one back as a replica.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.demo.ports import free_port
from bridge.demo.runs import Program
from bridge.demo.servers import PrivateRedis

SERVICE = "mymaster"
DOWN_AFTER_MS = 1000
"""After how long a master counts as dead. By default that is 30 s, and 15 s in a Cluster."""
BOUND = 60.0

_KEEPING = ("--appendfsync", "everysec", "--repl-diskless-sync-delay", "0")


class _Sentinel(PrivateRedis):
    """A Sentinel that watches one master, with two others."""

    def __init__(self, master_port: int) -> None:
        super().__init__()
        self._master_port = master_port

    def _programs(self, program: str, port: int) -> list[Program]:
        conf = self.folder / "sentinel.conf"
        if not conf.exists():  # it keeps there what it learns
            conf.write_text(
                f"sentinel monitor {SERVICE} 127.0.0.1 {self._master_port} 2\n"
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
                f"sentinel failover-timeout {SERVICE} 5000\n"
            )
        own = ("--sentinel", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        [plain] = super()._programs(program, port)
        return [Program(command=[program, str(conf), *own], env=plain.env)]


class Replicated:
    """A master, two replicas and three Sentinels, while entered with ``async with``."""

    def __init__(self) -> None:
        self.nodes: list[PrivateRedis] = []
        self._sentinels: list[_Sentinel] = []
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """What ``redis.url`` is set to."""
        places = ",".join(f"127.0.0.1:{one.port}" for one in self._sentinels)
        return f"redis+sentinel://{places}/{SERVICE}/0"

    async def __aenter__(self) -> Self:
        """Start everything, and wait until a failover could succeed."""
        async with self._stack:
            # Without min-replicas-to-write: the bridge itself must see to it that nothing is forgotten.
            master = await self._stack.enter_async_context(PrivateRedis(arguments=_KEEPING))
            follow = ("--replicaof", f"127.0.0.1 {master.port}")
            replicas = [PrivateRedis(arguments=(*_KEEPING, *follow)) for _ in range(2)]
            self.nodes = [master, *replicas]
            self._sentinels = [_Sentinel(master.port) for _ in range(3)]
            for one in (*replicas, *self._sentinels):
                await self._stack.enter_async_context(one)
            await self._ready()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        await self._stack.aclose()

    async def master(self) -> PrivateRedis:
        """Return the node that the Sentinels name. Raises TimeoutError."""
        async with asyncio.timeout(BOUND):
            while True:
                named = {await self._named(sentinel) for sentinel in self._sentinels}
                for node in self.nodes:
                    if named == {node.port}:
                        return node
                await asyncio.sleep(0.1)

    async def masters(self) -> list[PrivateRedis]:
        """Return the one master. Raises TimeoutError."""
        return [await self.master()]

    async def fall_behind(self) -> None:
        """Have the replicas learn nothing more, until they are told of another master."""
        master = await self.master()
        for node in self.nodes:
            if node is not master:
                await ask(node, "REPLICAOF", "127.0.0.1", 1)

    async def replaced(self, node: PrivateRedis) -> None:
        """Wait until there is another master than this one, which was killed. Raises TimeoutError."""
        async with asyncio.timeout(BOUND):
            while await self.master() is node:
                await asyncio.sleep(0.05)

    @staticmethod
    async def _named(sentinel: _Sentinel) -> int:
        [_, port] = await ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)

    async def bring_back(self, node: PrivateRedis) -> float:
        """Start a node that was killed; return the seconds until it is a replica that is up to date."""
        started = time.monotonic()
        await node.start()
        await self._ready()
        return time.monotonic() - started

    async def _ready(self) -> None:
        """Wait until all others follow the master, and every Sentinel knows all. Raises TimeoutError."""
        async with asyncio.timeout(BOUND):
            while True:
                master = await self.master()
                followers = await asyncio.gather(
                    *(_follows(node, master.port) for node in self.nodes if node is not master)
                )
                views = [await _sentinel_view(sentinel) for sentinel in self._sentinels]
                wanted = {"num-slaves": "2", "num-other-sentinels": "2", "flags": "master"}
                if all(followers) and all(wanted.items() <= view.items() for view in views):
                    return
                await asyncio.sleep(0.1)


class Sharded:
    """A Redis Cluster of three masters with a replica each, while entered with ``async with``."""

    def __init__(self) -> None:
        self.nodes: list[PrivateRedis] = []
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """What ``redis.url`` is set to."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    async def __aenter__(self) -> Self:
        """Start everything, and wait until a failover could succeed."""
        async with self._stack:
            buses = [free_port() for _ in range(6)]
            self.nodes = [
                PrivateRedis(
                    arguments=(
                        *_KEEPING,
                        *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
                        *("--cluster-node-timeout", str(DOWN_AFTER_MS)),
                    )
                )
                for bus in buses
            ]
            await asyncio.gather(*(self._stack.enter_async_context(node) for node in self.nodes))
            for number, node in enumerate(self.nodes[:3]):
                first, last = 16_384 * number // 3, 16_384 * (number + 1) // 3 - 1
                await ask(node, "CLUSTER", "ADDSLOTSRANGE", first, last)
            for node, bus in zip(self.nodes[1:], buses[1:], strict=True):
                await ask(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", node.port, bus)
            async with asyncio.timeout(BOUND):
                while any([len(await self._members(node)) < len(self.nodes) for node in self.nodes]):
                    await asyncio.sleep(0.1)
            for master, replica in zip(self.nodes[:3], self.nodes[3:], strict=True):
                await ask(replica, "CLUSTER", "REPLICATE", await ask(master, "CLUSTER", "MYID"))
            await self._ready()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        await self._stack.aclose()

    async def masters(self) -> list[PrivateRedis]:
        """Return the masters that run."""
        return [node for node in self.nodes if (await info(node)).get("role") == "master"]

    async def replaced(self, node: PrivateRedis) -> None:
        """Wait until there is another master for one that was killed. Raises TimeoutError."""
        async with asyncio.timeout(BOUND):
            while len([one for one in await self.masters() if one is not node]) < 3:
                await asyncio.sleep(0.05)

    async def bring_back(self, node: PrivateRedis) -> float:
        """Start a node that was killed; return the seconds until it is a replica that is up to date."""
        started = time.monotonic()
        await node.start()
        await self._ready()
        return time.monotonic() - started

    @staticmethod
    async def _members(node: PrivateRedis) -> list[str]:
        listed: bytes = await ask(node, "CLUSTER", "NODES")
        return listed.decode().splitlines()

    async def _ready(self) -> None:
        """Wait until every slot is served, and every master has a replica. Raises TimeoutError."""
        async with asyncio.timeout(BOUND):
            while True:
                states = [(await ask(node, "CLUSTER", "INFO")).decode() for node in self.nodes]
                infos = [await info(node) for node in self.nodes]
                masters = [one for one in infos if one.get("role") == "master"]
                if (
                    all("cluster_state:ok" in state for state in states)
                    and len(masters) == 3
                    and all(one.get("connected_slaves") == 1 for one in masters)
                ):
                    return
                await asyncio.sleep(0.1)


async def info(node: PrivateRedis) -> Mapping[str, Any]:
    """Return what a node says of its replication; nothing if it does not run."""
    try:
        async with Redis.from_url(node.url) as client:
            found: Mapping[str, Any] = await client.info("replication")
    except (RedisError, OSError):
        return {}
    return found


async def ask(node: PrivateRedis, *words: str | bytes | int) -> Any:
    """Run a command and return its answer."""
    async with Redis.from_url(node.url) as client:
        return await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's


async def _follows(node: PrivateRedis, master_port: int) -> bool:
    found = await info(node)
    return (found.get("master_port"), found.get("master_link_status")) == (master_port, "up")


async def _sentinel_view(sentinel: _Sentinel) -> dict[str, str]:
    """Return what a Sentinel says of its master."""
    said: dict[bytes, bytes] = await ask(sentinel, "SENTINEL", "MASTER", SERVICE)
    return {name.decode(): value.decode() for name, value in said.items()}
