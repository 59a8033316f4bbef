"""One run: everything is started, pressed and broken for a while, and then judged."""

import asyncio
import logging
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aio_pika.exceptions import ChannelNotFoundEntity
from chaos.clients import Client, Crowd
from chaos.faults import DELAYS, EXPLAIN_UNKNOWN, FAULTS, UNBROKEN_SECONDS, Inject, Site
from chaos.proxy import Proxy
from chaos.times import Times
from chaos.traffic import Traffic
from chaos.verdict import Books, Sums
from chaos.workers import BRIDGE, Fleet
from support.connecting import connect
from support.permitted import rabbit_with_users, url_of

from bridge.demo.guard import Guard
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault, Options, Simulator
from bridge.simulator.state import Limits

CLIENTS = 8
START_SECONDS = 60.0
SETTLE_SECONDS = 150.0
PROGRESS_SECONDS = 10.0
LEAST_OK = 0.7
AGAIN_MS = 3_000
"""After so long RabbitMQ tries again to return requests to a queue that was deleted; its own is 3 minutes."""

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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run."""

    sums: Sums
    notes: list[str]
    injected: Counter[str]
    times: Times

    @property
    def passed(self) -> bool:
        """Whether nothing happened that must not happen, and most requests succeeded."""
        return not any(self.sums.faults().values()) and self.sums.ok > LEAST_OK * self.sums.sent


PrintLine = Callable[[str], None]


async def run(plan: Plan, print_line: PrintLine) -> Outcome:
    """Run it all. Raises `bridge.demo.servers.ServerMissing` and `ServerFailed`."""
    print_line(f"{plan.title}: seed {plan.seed}")
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # lost connections are what this is about
    folder = Path(tempfile.mkdtemp(prefix="lcm-bridge-chaos-"))
    async with _site(plan, folder) as site:
        started = time.monotonic()
        tasks = [asyncio.create_task(client.run()) for client in _clients(site)]
        try:
            telling = asyncio.create_task(_tell(site, started, print_line))
            tasks.append(telling)
            if plan.watch is not None:
                tasks.append(asyncio.create_task(plan.watch(site)))
            await _press(site, plan, print_line)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        explaining = EXPLAIN_UNKNOWN | plan.explain_unknown
        sums = site.books.sums(
            site.fleet.logs.odd_lines,
            unrecorded=site.fleet.logs.unrecorded,
            unknown_explained=not explaining.isdisjoint(site.injected),
        )
        outcome = Outcome(
            sums=sums,
            notes=[*site.books.notes, *site.fleet.logs.odd],
            injected=site.injected,
            times=site.books.times,
        )
        for line in report(site, outcome, time.monotonic() - started):
            print_line(line)
    if (outcome.passed or not plan.judged) and not plan.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print_line(f"logs: {folder}")
    verdict = ("passed" if outcome.passed else "FAILED") if plan.judged else "measured"
    print_line(f"{plan.title}: seed {plan.seed}: {verdict}")
    return outcome


@asynccontextmanager
async def _site(plan: Plan, folder: Path) -> AsyncIterator[Site]:
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


def _clients(site: Site) -> list[Client]:
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


async def _press(site: Site, plan: Plan, print_line: PrintLine) -> None:
    """Send and break until both are done, then let everything settle and end the workers."""
    await site.fleet.start()
    await _declared(site)
    async with asyncio.timeout(START_SECONDS):  # an event that nobody listens for yet would count as lost
        await asyncio.gather(*(one.ready() for one in (*site.crowd.clients, *site.crowd.listeners)))
    began, broken_enough = time.monotonic(), asyncio.Event()

    def done() -> bool:
        if not broken_enough.is_set():
            return False
        return time.monotonic() - began >= plan.seconds and len(site.traffic.requests) >= plan.requests

    pressing = asyncio.create_task(site.crowd.press(plan.rate, done))
    await asyncio.sleep(UNBROKEN_SECONDS)
    injects = {**FAULTS, **plan.more_faults}
    names = list(FAULTS if plan.faults is None else plan.faults)
    rounds = 0
    while not pressing.done():
        site.rng.shuffle(names)
        for name in names:
            if rounds >= plan.rounds and (done() or pressing.done()):
                break
            await asyncio.sleep(site.between(*plan.pause))
            site.now = name
            await injects[name](site)
            site.now = ""
            site.injected[name] += 1
        rounds += 1
        if not names:
            await asyncio.sleep(1)
        if rounds >= plan.rounds:
            broken_enough.set()
            await asyncio.sleep(0.1)
    await pressing
    print_line("no more faults: everything settles")
    await _settle(site)
    await site.fleet.stop()
    await asyncio.sleep(0.5)  # what they told last arrives


async def _declared(site: Site) -> None:
    """Wait until the workers have declared what is published to. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS), await connect(site.urls[0]) as connection:
        while True:
            channel = await connection.channel()
            try:
                await channel.get_queue(f"{site.prefix}.dead-letters")
                await channel.get_exchange(f"{site.prefix}.requests")
            except ChannelNotFoundEntity:
                await asyncio.sleep(0.2)
            else:
                return


