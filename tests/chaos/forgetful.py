"""What it costs when Redis forgets: measured, not judged.

The ledger can remember no better than Redis does. Each case is a run of its own, in which requests are
sent again, with their keys, right after Redis has forgotten what it knew of them.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from chaos.proxy import Proxy
from chaos.run import PrintLine, run
from chaos.sites import Inject, Plan, Site
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.demo.servers import PrivateRedis

REPEATED = 150
LAG_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to forget."""

    title: str
    forget: Inject


async def measure(seed: int, print_line: PrintLine) -> None:
    """Run every case and print what it cost. Raises what `run` raises."""
    lines = []
    for case in CASES:
        print_line(f"--- {case.title}")
        plan = Plan(
            seed=seed,
            requests=1200,
            rounds=3,
            rate=60,
            faults=(case.title,),
            more_faults={case.title: case.forget},
            judged=False,
        )
        outcome = await run(plan, print_line)
        sums = outcome.sums
        lines.append(
            f"{case.title}: of {outcome.injected['requests sent again']} requests that were sent again, "
            f"{sums.effects_twice} had their effect twice and {sums.untrue_replies} refused though done"
        )
    for line in lines:
        print_line(line)


async def repeat(site: Site) -> None:
    """Send the latest side effects again, as a publisher does that has lost its confirms."""
    effective = [request for request in site.traffic.requests if request.side_effect and request.ends]
    chosen = [request for request in effective if request.answered and not request.gone][-REPEATED:]
    site.injected["requests sent again"] += len(chosen)
    client = site.crowd.clients[1]
    await asyncio.gather(*(site.crowd.send(request, client) for request in chosen))


async def flush(site: Site) -> None:
    """Empty Redis."""
    async with Redis.from_url(site.redis.url) as redis:
        await redis.flushall()
    await repeat(site)


async def fail_over(site: Site) -> None:
    """Lose the master before its last second of writes has reached the replica, which takes its place."""
    link = Proxy(site.redis.port)
    await link.start()
    try:
        replica = PrivateRedis(arguments=("--appendfsync", "always", "--replicaof", f"127.0.0.1 {link.port}"))
        await site.stack.enter_async_context(replica)
        async with Redis.from_url(replica.url) as redis:
            async with asyncio.timeout(20):
                while (await redis.info("replication")).get("master_link_status") != "up":
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            link.stall()
            await asyncio.sleep(LAG_SECONDS)
            await site.redis.kill()
            link.cut()
            with suppress(RedisError):
                await redis.replicaof("NO", "ONE")
        site.redis = replica
        site.to_redis.target = replica.port
        site.to_redis.cut()
    finally:
        await link.stop()
    await asyncio.sleep(2)  # until the workers have found it
    await repeat(site)


CASES = (
    Case(title="FLUSHALL", forget=flush),
    Case(title="failover, one second not replicated", forget=fail_over),
)
