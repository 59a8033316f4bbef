"""What goes wrong: each fault is injected, lasts a moment, and is over when its coroutine ends."""

import asyncio
from contextlib import suppress

from aio_pika.abc import AbstractChannel, AbstractExchange
from chaos.clients import Failed
from chaos.sites import DELAYS, Inject, Site
from pamqp.commands import Basic
from support.connecting import connect

from bridge.simulator import Fault

EMPTY_QUEUE_SECONDS = 20.0
UNBROKEN_SECONDS = 3.0
"""For so long after a queue's declaration RabbitMQ (seen: 3.10 and 4.0) may not survive a SIGKILL.

It forgets where a quorum queue's log lies, starts the queue as a new one, and that never gets a leader.
"""


async def broker_killed(site: Site) -> None:
    """SIGKILL to RabbitMQ, which comes back a moment later."""
    await site.rabbit.kill()
    await asyncio.sleep(site.between(0.2, 1.5))
    await site.rabbit.start()
    site.books.broker_back()


async def broker_paused(site: Site) -> None:
    """SIGSTOP to RabbitMQ: connections stay open, and nothing answers."""
    site.rabbit.pause()
    try:
        await asyncio.sleep(site.rng.choice((1.0, 3.0, 8.0)))
    finally:
        site.rabbit.resume()


async def all_connections_cut(site: Site) -> None:
    """Reset every connection between workers and broker."""
    site.to_rabbit.cut()


async def some_connections_cut(site: Site) -> None:
    """Reset a third of them, three times."""
    for _ in range(3):
        site.to_rabbit.cut(0.3, site.rng)
        await asyncio.sleep(site.between(0.1, 0.8))


async def connections_stalled(site: Site) -> None:
    """Nothing passes, for a moment or until heartbeats give up."""
    site.to_rabbit.stall()
    try:
        await asyncio.sleep(site.rng.choice((1.0, 2.5, 9.0)))
    finally:
        site.to_rabbit.flow()


async def connections_half_closed(site: Site) -> None:
    """Workers are told that nothing more comes, while what they say still arrives."""
    site.to_rabbit.close_halves(0.5, site.rng)


async def empty_queue_deleted(site: Site) -> None:
    """Delete a request queue in a moment in which it has no ready message, only unacknowledged ones.

    The workers alone hold those then, and no broker brings them back: the next fault waits for their ends.
    None may come back from a delayed queue in between: it would be deleted with the queue.
    """
    queue = site.rng.choice(site.request_queues)
    ways = [*(f"{site.prefix}.retry.{queue}.{delay}" for delay in DELAYS), queue]
    site.crowd.gate.clear()
    try:
        async with asyncio.timeout(EMPTY_QUEUE_SECONDS):
            connection = await connect(site.rabbit.url)
            async with connection:
                channel = await connection.channel()
                while site.crowd.publishing:
                    await asyncio.sleep(0.005)
                while any([await _ready(channel, name) for name in ways]):
                    await asyncio.sleep(0.01)
                deleted = (await channel.queue_delete(queue)).message_count
                if deleted:
                    site.books.notes.append(f"{queue} was deleted with {deleted} requests: those are lost")
                while site.books.waiting_of_late():
                    await asyncio.sleep(0.05)
    except (TimeoutError, *Failed):
        site.skipped["empty queue deleted"] += 1
    finally:
        site.crowd.gate.set()
    await asyncio.sleep(UNBROKEN_SECONDS)  # the workers declare it anew


async def _ready(channel: AbstractChannel, queue: str) -> int:
    return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0


async def worker_killed(site: Site) -> None:
    """SIGKILL to one worker, or to two."""
    chosen = site.rng.sample(site.mortal, min(len(site.mortal), site.rng.choice((1, 1, 2))))
    for worker in chosen:
        await worker.kill()
    await asyncio.sleep(site.between(0.1, 1.0))
    for worker in chosen:
        await worker.start()


async def worker_terminated(site: Site) -> None:
    """SIGTERM to one worker, which must end in order."""
    worker = site.rng.choice(site.mortal)
    await worker.terminate()
    await worker.start()


async def worker_paused(site: Site) -> None:
    """SIGSTOP to one worker until its leases have run out: then it goes on as if nothing had been."""
    worker = site.rng.choice(site.fleet.workers)
    worker.pause()
    try:
        await asyncio.sleep(site.rng.choice((1.0, 7.0)))
    finally:
        worker.resume()


async def redis_killed(site: Site) -> None:
    """SIGKILL to Redis, which comes back with what it confirmed."""
    await site.redis.kill()
    await asyncio.sleep(site.between(0.2, 4.0))
    await site.redis.start()