async def _settle(site: Site) -> None:
    """Wait until every request came to its end, or until no queue holds any and they are lost."""
    quiet = 0
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and quiet < 2:  # twice, for what was on its way
        site.simulator.release()
        if not site.crowd.busy and not site.books.waiting:
            return
        listed = await site.ctl("list_queues", "--silent", "messages")
        empty = all(word == "0" for word in listed.split() if word.isdigit())
        quiet = quiet + 1 if empty and not site.crowd.busy else 0
        await asyncio.sleep(1)
    if quiet < 2:
        listed = await site.ctl("list_queues", "--silent", "name", "messages", "messages_ready")
        site.books.notes.append(f"not settled; queues: {' '.join(listed.split())}")


async def _tell(site: Site, started: float, print_line: PrintLine) -> None:
    """Print a line of progress now and then, and take down what must not pile up."""
    told = 0.0
    while True:
        site.books.look_at_effects()
        site.fleet.read_logs()
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            print_line(
                f"{told - started:5.0f} s  requests {len(site.traffic.requests)}"
                f"  replied {site.books.replied}"
                f"  waiting {site.books.waiting_of_late()}  ok {site.books.outcomes['ok']}"
                f"  odd {site.books.unexpected + site.fleet.logs.odd_lines}  {site.now}"
            )
        await asyncio.sleep(1)


def report(site: Site, outcome: Outcome, seconds: float) -> list[str]:
    """Return what is printed at the end."""
    books, sums = site.books, outcome.sums
    requests = len(site.traffic.requests)
    lines = [f"{requests} requests in {seconds:.0f} s", "", "faults injected:"]
    lines += [
        f"  {name:28} {count}{f' ({site.skipped[name]} in vain)' if site.skipped[name] else ''}"
        for name, count in sorted(site.injected.items())
    ]
    lines += ["", "answers:", *(f"  {name:40} {count}" for name, count in books.outcomes.most_common())]
    lines += ["", "warnings and errors in the workers' logs:"]
    lines += [f"  {name:50} {count}" for name, count in site.fleet.logs.events.most_common(25)]
    median = books.median_after_kill()
    first = f"{median:.1f} s (median of {len(books.after_kill)})" if median is not None else "-"
    lines += [
        "",
        f"first reply after the broker is back from a kill: {first}",
        f"outcome unknown: {sums.unknown / max(1, requests):.2%} of the requests",
        f"replies twice: {books.replied_again}",
        f"unknown after a definite reply, as the time was up while Redis was away: {books.late_unknown}",
        f"unknown after a definite reply that was not recorded in time: {books.unknown_unrecorded}",
        "",
        *(f"- {note}" for note in outcome.notes[:60]),
        *(f"{line}" for line in books.times.report()),
        "",
        sums.line(),
    ]
    return lines
