"""A small site to be watched: RabbitMQ, Redis, LCM's simulator, two workers, and a Prometheus.

Time runs faster than in life, so that minutes show what takes hours: workers look at queues every second, the
breaker counts over ten, and the rules of the alerts look back and wait a thirtieth of what is written.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
import yaml

from bench.processes import ProgramFailed, environment, until
from bridge.demo.guard import Guard
from bridge.demo.ports import free_port
from bridge.demo.processes import OwnedProcess, tail
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Options, Simulator
from bridge.simulator.seeding import Seeding
from monitoring.compression import compress_rules
from monitoring.paths import RULES
from monitoring.server import Pace, Prometheus, Target

FASTER: Final = 30.0
SCRAPE_SECONDS: Final = 1.0
READY_SECONDS: Final = 30.0
COMMAND_SECONDS: Final = 20.0
WORKERS: Final = 2
SETTINGS: Final = {
    "BRIDGE_ADMIN__HOST": "127.0.0.1",
    "BRIDGE_AMQP__DEPTH_INTERVAL": "1",
    "BRIDGE_AMQP__AGENT_PREFETCH": "40",
    "BRIDGE_AMQP__CAMPAIGN_PREFETCH": "10",
    "BRIDGE_AMQP__MAX_LENGTH": "1000",
    "BRIDGE_BREAKER__WINDOW": "10",
    "BRIDGE_BREAKER__OPEN_FOR": "2",
    "BRIDGE_CONTACTS__FRESH_FOR": "3",
    "BRIDGE_LCM__TIMEOUT": "4",
    "BRIDGE_RETRY__DELAYS": "[1000, 5000]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that the story breaks and mends, and what watches it."""

    rabbit: PrivateRabbit
    redis: PrivateRedis
    lcm: Simulator
    workers: list[OwnedProcess]
    prometheus: Prometheus
    settings: dict[str, str]
    folder: Path
    guard: Guard

    async def command(self, *arguments: str) -> None:
        """Run a command of lcm-bridge. Raises ProgramFailed when it fails, TimeoutError."""
        process = self.program(*arguments, log="commands.log")
        try:
            await process.start()
            async with asyncio.timeout(COMMAND_SECONDS):
                code = await process.wait()
        finally:
            await process.kill()
        if code:
            raise ProgramFailed(f"{' '.join(arguments)} ended with {code}: {tail(process.log, 5)}")

    def program(self, *arguments: str, log: str, admin_port: int = 0) -> OwnedProcess:
        """Return `lcm-bridge` with these arguments and the site's settings, not yet started."""
        settings = {**self.settings, "BRIDGE_ADMIN__PORT": str(admin_port)}
        return OwnedProcess(
            [sys.executable, "-m", "bridge", *arguments],
            env=environment(settings),
            folder=self.folder,
            log=self.folder / log,
            guard=self.guard,
        )


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    """Start everything, and stop it at the end.

    Raises ServerMissing, ServerFailed, ProgramFailed, PrometheusMissing, PrometheusFailed.
    """
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="lcm-bridge-picture-"))
        guard = stack.enter_context(Guard(folder=folder))
        ports = [free_port() for _ in range(WORKERS)]
        prometheus = Prometheus(
            [
                Target(f"127.0.0.1:{port}", {"namespace": "contact-centre", "pod": f"lcm-bridge-{number}"})
                for number, port in enumerate(ports)
            ],
            rules=_faster_rules(folder),
            pace=Pace(scrape=SCRAPE_SECONDS, evaluate=SCRAPE_SECONDS, lookback=5 * SCRAPE_SECONDS),
        )
        await stack.enter_async_context(prometheus)
        rabbit = await stack.enter_async_context(PrivateRabbit(folder=folder / "rabbitmq"))
        redis = await stack.enter_async_context(PrivateRedis(folder=folder / "redis"))
        seeding = Seeding(reserved_per_agent=60, open_per_agent=60)
        lcm = await stack.enter_async_context(Simulator(Options(seeding=seeding)).running())
        urls = {
            "BRIDGE_AMQP__URL": rabbit.url,
            "BRIDGE_REDIS__URL": redis.url,
            "BRIDGE_LCM__BASE_URL": lcm.base_url,
        }
        site = Site(
            rabbit=rabbit,
            redis=redis,
            lcm=lcm,
            workers=[],
            prometheus=prometheus,
            settings=SETTINGS | urls,
            folder=folder,
            guard=guard,
        )
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            for number, port in enumerate(ports):
                worker = site.program("run", log=f"worker-{number}.log", admin_port=port)
                site.workers.append(worker)
                stack.push_async_callback(worker.stop, grace=10)
                await worker.start()
            for worker, port in zip(site.workers, ports, strict=True):
                await until(worker, partial(_is_ready, http, port), "a worker", READY_SECONDS)
        yield site


async def _is_ready(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


def _faster_rules(folder: Path) -> list[Path]:
    """Write the rules with every duration divided into `folder`."""
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump(compress_rules(yaml.safe_load(RULES.read_text()), FASTER)))
    return [rules]
