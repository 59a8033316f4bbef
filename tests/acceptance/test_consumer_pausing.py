"""A consumer that is paused, resumed and stopped in any order, against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from pydantic import SecretStr
from structlog.testing import capture_logs
from support.connecting import connect
from support.permitted import url_of
from support.site import name_of_letters
from support.worker import BOUND, until

from bridge.bus.connection import Connection
from bridge.bus.consumer import STARTING, Consumer
from bridge.bus.link import Link
from bridge.bus.topology import Topology
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Delivery
from bridge.metrics import Metrics
from bridge.settings import Amqp

PREFETCH = 5


class Bench:
    """A consumer on a queue of its own, a client that publishes there, and what was handled."""

    def __init__(self, rabbit: PrivateRabbit, channel: AbstractChannel) -> None:
        settings = Amqp(
            url=SecretStr(url_of(rabbit, "bridge")),
            prefix=name_of_letters(),
            reconnect_wait=0.01,
            reconnect_wait_max=0.05,
        )
        layout = Topology(settings, [], [], [])
        self.queue = settings.campaign_queue
        self.metrics = Metrics()
        self.consumer = Consumer(self.queue, PREFETCH, self.handle, layout, self.metrics, body_bytes=1000)
        self.link = Link("pausing", settings, self.work, lambda: None)
        self.connections: list[Connection] = []
        self.handled: set[bytes] = set()
        self.fails_at: set[bytes] = set()
        self.most_at_once = self.at_once = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._channel = channel

    async def work(self, connection: Connection) -> None:
        """Consume on a new connection."""
        self.connections.append(connection)
        await self.consumer.run(connection)

    async def handle(self, delivery: Delivery) -> None:
        """Handle a request when it may."""
        if delivery.body in self.fails_at:
            raise ValueError(f"no {delivery.body!r}")
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await self.go_on.wait()
        self.handled.add(delivery.body)
        self.at_once -= 1
        await delivery.settler.ack()

    async def publish(self, *names: int, **properties: Any) -> None:
        """Publish requests by the names of numbers."""
        for name in names:
            message = aio_pika.Message(str(name).encode(), delivery_mode=2, **properties)
            await self._channel.default_exchange.publish(message, self.queue)

    async def until_handled(self, *names: int) -> None:
        """Wait until requests have been handled."""
        await until(lambda: {str(name).encode() for name in names} <= self.handled, f"handled: {names}")

    @property
    def consumers(self) -> float | None:
        """How many consumers the metrics tell of."""
        return self.metrics.registry.get_sample_value("lcm_bridge_consumers", {"queue": self.queue})

    @property
    def worked_on(self) -> float | None:
        """How many requests the metrics tell to be worked on."""
        return self.metrics.registry.get_sample_value("lcm_bridge_requests_in_flight", {"queue": self.queue})

    async def until_quiet(self) -> None:
        """Wait until the broker has confirmed that it sends no more."""
        await until(lambda: self.consumers == 0, "no consumer")

    async def until_waiting(self, count: int) -> None:
        """Wait until so many messages are ready in the queue."""
        async with asyncio.timeout(BOUND):
            while True:
                found = await self._channel.declare_queue(self.queue, passive=True)
                if count == found.declaration_result.message_count:
                    return
                await asyncio.sleep(0.02)

    async def delete_queue(self) -> None:
        """Delete the queue."""
        await self._channel.queue_delete(self.queue)


@asynccontextmanager
async def bench_of(rabbit: PrivateRabbit) -> AsyncIterator[Bench]:
    """Run a consumer for the length of a block."""
    client = await connect(rabbit.url)
    async with client:
        bench = Bench(rabbit, await client.channel())
        task = asyncio.create_task(bench.link.run())
        try:
            yield bench
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=BOUND)


@pytest.fixture
async def bench(rabbit: PrivateRabbit) -> AsyncIterator[Bench]:
    """Run a consumer that was let go."""
    async with bench_of(rabbit) as bench:
        bench.consumer.resume(STARTING)
        await until(lambda: bench.consumer.registered, "a registered consumer")
        yield bench


async def test_it_starts_paused(rabbit: PrivateRabbit) -> None:
    """It does not count as registered before it is known whether it may start."""
    async with bench_of(rabbit) as bench:
        await until(lambda: bool(bench.connections), "a connection")
        assert ([STARTING], False) == (bench.consumer.reasons, bench.consumer.registered)

        bench.consumer.pause("by hand")
        bench.consumer.resume(STARTING)
        await until(lambda: bench.consumer.registered, "readiness")
        await bench.publish(1)
        await bench.until_waiting(1)

        bench.consumer.resume("by hand")
        await bench.until_handled(1)


async def test_every_reason_must_go(bench: Bench) -> None:
    """Two parts that pause it do not undo each other's pause; an unknown reason is none."""
    bench.consumer.pause("one")
    bench.consumer.pause("two")
    bench.consumer.pause("two")
    bench.consumer.resume("two")
    bench.consumer.resume("three")
    await bench.until_quiet()
    await bench.publish(1)
    await bench.until_waiting(1)

    assert (["one"], True) == (bench.consumer.reasons, bench.consumer.registered)
    bench.consumer.resume("one")
    await bench.until_handled(1)


