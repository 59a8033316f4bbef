"""What a run breaks: RabbitMQ, Redis, LCM, workers and clients, with proxies in between."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.clients import Client, Crowd
from chaos.proxy import Proxy
from chaos.traffic import Traffic
from chaos.verdict import Books
from chaos.workers import BRIDGE, Fleet, Worker
from support.permitted import rabbit_with_users, url_of

from bridge.demo.guard import Guard
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault, Options, Simulator
from bridge.simulator.state import Limits

CLIENTS = 8
AGAIN_MS = 3_000
"""After so long RabbitMQ tries again to return requests to a queue that was deleted; its own is 3 minutes."""
DELAYS = (200, 1000, 3000)
"""Milliseconds for which the workers park a request."""

SETTINGS: Mapping[str, str] = {
    "BRIDGE_ADMIN__HOST": "127.0.0.1",
    "BRIDGE_ADMIN__PORT": "0",
    "BRIDGE_AMQP__HEARTBEAT": "3",
    "BRIDGE_AMQP__RECONNECT_WAIT": "0.2",
    "BRIDGE_AMQP__RECONNECT_WAIT_MAX": "1",
    "BRIDGE_AMQP__DEPTH_INTERVAL": "1",
    "BRIDGE_AMQP__PUBLISH_TIMEOUT": "4",
    "BRIDGE_LCM__TIMEOUT": "4",
    "BRIDGE_SHUTDOWN__GRACE": "20",
    "BRIDGE_LEDGER__LEASE": "5",
    "BRIDGE_LEDGER__HOLD_FOR": "3600",
    "BRIDGE_RETRY__DELAYS": str([*DELAYS]),
    "BRIDGE_BREAKER__WINDOW": "5",
    "BRIDGE_BREAKER__OPEN_FOR": "1",
    "BRIDGE_CONTACTS__FRESH_FOR": "1",
}
"""As in production, but impatient: what takes minutes there takes seconds here."""


@dataclass(kw_only=True)
class Site:
    """Everything that faults can be injected into."""

    prefix: str
    rabbit: PrivateRabbit
    redis: PrivateRedis
    simulator: Simulator
    to_rabbit: Proxy
    to_redis: Proxy
    fleet: Fleet
    traffic: Traffic
    crowd: Crowd
    books: Books
    rng: random.Random
    stack: AsyncExitStack
    ctl: Callable[..., Awaitable[str]]
    urls: Sequence[str]
    spared_workers: int = 0
    now: str = ""
    usual: tuple[Fault, ...] = ()
    injected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def request_queues(self) -> tuple[str, str]:
        """The names of the two request queues."""
        return f"{self.prefix}.requests.agent", f"{self.prefix}.requests.campaign"

    @property
    def spared(self) -> Sequence[Worker]:
        """The workers that no fault ends."""
        return self.fleet.workers[: self.spared_workers]

    @property
    def mortal(self) -> Sequence[Worker]:
        """The workers that a fault may end."""
        return self.fleet.workers[self.spared_workers :]

    def between(self, low: float, high: float) -> float:
        """Return a number between two."""
        return self.rng.uniform(low, high)


Inject = Callable[[Site], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Servers that run already, and are to be used instead of a run's own.

    ``rabbits`` are all nodes of one RabbitMQ, of which ``ctl`` asks one that runs. ``redis`` is what the
    faults know of; the workers find it by ``redis_url``. ``queue_arguments`` are those of the queues that
    the clients declare. RabbitMQ knows the users of docs/security.md.
    """

    prefix: str
    rabbits: Sequence[PrivateRabbit]
    ctl: Callable[..., Awaitable[str]]
    redis: PrivateRedis
    redis_url: str
    queue_arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done. Each of ``faults`` (None: all) is injected ``rounds`` times at least.

    ``servers`` None: the run starts its own, RabbitMQ with ``plugins``. ``program`` is what Python runs as a
    worker; no fault ends the first ``spared`` of them. Faults that are named in ``explain_unknown`` may leave
    it open whether a side effect happened. ``watch`` runs beside it all, until it is cancelled.
    """

    seed: int
    title: str = "chaos"
    servers: Servers | None = None
    requests: int = 0
    seconds: float = 0
    rate: float = 80
    rounds: int = 3
    faults: tuple[str, ...] | None = None
    pause: tuple[float, float] = (1.0, 4.0)
    workers: int = 3
    spared: int = 0
    latency_ms: float = 0
    program: Sequence[str] = BRIDGE
    plugins: Sequence[str] = ()
    keep: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    more_faults: Mapping[str, Inject] = field(default_factory=dict)
    explain_unknown: frozenset[str] = frozenset()
    judged: bool = True
    watch: Callable[[Site], Coroutine[Any, Any, None]] | None = None


@asynccontextmanager
async def open_site(plan: Plan, folder: Path) -> AsyncIterator[Site]:
    """Start what the plan does not bring along, for the length of a block; the workers are started later."""
    rng = random.Random(plan.seed)  # noqa: S311 - repeatable
    simulator = Simulator(Options(limits=Limits(contacts=10_000_000, agents=10_000_000), kept_calls=10))
    async with simulator.running(), AsyncExitStack() as stack:
        servers = plan.servers or await _own_servers(folder, stack, plan.plugins)
        prefix, rabbit, redis = servers.prefix, servers.rabbits[0], servers.redis
        to_rabbit, to_redis = Proxy(rabbit.port), Proxy(redis.port)
        await to_rabbit.start()
        await to_redis.start()
        nodes = [rabbit.url for rabbit in servers.rabbits]
        own = [url_of(rabbit, "bridge") for rabbit in servers.rabbits]
        through = own[0].replace(f":{rabbit.port}", f":{to_rabbit.port}")
        settings = {
            **SETTINGS,
            "BRIDGE_AMQP__URL": ",".join(own) if len(own) > 1 else through,
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": servers.redis_url or f"redis://127.0.0.1:{to_redis.port}/0",
            "BRIDGE_LCM__BASE_URL": simulator.base_url,
            **plan.settings,
        }
        usual = (Fault(latency_ms=plan.latency_ms, jitter_ms=plan.latency_ms),) if plan.latency_ms else ()
        simulator.faults.put(*usual)
        traffic = Traffic(simulator, rng, f"s{plan.seed}")
        books = Books(traffic, simulator)
        with Guard() as guard:
            fleet = Fleet(plan.workers, settings, folder, guard, plan.program)
            try:
                yield Site(
                    prefix=prefix,
                    rabbit=rabbit,
                    redis=redis,
                    simulator=simulator,
                    to_rabbit=to_rabbit,
                    to_redis=to_redis,
                    fleet=fleet,
                    spared_workers=plan.spared,
                    traffic=traffic,
                    crowd=Crowd(traffic, books, rng, prefix, servers.queue_arguments),
                    books=books,
                    rng=rng,
                    usual=usual,
                    stack=stack,
                    ctl=servers.ctl,
                    urls=nodes,
                )
            finally:
                await fleet.kill()
                await to_rabbit.stop()
                await to_redis.stop()


async def _own_servers(folder: Path, stack: AsyncExitStack, plugins: Sequence[str]) -> Servers:
    again = {"dead_letter_worker_publisher_confirm_timeout": AGAIN_MS}
    rabbit = await stack.enter_async_context(
        rabbit_with_users(folder / "users", folder=folder / "rabbitmq", advanced=again, plugins=plugins)
    )
    redis = await stack.enter_async_context(PrivateRedis(arguments=("--appendfsync", "always")))
    return Servers(prefix="chaos", rabbits=[rabbit], ctl=rabbit.ctl, redis=redis, redis_url="")


def make_clients(site: Site) -> list[Client]:
    """Make the clients: some come by the proxy, where their connections are cut as well.

    Where there are several nodes each client begins with another one, as behind a name for all of them.
    """
    through = f"amqp://guest:guest@127.0.0.1:{site.to_rabbit.port}/"
    urls, count = list(site.urls), len(site.urls)
    for number in range(CLIENTS):
        first = number % count
        site.crowd.add([through] if count == 1 and number % 4 == 0 else [*urls[first:], *urls[:first]])
    site.crowd.listen(urls)
    return [*site.crowd.clients, *site.crowd.listeners]
