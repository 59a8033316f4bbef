"""Starts what the demonstration plays on, and takes it down again: servers, simulator, bridge."""

import asyncio
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aio_pika
import aiohttp
from aiormq.exceptions import AMQPError
from pydantic import SecretStr, ValidationError

from bridge.bus.frames import SocketConnection
from bridge.bus.topology import Exchange, Queue, Topology
from bridge.demo.guard import Guard
from bridge.demo.ports import free_port
from bridge.demo.processes import OwnedProcess, tail
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.hints import must
from bridge.settings import Amqp, Retry

SIMULATOR_SECONDS = 30.0
BRIDGE_SECONDS = 60.0
_URL = re.compile(r"https?://[^\s\"',;]+")


class StageFailed(RuntimeError):
    """Something that the demonstration needs did not start or went away; the message shows its log's end."""


class Told(Protocol):
    """Whoever is told how it goes."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Hear what is being done, for as long as that takes."""

    def say(self, text: str = "", style: str = "") -> None:
        """Hear what else there is to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything is. `prefix` is the setting amqp.prefix of this bridge."""

    amqp_url: str
    redis_url: str
    prefix: str
    admin_url: str
    lcm_url: str
    control_url: str
    folder: Path
    bridge: OwnedProcess

    def bridge_log(self, lines: int = 15) -> str:
        """Return the end of the bridge's log."""
        return tail(self.bridge.log, lines)


async def set_stage(  # noqa: PLR0913 - what differs between a demonstration and a test suite
    stack: AsyncExitStack,
    display: Told,
    amqp_url: str,
    redis_url: str,
    *,
    name: str = "lcm-demo",
    own_settings: Mapping[str, str] | None = None,
    simulator_options: Sequence[str] = (),
) -> Stage:
    """Start everything; `stack` stops it again. An empty URL means: a private server.

    What is put on servers that were given is named `name` and a random number. `own_settings` are
    further settings of the bridge (``BRIDGE_...``), `simulator_options` those of the simulator's command.
    Raises StageFailed, and ServerMissing or ServerFailed for the private servers.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    guard = stack.enter_context(Guard(folder=folder))
    rabbit, redis = PrivateRabbit(folder=folder / "rabbitmq"), PrivateRedis(folder=folder / "redis")
    own_broker, own_servers = not amqp_url, not (amqp_url or redis_url)
    with display.step("Starting a private RabbitMQ" if own_broker else "Using the RabbitMQ that was given"):
        if own_broker:
            await stack.enter_async_context(rabbit)
            amqp_url = rabbit.url
        else:
            await _try_broker(amqp_url)
    with display.step("Starting a private Redis" if not redis_url else "Using the Redis that was given"):
        if not redis_url:
            await stack.enter_async_context(redis)
            redis_url = redis.url
    # On somebody's own servers, names of our own.
    prefix = "lcm" if own_servers else f"{name}-{secrets.token_hex(4)}"
    if not own_broker:
        stack.push_async_callback(_remove_names, amqp_url, prefix, display)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BRIDGE_")}
    # The command must find this very package, wherever it is run from: it is run in the throw-away folder,
    # so that no settings file of the current folder takes part.
    package = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))

    def program(name: str, *arguments: str, **settings: str) -> OwnedProcess:
        command = [sys.executable, "-m", "bridge", *arguments]
        log = folder / f"{name}.log"
        return OwnedProcess(command, env=environment | settings, folder=folder, log=log, guard=guard)

    with display.step("Starting the LCM simulator"):
        simulator = program("simulator", "simulator", "--port", "0", *simulator_options)
        stack.push_async_callback(simulator.stop, grace=10)
        await simulator.start()
        lcm_url, control_url = await _simulator_urls(simulator)
    with display.step("Starting the bridge"):
        admin_port = free_port()
        settings = {
            "BRIDGE_AMQP__URL": amqp_url,
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": redis_url,
            "BRIDGE_LCM__BASE_URL": lcm_url,
            "BRIDGE_ADMIN__HOST": "127.0.0.1",
            "BRIDGE_ADMIN__PORT": str(admin_port),
            "BRIDGE_LOG__FORMAT": "json",
            **(own_settings or {}),
        }
        bridge = program("bridge", "run", **settings)
        stack.push_async_callback(bridge.stop, grace=30)
        await bridge.start()
        admin_url = f"http://127.0.0.1:{admin_port}"
        await _until(lambda: _is_ready(admin_url), bridge, "the bridge", BRIDGE_SECONDS)
    return Stage(
        amqp_url=amqp_url,
        redis_url=redis_url,
        prefix=prefix,
        admin_url=admin_url,
        lcm_url=lcm_url,
        control_url=control_url,
        folder=folder,
        bridge=bridge,
    )


async def _simulator_urls(simulator: OwnedProcess) -> tuple[str, str]:
    """Read its base URL and its control URL from the line that it prints when it is ready."""

    async def printed() -> bool:
        return len(_URL.findall(tail(simulator.log, 5))) > 1

    await _until(printed, simulator, "the LCM simulator", SIMULATOR_SECONDS)
    urls = _URL.findall(tail(simulator.log, 5))
    control = next((url for url in urls if url.rstrip("/").endswith("/control")), urls[-1])
    return next(url for url in urls if url != control), control


async def _is_ready(admin_url: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(f"{admin_url}/readyz") as answer,
        ):
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _until(
    holds: Callable[[], Awaitable[bool]], process: OwnedProcess, what: str, seconds: float
) -> None:
    """Ask `holds` until it is true. Raises StageFailed when the process ends first or the time is over."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await holds():
        problem = ""
        if not process.running:
            problem = f"ended by itself with code {process.exit_code}"
        elif asyncio.get_running_loop().time() > deadline:
            problem = f"was not ready within {seconds:g} s"
        if problem:
            raise StageFailed(f"{what} {problem}; the end of its log:\n{tail(process.log, 30)}")
        await asyncio.sleep(0.05)


async def _try_broker(amqp_url: str) -> None:
    """Raise StageFailed if the given broker cannot be used: the bridge would keep trying for ever."""
    try:
        url = Amqp(url=SecretStr(amqp_url)).urls[0]
        async with asyncio.timeout(10), await aio_pika.connect(url, connection_class=SocketConnection):
            pass
    except ValidationError as error:
        raise StageFailed(f"the URL of RabbitMQ {must(error.errors()[0]['msg'])}") from error
    except (OSError, TimeoutError, ValueError, AMQPError) as error:
        said = str(error) or type(error).__name__
        raise StageFailed(f"the RabbitMQ that was given cannot be used: {said}") from error


async def _remove_names(amqp_url: str, prefix: str, display: Told) -> None:
    """Take away what the bridge declared on a broker that is not ours."""
    try:
        async with asyncio.timeout(30), await aio_pika.connect(amqp_url.split(",", 1)[0]) as connection:
            channel = await connection.channel()
            for part in Topology(Amqp(prefix=prefix), (), (), Retry().delays).parts():
                match part:
                    case Queue(name):
                        await channel.queue_delete(name)
                    case Exchange(name):
                        await channel.exchange_delete(name)
    except (OSError, TimeoutError, AMQPError) as error:
        display.say(f"Queues and exchanges named {prefix}.* are left on the broker: {error!r}", style="red")
