"""What the durations tell: from which moment to which."""

import asyncio
import time

from metrics.pages import samples, series, values
from redis.asyncio import Redis
from support.envelopes import dial, od
from support.letters import until_ready
from support.site import MakeSite
from support.worker import BOUND, until

from bridge.demo.servers import PrivateRedis
from bridge.simulator import Fault


async def test_a_request_that_waits_for_its_turn(make_site: MakeSite, redis_server: PrivateRedis) -> None:
    """It lasts from its delivery, not from when it begins; the one before it too."""
    site = await make_site(BRIDGE_AMQP__AGENT_PREFETCH="1", BRIDGE_REDIS__WATCH_INTERVAL="0.05")
    queue, brake = f"{site.prefix}.requests.agent", f"{site.prefix}:paused"
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD", count=1))
    first = asyncio.create_task(site.widget.ask(od("hanging")))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    async with Redis.from_url(redis_server.url) as redis:  # resumed, the broker sends one that must wait
        await redis.hset(brake, queue, "1")
        await site.worker.until_logged("consumer.paused")
        await redis.hdel(brake, queue)
        await site.worker.until_logged("consumer.registered", 3)
    second = site.widget.expect("second")
    await site.widget.publish(dial(), correlation_id="second", reply_to=site.widget.reply_queue.name)
    await until_ready(site.widget, queue, 0)
    delivered = time.monotonic()
    await asyncio.sleep(0.3)  # what is measured
    waited = time.monotonic() - delivered
    site.simulator.release()
    async with asyncio.timeout(BOUND):
        await asyncio.gather(first, second)
    await site.worker.until_logged("request.settled", 2)

    _, page = await site.worker.get("/metrics")
    lasted = samples(page)[series("lcm_bridge_request_seconds_sum", operation="ManualDialCall")]
    assert waited / 2 <= lasted  # the broker may have counted it out a moment before it arrived
    assert {("GetReservedContactOD",): 1.0, ("ManualDialCall",): 1.0} == values(
        page, "lcm_bridge_request_seconds_count"
    )
