"""What every variant works against: a RabbitMQ and a Redis of one's own, and the stand-in for LCM."""

import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiormq
from redis.asyncio import Redis

from bench.processes import Cores, choose_cores, environment, on, talking
from bridge.bus.topology import Topology, declare
from bridge.demo.guard import Guard
from bridge.demo.processes import OwnedProcess
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.settings import Amqp

START_SECONDS = 30.0
STOP_SECONDS = 40.0  # the bridge's own grace is 25 s
# With its usual 1 GB, a private RabbitMQ takes no more messages somewhere below 500,000 requests.
BROKER_MEMORY = "vm_memory_high_watermark.absolute = 4GB"
LCM_PATH = "lcmwebservice/contracts/lcmwcfservice.svc/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything is. RabbitMQ, Redis and the stand-in have the core `cores.rest`.

    `servers` are their process ids by name.
    """

    cores: Cores
    amqp_url: str
    redis_url: str
    standin_url: str
    folder: Path
    guard: Guard
    servers: Mapping[str, int]
    http: aiohttp.ClientSession
    redis: Redis

    @property
    def lcm_url(self) -> str:
        """The base URL of the stand-in for LCM, with a slash at its end."""
        return f"{self.standin_url}/{LCM_PATH}"

    @asynccontextmanager
    async def program(
        self, command: Sequence[str], settings: Mapping[str, str], *, log: str, cores: frozenset[int]
    ) -> AsyncIterator[OwnedProcess]:
        """Run a program for the length of a block, with what it prints in the file `log` of our folder.

        It runs in that folder, so that it finds no settings file by accident. Raises OSError when it cannot
        be started.
        """
        path = self.folder / log
        path.unlink(missing_ok=True)  # of an earlier start, whose lines are not this one's
        process = OwnedProcess(
            command, env=environment(settings), folder=self.folder, log=path, guard=self.guard
        )
        with on(cores):
            await process.start()
        try:
            yield process
        finally:
            await process.stop(grace=STOP_SECONDS)

    async def declare(self, agent: str, campaign: str) -> None:
        """Declare a pair of request queues with exactly the arguments that the bridge gives its own."""
        names = Amqp(prefix=agent.rpartition(".")[0], agent_queue=agent, campaign_queue=campaign)
        connection = await aiormq.connect(self.amqp_url)
        try:
            channel = await connection.channel()
            for part in Topology(names, (), (), ()).parts():
                await declare(channel, part)
        finally:
            await connection.close()

    async def waiting(self, queue: str) -> int:
        """Count the messages that are ready in a queue."""
        connection = await aiormq.connect(self.amqp_url)
        try:
            channel = await connection.channel()
            return (await channel.queue_declare(queue, passive=True)).message_count or 0
        finally:
            await connection.close()

    async def purge(self, queue: str) -> int:
        """Throw away what is ready in a queue, which would be the next visit's work; return how many."""
        connection = await aiormq.connect(self.amqp_url)
        try:
            return (await (await connection.channel()).queue_purge(queue)).message_count or 0
        finally:
            await connection.close()

    async def begin_anew(self, *, latency_ms: float = 0, contacts: int = 1, keep_redis: bool = False) -> None:
        """Set how the stand-in answers, forget its counts, and empty Redis unless told to keep it."""
        settings = {"latency_ms": latency_ms, "contacts": contacts, "contact_bytes": 0}
        await self._ask("POST", "settings", settings)
        await self._ask("POST", "reset")
        if not keep_redis:
            await self.redis.flushall()

    async def counts(self) -> dict[str, Any]:
        """Return what the stand-in counted: `calls` by method, `effects`, `repeated_effects`."""
        return dict(await self._ask("GET", "stats"))

    async def _ask(self, method: str, page: str, body: object = None) -> Any:  # noqa: ANN401  (JSON)
        async with self.http.request(method, f"{self.standin_url}/bench/{page}", json=body) as answer:
            answer.raise_for_status()
            text = await answer.text()
            return json.loads(text) if text else None


@asynccontextmanager
async def set_stage() -> AsyncIterator[Stage]:
    """Start everything, and stop it at the end. This process moves to the core of the servers and the load.

    Raises ServerMissing, ServerFailed, ProgramFailed.
    """
    cores = choose_cores()
    async with AsyncExitStack() as stack:
        stack.enter_context(on(cores.rest))
        folder = Path(tempfile.mkdtemp(prefix="lcm-bridge-bench-"))
        guard = stack.enter_context(Guard(folder=folder))
        rabbit = await stack.enter_async_context(
            PrivateRabbit(folder=folder / "rabbitmq", conf=[BROKER_MEMORY])
        )
        redis = await stack.enter_async_context(PrivateRedis(folder=folder / "redis"))
        command = [sys.executable, "-m", "bench.standin", "--port", "0"]
        standin = await stack.enter_async_context(
            talking(command, name="the stand-in for LCM", guard=guard, cores=cores.rest)
        )
        port = json.loads(await standin.line(START_SECONDS))["port"]
        timeout = aiohttp.ClientTimeout(total=START_SECONDS)
        yield Stage(
            cores=cores,
            amqp_url=rabbit.url,
            redis_url=redis.url,
            standin_url=f"http://127.0.0.1:{port}",
            folder=folder,
            guard=guard,
            servers={"rabbitmq": rabbit.pid, "redis": redis.pid, "standin": standin.pid},
            http=await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout)),
            redis=await stack.enter_async_context(Redis.from_url(redis.url)),
        )
