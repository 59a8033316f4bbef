"""RabbitMQ clusters of our own: private nodes on 127.0.0.1 that share a cookie and one epmd."""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from support.permitted import make_users

from bridge.demo.guard import Guard
from bridge.demo.ports import free_port
from bridge.demo.processes import OwnedProcess
from bridge.demo.runs import Program
from bridge.demo.servers import PrivateRabbit

JOIN_SECONDS = 90.0
"""How long a node that was started may take until it is a member again."""


class RabbitNode(PrivateRabbit):
    """One node; the cluster gives it its name, its cookie and the port of the epmd."""

    def __init__(self, number: int, names: Sequence[str], cookie: str, epmd_port: int, folder: Path) -> None:
        # A node in the minority must not serve what the others may have changed: no split brain.
        super().__init__(conf=("cluster_partition_handling = pause_minority",), folder=folder)
        self.node = names[number]
        self._token = self.node.partition("-")[2].partition("@")[0].rpartition("-")[0]
        self._names = names
        self._shared_cookie = cookie
        self._epmd_port = epmd_port

    @property
    def _node(self) -> str:
        return self.node

    def _programs(self, program: str, port: int) -> list[Program]:
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(self._shared_cookie)
            cookie.chmod(0o400)
        [_, server] = super()._programs(program, port)
        # Not by rabbitmq.conf: RabbitMQ 3 needs the delay there, and to RabbitMQ 4 it is unknown and fatal.
        nodes = ", ".join(f"'{name}'" for name in self._names)
        (self.folder / "advanced.config").write_text(
            f"[{{rabbit, [{{cluster_nodes, {{[{nodes}], disc}}}},"
            " {cluster_formation, [{randomized_startup_delay_range, {0, 1}}]}]}].\n"
        )
        self._env["ERL_EPMD_PORT"] = str(self._epmd_port)
        return [Program(command=server.command, env=self._env)]

    async def online(self) -> bool:
        """Whether it runs and lets clients in."""
        return self._run is not None and await self._run.alive() and await self._answers(self.port)


class RabbitCluster:
    """Nodes that are members of one cluster while it is entered with ``async with``."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        token = secrets.token_hex(4)
        names = [f"private-{token}-{number}@localhost" for number in range(1, count + 1)]
        cookie, self._epmd_port = secrets.token_hex(16), free_port()
        self._folder = folder
        self.nodes = [
            RabbitNode(number, names, cookie, self._epmd_port, folder / f"rabbitmq-{number + 1}")
            for number in range(count)
        ]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start the epmd and all nodes, and wait until they have formed the cluster."""
        async with self._stack:
            self._folder.mkdir(parents=True, exist_ok=True)
            guard = self._stack.enter_context(Guard())
            epmd = OwnedProcess(
                [shutil.which("epmd") or "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                env=os.environ,
                folder=self._folder,
                log=self._folder / "epmd.log",
                guard=guard,
            )
            self._stack.push_async_callback(epmd.kill)
            await epmd.start()
            for node in self.nodes:
                self._stack.push_async_callback(node.stop)
            await asyncio.gather(*(node.start() for node in self.nodes))
            await self.whole()
            await make_users(self.ctl)
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        # Together, and by force: in order, each would hand its queues over to the next, which then stops.
        await asyncio.gather(*(node.kill() for node in self.nodes))
        await self._stack.aclose()

    @property
    def urls(self) -> list[str]:
        """Where each node lets clients in."""
        return [node.url for node in self.nodes]

    async def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on a node that runs. Raises RuntimeError if none does, or for its error."""
        for node in self.nodes:
            if await node.online():
                return await node.ctl(*arguments)
        raise RuntimeError("no node of the cluster runs")

    async def whole(self) -> None:
        """Wait until every node is a member that runs. Raises TimeoutError."""
        async with asyncio.timeout(JOIN_SECONDS):
            await self.ctl("await_online_nodes", str(len(self.nodes)))

    async def leader(self, queue: str) -> RabbitNode:
        """Return the node that leads a quorum queue. Raises LookupError for a queue that has none."""
        listed = await self.ctl("list_queues", "--silent", "name", "leader")
        leaders = dict(line.split("\t") for line in listed.splitlines() if "\t" in line)
        for node in self.nodes:
            if leaders.get(queue) == node.node:
                return node
        raise LookupError(f"{queue} has no leader: {listed}")

    async def replicated(self, queue: str) -> None:
        """Wait until every node takes part in a quorum queue again. Raises TimeoutError."""
        async with asyncio.timeout(JOIN_SECONDS):
            while True:
                listed = await self.ctl("list_queues", "--silent", "name", "online")
                [line] = [line for line in listed.splitlines() if line.startswith(f"{queue}\t")]
                if line.count("@") == len(self.nodes):
                    return
                await asyncio.sleep(0.2)

    async def bring_back(self, node: RabbitNode) -> float:
        """Start a node that was killed; return the seconds until it is a member again."""
        started = time.monotonic()
        await node.start()
        await self.whole()
        return time.monotonic() - started
