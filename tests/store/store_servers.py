"""What the store's tests share: a cluster and a Sentinel of our own, a cache, a clock that is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal
from uuid import uuid4

from redis.asyncio import Redis

from bridge.demo.ports import free_port
from bridge.demo.runs import Program
from bridge.demo.servers import PrivateRedis
from bridge.jsontypes import JsonValue
from bridge.metrics import Metrics
from bridge.operations.model import Contact, Reserved, Shelf
from bridge.settings import Contacts
from bridge.settings import Redis as RedisSettings
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore

AGENT = "testagent@domain.com"
ACCOUNT = "49|3|279|0|0|44|1253"
SERVICE = "mymaster"


@dataclass
class Clock:
    """A clock that moves when it is told to; it starts now, since Redis itself goes by the real time."""

    now: float = field(default_factory=lambda: float(round(time.time())))

    def __call__(self) -> float:
        """Give the present moment."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


@dataclass
class Bench:
    """A contact store under a prefix of its own. Every operation is followed by a look at all keys."""

    store: Store
    cache: ContactStore
    clock: Clock
    prefix: str

    async def keep(
        self,
        *contacts: Contact,
        agent: str = AGENT,
        shelf: Shelf = "manual",
        asked: float | None = None,
        consent: str | None = "Yes",
        count: int | None = 10,
    ) -> None:
        """Keep LCM's answer to a request for ``count`` reserved contacts; None: they are new ones."""
        reserved = None if count is None else Reserved(shelf, count, None if shelf == "od" else consent)
        when = self.clock.now if asked is None else asked
        await self.cache.keep(agent, shelf, contacts, asked=when, reserved=reserved)
        await self.check_keys()

    async def find(
        self,
        *,
        agent: str = AGENT,
        shelf: Shelf = "manual",
        consent: str | None = "Yes",
        age: Literal["fresh", "any"] = "fresh",
    ) -> Sequence[Contact]:
        """Find contacts."""
        reserved = Reserved(shelf, 10, None if shelf == "od" else consent)
        found = await self.cache.find(agent, reserved, age=age)
        await self.check_keys()
        return found

    async def accounts(self, **options: Any) -> list[JsonValue]:
        """Find contacts; give their account numbers, in order."""
        return [contact["AccountNumber"] for contact in await self.find(**options)]

    async def drop(self, account: str, agent: str = AGENT) -> None:
        """Drop a contact."""
        await self.cache.drop(agent, account)
        await self.check_keys()

    async def keys(self) -> list[bytes]:
        """Give every key under the prefix."""
        return [key async for key in self.store.client.scan_iter(match=f"{self.prefix}:*")]

    async def check_keys(self) -> None:
        """Every key has an expiry: personal data never stays for ever."""
        ttls = {key: await self.store.client.pttl(key) for key in await self.keys()}
        assert {} == {key: ttl for key, ttl in ttls.items() if ttl == -1}


@asynccontextmanager
async def bench(
    url: str, *, zone: tzinfo = UTC, connections: int = 50, **settings: Any
) -> AsyncIterator[Bench]:
    """Connect a contact store for the length of a block."""
    prefix = f"t{uuid4().hex[:10]}"
    # A busy machine must not be taken for a Redis that is away.
    redis = RedisSettings.model_validate(
        {"url": url, "prefix": prefix, "timeout": 5.0, "connections": connections}
    )
    store = Store(connect(redis), redis, Metrics())
    await store.look()
    clock = Clock()
    cache = ContactStore(store, Contacts.model_validate(settings), prefix=prefix, zone=zone, clock=clock)
    try:
        yield Bench(store, cache, clock, prefix)
    finally:
        await store.close()


def impatient_store(url: str, metrics: Metrics | None = None, **settings: Any) -> tuple[Store, ContactStore]:
    """Make a store that gives up soon."""
    redis = RedisSettings.model_validate({"url": url, "timeout": 0.1, "retries": 1, **settings})
    store = Store(connect(redis), redis, metrics or Metrics())
    return store, ContactStore(store, Contacts(), prefix="away", zone=UTC)


async def reached(store: Store) -> None:
    """Look at Redis until it answers: on a busy machine it may be slower than an impatient store."""
    async with asyncio.timeout(10):
        while not store.connected:
            await store.look()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells of."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def contact(account: str = ACCOUNT, **members: JsonValue) -> Contact:
    """Make a contact as the operations read it; without an ExpiryTime that could be read."""
    return {
        "PhoneNumber": "1234567890",
        "AccountNumber": account,
        "Consent": "Yes",
        "ExpiryTime": "",
        **members,
    }


def od_contact(account: str = ACCOUNT, **members: JsonValue) -> Contact:
    """Make an OD contact: that kind knows no consent."""
    return {"PhoneNumber": "1234567890", "AccountNumber": account, "ExpiryTime": "", **members}


def of(shelf: Shelf, account: str = ACCOUNT, **members: JsonValue) -> Contact:
    """Make a contact of a kind."""
    return contact(account, **members) if shelf == "manual" else od_contact(account, **members)


def slashes(moment: float, zone: tzinfo = UTC) -> str:
    """Write a moment as LCM writes it in manual contacts."""
    return datetime.fromtimestamp(moment, zone).strftime("%m/%d/%Y %H:%M:%S")


def sql_server(moment: float, zone: tzinfo = UTC) -> str:
    """Write a moment as LCM writes it in OD contacts."""
    return datetime.fromtimestamp(moment, zone).strftime("%b %d %Y %I:%M%p")


class PrivateSentinel(PrivateRedis):
    """A Sentinel of our own that watches one master."""

    def __init__(self, master_port: int) -> None:
        super().__init__()
        self._master_port = master_port

    def _programs(self, program: str, port: int) -> list[Program]:
        conf = self.folder / "sentinel.conf"
        conf.write_text(f"sentinel monitor {SERVICE} 127.0.0.1 {self._master_port} 1\n")
        own = ("--sentinel", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        [plain] = super()._programs(program, port)
        return [Program(command=[program, str(conf), *own], env=plain.env)]


@asynccontextmanager
async def private_cluster() -> AsyncIterator[str]:
    """Run three masters that share the slots; give the URL of the cluster."""
    async with AsyncExitStack() as stack:
        buses = [free_port() for _ in range(3)]
        nodes = [
            PrivateRedis(
                appendonly=False,
                arguments=("--cluster-enabled", "yes", "--cluster-port", str(bus)),
            )
            for bus in buses
        ]
        await asyncio.gather(*[stack.enter_async_context(node) for node in nodes])
        clients = [await stack.enter_async_context(Redis.from_url(node.url)) for node in nodes]
        for number, client in enumerate(clients):
            first, last = 16_384 * number // 3, 16_384 * (number + 1) // 3 - 1
            await _command(client, "CLUSTER", "ADDSLOTSRANGE", first, last)
            for node, bus in list(zip(nodes, buses, strict=True))[:number]:
                await _command(client, "CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        for client in clients:
            await _until_whole(client)
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


async def _command(client: Redis, *words: str | int) -> bytes:
    answer: bytes = await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's
    return answer


async def _until_whole(client: Redis) -> None:
    said = b""
    async with asyncio.timeout(20):
        while b"cluster_state:ok" not in said or b"cluster_known_nodes:3" not in said:
            said = await _command(client, "CLUSTER", "INFO")
            await asyncio.sleep(0.02)