async def test_a_storm_of_pauses(bench: Bench) -> None:
    """However quickly minds are changed, all is handled at last, and never more at once than allowed."""
    publishing = asyncio.create_task(bench.publish(*range(200)))
    for number in range(400):
        bench.consumer.pause("storm")
        for _ in range(number % 23):
            await asyncio.sleep(0)
        bench.consumer.resume("storm")
        for _ in range(number % 17):
            await asyncio.sleep(0)
    await publishing

    await bench.until_handled(*range(200))
    await until(lambda: bench.consumer.in_flight == 0, "nothing in flight")
    assert bench.most_at_once <= PREFETCH
    await bench.until_waiting(0)


async def test_what_has_not_begun_goes_back(bench: Bench) -> None:
    """After a resumption the broker sends more than may run; what waits for its turn goes back at once."""
    bench.go_on.clear()
    await bench.publish(*range(20))
    await until(lambda: bench.at_once == PREFETCH, "as many as the prefetch")
    bench.consumer.pause("again")
    await bench.until_quiet()
    bench.consumer.resume("again")
    await until(lambda: bench.consumer.in_flight == 2 * PREFETCH, "as many again that wait for their turn")
    assert PREFETCH == bench.worked_on  # never more than the limit that stands beside it

    bench.consumer.pause("again")
    await until(lambda: bench.consumer.in_flight == PREFETCH, "only what has begun")
    await bench.until_waiting(20 - PREFETCH)

    bench.consumer.resume("again")
    bench.go_on.set()
    await bench.until_handled(*range(20))
    assert PREFETCH == bench.most_at_once


@pytest.mark.parametrize("paused", [True, False])
async def test_stopping(bench: Bench, *, paused: bool) -> None:
    """What has begun is finished and acknowledged, the rest stays in the queue, paused or not."""
    bench.go_on.clear()
    await bench.publish(*range(12))
    await until(lambda: bench.at_once == PREFETCH, "as many as the prefetch")
    if paused:
        bench.consumer.pause("before the end")

    await asyncio.wait_for(bench.consumer.stop(), BOUND)
    bench.consumer.resume("before the end")  # too late
    bench.go_on.set()
    await asyncio.wait_for(bench.consumer.drain(), BOUND)

    await bench.until_waiting(12 - PREFETCH)
    await bench.until_quiet()
    assert PREFETCH == len(bench.handled)


async def test_a_connection_lost_while_paused(bench: Bench) -> None:
    """On the next one it is paused still, and counts as registered."""
    bench.consumer.pause("long")
    await bench.until_quiet()
    await bench.publish(1)
    await bench.connections[0].close()
    await until(lambda: len(bench.connections) == 2 and bench.consumer.registered, "the next connection")
    await bench.until_waiting(1)

    bench.consumer.resume("long")
    await bench.until_handled(1)


async def test_a_connection_lost_while_it_changes(bench: Bench) -> None:
    """Pauses, resumptions and losses at the same time: it consumes in the end."""
    for number in range(10):
        bench.consumer.pause("change")
        for _ in range(number * 3):
            await asyncio.sleep(0)
        closing = asyncio.create_task(bench.connections[-1].close())
        bench.consumer.resume("change")
        await closing
        await until(lambda: bench.connections[-1].alive, "a connection")

    await bench.publish(*range(20))
    await bench.until_handled(*range(20))


async def test_a_queue_deleted_while_paused(bench: Bench) -> None:
    """Nobody tells a consumer that is not there; resumed, it finds out and declares the queue again."""
    bench.consumer.pause("long")
    await bench.until_quiet()
    await bench.delete_queue()
    bench.consumer.resume("long")

    await until(lambda: bench.consumers == 1, "a consumer")
    await bench.publish(1)
    await bench.until_handled(1)


async def test_a_fault_with_a_request_is_told_with_its_ids(bench: Bench) -> None:
    """It says which request it was; the others are worked on."""
    bench.fails_at = {b"1"}
    with capture_logs() as logs:
        await bench.publish(1, message_id="m-1", correlation_id="c-1")
        await bench.publish(2)
        await bench.until_handled(2)
    [line] = [line for line in logs if line["event"] == "consumer.task_failed"]

    assert ("c-1", "m-1", bench.queue) == (line["correlation_id"], line["message_id"], line["queue"])
    assert "ValueError: no b'1'" == line["error"]
    assert line["exc_info"]
