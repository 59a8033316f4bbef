"""What the ledger's tests share: ledgers under a prefix of their own, keys, endings, and raw records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import uuid4

from store.store_servers import ACCOUNT, AGENT, reached

from bridge.endings import Ending
from bridge.failures import OutcomeUnknown, WsError
from bridge.messages import RequestKey
from bridge.metrics import Metrics
from bridge.ports import CacheChange, Claim, Ledger, LedgerKey
from bridge.settings import Contacts
from bridge.settings import Ledger as LedgerSettings
from bridge.settings import Redis as RedisSettings
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore
from bridge.store.ledger import LedgerStore
from bridge.store.records import LedgerRecords, record_name

KEY = LedgerKey("SkipManualDialContact", RequestKey("header", ("k-1",)))
CONTENT = '{"AccountNumber":"49|3|279"}'
DONE = Ending({"response": {"success": True}})
REFUSED = Ending(WsError("no such campaign", msg="Refused."))
UNKNOWN = Ending(OutcomeUnknown("the answer did not come"))
SKIPPED = CacheChange(agent=AGENT, skipped=ACCOUNT)
IMPATIENT = {"timeout": 0.1, "retries": 1, "watch_interval": 0.01}
WARM_UP = LedgerKey("ContactOD", KEY.request)


@dataclass
class LedgerBench:
    """One process's ledger, with what stands around it."""

    store: Store
    ledger: LedgerStore
    contacts: ContactStore
    records: LedgerRecords
    metrics: Metrics
    prefix: str
    settings: LedgerSettings

    def another_ledger(self) -> LedgerStore:
        """Build another process's ledger over the same connections."""
        return LedgerStore(
            self.store, self.settings, prefix=self.prefix, metrics=self.metrics, contacts=self.contacts
        )

    async def claim(self, key: LedgerKey = KEY, content: str = CONTENT) -> Claim:
        """Claim a key that can be claimed."""
        found = await self.ledger.claim(key, content)
        assert isinstance(found, Claim), found
        return found

    def count(self, outcome: str) -> float:
        """Give how often the ledger said so."""
        value = self.metrics.registry.get_sample_value("lcm_bridge_ledger_total", {"outcome": outcome})
        return value or 0.0

    async def lapse(self, key: LedgerKey = KEY) -> None:
        """Let a lease run out, as if its worker had died and time had passed."""
        name = record_name(self.prefix, key)
        assert await self.store.client.hexists(name, "lease")
        await self.store.client.hset(name, "lease", "1")

    async def state(self, key: LedgerKey = KEY) -> str | None:
        """Give the state that people would see."""
        record = await self.records.look(key)
        return record.state if record else None

    async def seconds_kept(self, key: LedgerKey = KEY) -> float:
        """Give how long Redis will keep the record."""
        milliseconds: int = await self.store.client.pttl(record_name(self.prefix, key))
        return milliseconds / 1000

    async def names(self) -> list[bytes]:
        """Give every key under the prefix; each has an expiry."""
        names = [name async for name in self.store.client.scan_iter(match=f"{self.prefix}:*")]
        assert {} == {name: ttl for name in names if (ttl := await self.store.client.pttl(name)) == -1}
        return names


def open_ledger(url: str, prefix: str, redis: dict[str, Any] | None = None, **settings: Any) -> LedgerBench:
    """Build a ledger that has not looked at Redis yet; ``redis`` holds settings of the connection."""
    # A busy machine must not be taken for a Redis that is away.
    redis_settings = RedisSettings.model_validate(
        {"url": url, "prefix": prefix, "timeout": 5.0} | (redis or {})
    )
    ledger_settings = LedgerSettings.model_validate(settings)
    metrics = Metrics()
    store = Store(connect(redis_settings), redis_settings, metrics)
    contacts = ContactStore(store, Contacts(), prefix=prefix, zone=UTC)
    ledger = LedgerStore(store, ledger_settings, prefix=prefix, metrics=metrics, contacts=contacts)
    fits: Ledger = ledger
    assert fits is ledger
    records = LedgerRecords(store, ledger_settings, prefix=prefix)
    return LedgerBench(store, ledger, contacts, records, metrics, prefix, ledger_settings)


@asynccontextmanager
async def ledger_bench(
    url: str, prefix: str | None = None, redis: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[LedgerBench]:
    """Connect a ledger for the length of a block."""
    bench = open_ledger(url, prefix or f"t{uuid4().hex[:10]}", redis, **settings)
    await bench.store.look()
    try:
        yield bench
    finally:
        await bench.store.close()


@asynccontextmanager
async def impatient_ledger(url: str, **settings: Any) -> AsyncIterator[LedgerBench]:
    """Connect a ledger that gives up soon, to a Redis that knows the scripts."""
    async with ledger_bench(url, redis=IMPATIENT, **settings) as bench:
        await reached(bench.store)
        await warm_up(bench)
        yield bench


async def warm_up(bench: LedgerBench) -> None:
    """Let Redis know the scripts, as it does but for the first seconds of its life."""
    await bench.ledger.complete(await bench.claim(WARM_UP), DONE, CacheChange(agent=AGENT, skipped="other"))
    await bench.ledger.release(await bench.claim(LedgerKey("ContactOD", RequestKey("header", ("k-2",)))))


class Valve:
    """Stands before a Redis. Shut, it lets commands through and keeps the answers to itself."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.shut = False
        self.instead: Callable[[], Awaitable[object]] | None = None
        """What is done instead of passing on the next answer; then the connection is cut."""
        self.turns = 0
        """Round trips: how often a client spoke after it had been answered, or for the first time."""
        self.said: list[bytes] = []
        """What clients sent."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Valve"]:
        """Listen for the length of a block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await asyncio.gather(*self._tasks)

    async def repeat(self, data: bytes) -> None:
        """Deliver what a client once sent again, as the network may do long after."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(data)
        assert await asyncio.wait_for(reader.read(1), 10)
        await _close(writer)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(answers)
        redis, commands = await asyncio.open_connection("127.0.0.1", self._port)
        answered = True

        async def tell() -> None:
            nonlocal answered
            while data := await redis.read(65_536):
                answered = True
                if self.instead is not None:
                    instead, self.instead = self.instead, None
                    await instead()
                    answers.close()
                    return
                if not self.shut:
                    answers.write(data)

        telling = asyncio.create_task(tell())
        with suppress(OSError):
            while data := await client.read(65_536):
                self.turns += answered
                answered = False
                self.said.append(data)
                commands.write(data)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await _close(commands)
        await _close(answers)
        self._writers.discard(answers)
        self._tasks.discard(task)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
