"""The composition root: builds the parts, starts them, drains them, stops them."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bridge import __version__
from bridge.admin import AdminServer
from bridge.bus.bus import Bus
from bridge.bus.consumer import Consumer
from bridge.bus.login import nodes
from bridge.bus.sender import BusSender
from bridge.bus.topology import Topology
from bridge.certificates import show_expiry
from bridge.credentials import Credentials
from bridge.declarations import limits
from bridge.drain import Drain, end, record_the_last
from bridge.exitcodes import DONE, FAILED
from bridge.exposure import tell_exposures
from bridge.lcm.breaker import State
from bridge.lcm.gateway import LcmGateway
from bridge.lcm.login import login as lcm_login
from bridge.metrics import Metrics
from bridge.once import Once
from bridge.operations.catalogue import Catalogue
from bridge.outbox import Addresses, Outbox
from bridge.pages import pages
from bridge.performance import Performer
from bridge.permission import Permission
from bridge.pipeline import Pipeline
from bridge.replies import ReplyPolicy
from bridge.rereading import files, reread
from bridge.settings import Settings
from bridge.store.brake import Brake
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore
from bridge.store.ledger import LedgerStore
from bridge.store.login import login as redis_login
from bridge.tracing.trace import Tracing

log = structlog.get_logger(__name__)

COLLECT_AFTER = 10_000
"""Objects more than before after which the garbage collector looks; Python's own 700 cost 4 % of the time."""


def topology(settings: Settings, operations: Catalogue) -> Topology:
    """Return what is declared on the broker."""
    return Topology(
        settings.amqp, operations.subtopics("agent"), operations.subtopics("campaign"), settings.retry.delays
    )


def tracing(settings: Settings) -> Tracing:
    """Return what tells of each request; where spans are wanted, this imports OpenTelemetry."""
    if not settings.tracing.endpoint:
        return Tracing()
    from bridge.tracing.otel import Spans  # noqa: PLC0415 - an extra, which takes time to load

    return Spans(settings.tracing, settings.amqp.url)