async def redis_paused(site: Site) -> None:
    """SIGSTOP to Redis."""
    site.redis.pause()
    try:
        await asyncio.sleep(site.between(0.5, 4.0))
    finally:
        site.redis.resume()


async def redis_connections_cut(site: Site) -> None:
    """Reset connections to Redis: commands may have been carried out, and nobody knows."""
    for _ in range(6):
        site.to_redis.cut(0.7, site.rng)
        await asyncio.sleep(site.between(0.1, 0.4))


async def _lcm(site: Site, seconds: float, *faults: Fault) -> None:
    site.simulator.faults.put(*site.usual, *faults, seed=site.rng.getrandbits(30))
    try:
        await asyncio.sleep(seconds)
    finally:
        site.simulator.faults.put(*site.usual)


async def lcm_slow(site: Site) -> None:
    """Every call takes up to two seconds."""
    await _lcm(site, 3, Fault(latency_ms=300, jitter_ms=1700))


async def lcm_refuses(site: Site) -> None:
    """503 and 429, which say that there was no effect."""
    await _lcm(
        site,
        site.between(1, 3),
        Fault(kind="html", status=503, error_rate=0.6),
        Fault(kind="status", status=429, error_rate=0.5),
    )


async def lcm_fails(site: Site) -> None:
    """500, 502 and 504, before and after the effect; WCF faults before it."""
    await _lcm(
        site,
        site.between(1, 3),
        Fault(kind="html", status=502, error_rate=0.15),
        Fault(kind="html", status=504, error_rate=0.2, when="after"),
        Fault(kind="html", status=500, error_rate=0.2, when="after"),
        Fault(kind="fault", error_rate=0.2),
    )


async def lcm_cuts_off(site: Site) -> None:
    """Reset calls and cut answers in half, before and after the effect."""
    await _lcm(
        site,
        2,
        Fault(kind="reset", error_rate=0.2),
        Fault(kind="reset", error_rate=0.25, when="after"),
        Fault(kind="half", error_rate=0.3, when="after"),
    )


async def lcm_hangs(site: Site) -> None:
    """Let calls hang: most had their effect, some have it after the caller has gone."""
    await _lcm(
        site,
        1.5,
        Fault(kind="hang", when="after", error_rate=0.4),
        Fault(kind="hang", when="before", error_rate=0.1),
    )
    await asyncio.sleep(5)  # beyond the workers' patience
    site.simulator.release()


async def lcm_away(site: Site) -> None:
    """Refuse connections, and cut what was under way."""
    port = int(site.simulator.base_url.split(":")[2].split("/")[0])
    await site.simulator.stop()
    await asyncio.sleep(site.between(0.3, 2))
    await site.simulator.start(port=port)


async def requester_gone(site: Site) -> None:
    """Somebody sends requests and leaves: the reply queue vanishes."""
    with suppress(TimeoutError, *Failed):
        async with asyncio.timeout(10):
            connection = await connect(site.rabbit.url)
            async with connection:
                channel = await connection.channel()
                queue = await channel.declare_queue(exclusive=True)
                exchange = await channel.get_exchange(f"{site.prefix}.requests", ensure=False)
                await asyncio.gather(*(_send_and_leave(site, exchange, queue.name) for _ in range(20)))


async def _send_and_leave(site: Site, exchange: AbstractExchange, reply_to: str) -> None:
    request = site.traffic.make(answered=True)
    request.gone = True
    key, message = site.crowd.compose(request, request.begin_attempt(), reply_to)
    request.sent[0] += isinstance(await exchange.publish(message, key), Basic.Ack)


async def same_request_twice(site: Site) -> None:
    """Send the same message to both queues at once, so that two workers have it."""
    requests = [site.traffic.make(side_effect=True, answered=True) for _ in range(20)]
    client = site.rng.choice(site.crowd.clients)
    await asyncio.gather(
        *(site.crowd.send(request, client, queues=site.request_queues) for request in requests)
    )


EXPLAIN_UNKNOWN = frozenset(
    {"worker killed", "worker paused", "lcm fails", "lcm cuts off", "lcm hangs", "lcm away"}
    | {"redis killed", "redis paused", "redis connections cut"}
)
"""Faults that may leave it open whether a side effect happened. The others may not."""

FAULTS: dict[str, Inject] = {
    inject.__name__.replace("_", " "): inject
    for inject in (
        same_request_twice,
        worker_killed,
        worker_paused,
        all_connections_cut,
        lcm_cuts_off,
        redis_killed,
        broker_killed,
        worker_terminated,
        lcm_fails,
        some_connections_cut,
        redis_paused,
        lcm_hangs,
        requester_gone,
        connections_stalled,
        lcm_refuses,
        empty_queue_deleted,
        redis_connections_cut,
        connections_half_closed,
        lcm_slow,
        broker_paused,
        lcm_away,
    )
}
