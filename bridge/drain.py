"""The end of a worker: it finishes what it has begun, and says what it did."""

import asyncio
import time
from collections import Counter
from typing import Any, Final

import structlog

from bridge.bus.bus import Bus
from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.store.connection import Store
from bridge.store.contacts import ContactStore
from bridge.store.ledger import LedgerStore

log = structlog.get_logger(__name__)

CANCEL_AGAIN: Final = 1.0
"""Seconds that a cancelled task has to end before it is cancelled again."""

LAST_RECORDS: Final = 3.0
"""Seconds at the end in which Redis may still take what it has not learned."""


class Drain:
    """What a worker does, and did, from the moment on in which it begins to end."""

    def __init__(self, metrics: Metrics, bus: Bus) -> None:
        self._metrics = metrics
        self._bus = bus
        self._since = time.monotonic()
        self._settled = served(metrics).total()
        self._given_back = bus.given_back

    async def finish(self, grace: float, begun: float) -> bool:
        """Take no more requests, finish those that have begun; return whether ``grace`` seconds were enough.

        ``begun`` is when the worker was (`time.monotonic`).
        """
        log.info("worker.draining", in_flight=self._bus.in_flight, grace=grace)
        try:
            async with asyncio.timeout(grace):
                await self._bus.stop_consuming()
                await self._bus.drain()
        except TimeoutError:
            abandoned = await self._bus.abandon()
            log.error(
                "worker.grace_exceeded",
                abandoned=abandoned,
                **self.account(begun),
                next="the broker delivers them again; is shutdown.grace above lcm.timeout?",
            )
            return False
        log.info("worker.drained", **self.account(begun))
        return True

    def account(self, begun: float) -> dict[str, object]:
        """Return what the last line says, of a worker that was ``begun`` then (`time.monotonic`).

        ``seconds`` that the end took, requests ``finished`` and ``given_back`` in it; of the whole run, how
        many were ``served`` by outcome, and the ``uptime`` in seconds.
        """
        now, since_start = time.monotonic(), served(self._metrics)
        return {
            "seconds": round(now - self._since, 1),
            "finished": since_start.total() - self._settled,
            "given_back": self._bus.given_back - self._given_back,
            "served": dict(since_start),
            "uptime": round(now - begun),
        }


def served(metrics: Metrics) -> Counter[str]:
    """Return how many requests were settled, by outcome."""
    found: Counter[str] = Counter()
    for family in metrics.requests.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.value:
                found[sample.labels["outcome"]] += int(sample.value)
    return found


async def record_the_last(store: Store, ledger: LedgerStore, contacts: ContactStore) -> None:
    """Write what Redis has not learned yet: after the end nobody remembers it."""
    if not (ledger.owed or contacts.owed):
        return
    try:
        async with asyncio.timeout(LAST_RECORDS):
            await store.look()
            await ledger.settle()
            await contacts.settle()
    except (StoreUnavailable, TimeoutError) as error:
        log.error(
            "worker.not_recorded",
            records=ledger.owed,
            skips=contacts.owed,
            error=str(error),
            next="a repetition of these requests is told that the outcome is unknown,"
            " and these skipped contacts stay in the cache until they expire",
        )


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: a cancellation that comes in the moment in which a client library's call
    succeeds can get lost in it (`asyncio.wait_for` before Python 3.12), and the task goes on for ever.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)  # takes note of how they ended