class Worker:
    """One process of the bridge."""

    def __init__(
        self,
        settings: Settings,
        operations: Catalogue,
        changed: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Build every part; nothing is connected yet. Raises OSError for certificate files.

        ``changed`` is what the log says of the settings: by source and name, secrets masked.
        """
        self._settings = settings
        self._changed = changed
        self._begun = time.monotonic()
        amqp = settings.amqp
        metrics = self._metrics = Metrics()
        layout = topology(settings, operations)
        self._credentials = Credentials(settings, reread, files)
        redis_current = self._credentials.current(lambda now: redis_login(now.redis, settings.redis))
        self._store = Store(connect(settings.redis, redis_current), settings.redis, metrics, redis_current)
        self._contacts = ContactStore(
            self._store, settings.contacts, prefix=settings.redis.prefix, zone=ZoneInfo(settings.lcm.timezone)
        )
        self._ledger = LedgerStore(
            self._store,
            settings.ledger,
            prefix=settings.redis.prefix,
            metrics=metrics,
            contacts=self._contacts,
        )
        lcm_current = self._credentials.current(lambda now: lcm_login(now.lcm))
        self._lcm = LcmGateway(
            settings.lcm,
            settings.retry,
            settings.breaker,
            metrics,
            lcm_current,
            methods=operations.methods(),
        )
        metrics.start_at_zero(
            operations=[one.name for one in operations.operations],
            methods=[self._lcm.method(name) for name in operations.methods()],
        )
        self._stop = asyncio.Event()
        self._tracing = tracing(settings)
        sender = BusSender(layout, amqp.publish_timeout)
        performer = Performer(
            lcm=self._lcm,
            cache=self._contacts,
            require_fetched=settings.contacts.require_fetched == "enforce",
            campaign_queue=amqp.campaign_queue,
            metrics=metrics,
        )
        pipeline = Pipeline(
            catalogue=operations,
            limits=limits(settings),
            permission=Permission(settings.access, settings.sources),
            reply_policy=ReplyPolicy(
                allowed=settings.replies.allowed_reply_to,
                own_queues=layout.own_queues,
                own_prefix=layout.retry_prefix,
            ),
            performer=performer,
            once=Once(
                ledger=self._ledger,
                performer=performer,
                settings=settings.ledger,
                longest_call=settings.lcm.timeout,
                draining=self._stop,
                metrics=metrics,
            ),
            outbox=Outbox(
                sender,
                Addresses(
                    amqp.events_exchange,
                    amqp.dead_letters_exchange,
                    amqp.dead_letters_queue,
                    layout.retry_queue,
                ),
                metrics,
            ),
            retry=settings.retry,
            hold_for=settings.ledger.hold_for,
            campaign_queue=amqp.campaign_queue,
            metrics=metrics,
            tracing=self._tracing,
        )
        consumers = [
            Consumer(queue, prefetch, pipeline.handle, layout, metrics, body_bytes=settings.limits.body_bytes)
            for queue, prefetch in amqp.prefetches.items()
            if prefetch
        ]
        amqp_current = self._credentials.current(lambda now: nodes(now.amqp, amqp))
        self._bus = Bus(amqp, layout, consumers, sender, metrics, current=amqp_current)
        show_expiry(self._credentials, metrics)
        self._admin = AdminServer(
            settings.admin, metrics, self._missing, self._bus.paused, pages(operations, settings)
        )
        self._brake = Brake(self._store, settings.redis.prefix, self._bus.brake)
        self._lcm.listen(self._on_breaker)
        self._signals = 0

    async def run(self) -> int:
        """Serve until a signal; return the exit code: 0 drained, 1 not in time or a part died."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._tracing)
            await stack.enter_async_context(self._admin)
            await stack.enter_async_context(self._lcm)
            stack.push_async_callback(self._store.close)
            stack.push_async_callback(self._credentials.close)
            host, port = self._admin.address
            log.info(
                "worker.started",
                version=__version__,
                pid=os.getpid(),
                admin=f"{host}:{port}",
                settings=self._changed,
            )
            for queue, prefetch in self._settings.amqp.prefetches.items():
                if not prefetch:
                    log.info(
                        "queue.not_consumed",
                        queue=queue,
                        next="its prefetch is 0 here: another worker must consume it",
                    )
            tell_exposures(self._settings)
            # What lives from here to the end need not be looked at by every collection; and a request makes
            # hundreds of short-lived objects, which counting frees, so collections may be rare.
            gc.collect()
            gc.freeze()
            gc.set_threshold(COLLECT_AFTER)
            return await self._serve()

    async def _serve(self) -> int:
        sides = [
            self._task(self._credentials.watch(), "credentials"),
            self._task(self._bus.run(), "bus"),
            self._task(
                self._store.watch(self._brake.look, self._ledger.settle, self._contacts.settle), "redis watch"
            ),
            self._task(self._ledger.renew(), "leases"),
        ]
        stopped = self._task(self._stop.wait(), "stop")
        try:
            await asyncio.wait([*sides, stopped], return_when=asyncio.FIRST_COMPLETED)
            dead = [side for side in sides if side.done()]
            for side in dead:
                log.critical(
                    "worker.part_died",
                    part=side.get_name(),
                    error=str(_error(side)),
                    exc_info=_error(side),
                    next="a fault of the bridge: report it; the process stops and must be started again",
                )
            drained = await Drain(self._metrics, self._bus).finish(self._settings.shutdown.grace, self._begun)
            await record_the_last(self._store, self._ledger, self._contacts)
            return FAILED if dead or not drained else DONE
        finally:
            await end(*sides, stopped)

    def _on_signal(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1:
            log.error(
                "worker.stopped_at_once",
                signal=signal.Signals(number).name,
                in_flight=self._bus.in_flight,
                next="the broker delivers again what was in flight",
            )
            # Nothing may delay it now; what was not acknowledged is delivered again.
            os._exit(FAILED)
        log.info("worker.signal", signal=signal.Signals(number).name)
        self._stop.set()

    def _on_breaker(self, state: State) -> None:
        queue = self._settings.amqp.campaign_queue
        if state is State.OPEN:
            self._bus.pause(queue, "circuit breaker")
        else:
            self._bus.resume(queue, "circuit breaker")

    def _missing(self) -> list[str]:
        return ["draining"] if self._stop.is_set() else self._bus.missing()

    @staticmethod
    def _task(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        return asyncio.create_task(work, name=name)


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
