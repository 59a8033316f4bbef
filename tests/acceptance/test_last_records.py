"""A worker that ends writes what Redis has not learned yet, if Redis is there."""

import asyncio

from support.envelopes import create
from support.site import MakeSite
from support.worker import until

from bridge.demo.servers import PrivateRedis
from bridge.simulator import Fault


async def test_what_was_told_unrecorded_is_recorded_before_the_end(
    make_site: MakeSite, own_redis: PrivateRedis
) -> None:
    """Redis is back before the worker has looked again, and a signal ends it: the next one knows."""
    site = await make_site(
        BRIDGE_REDIS__URL=own_redis.url,
        BRIDGE_REDIS__WATCH_INTERVAL="600",
        BRIDGE_LEDGER__RECORD_WITHIN="0.2",
        BRIDGE_LEDGER__LEASE="1",
    )
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = asyncio.create_task(site.widget.ask(create(), message_id="it"))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    await own_redis.kill()
    site.simulator.release()
    first = await asked
    await own_redis.start()

    assert 0 == await site.worker.stop()
    await site.worker.start()
    again = await site.widget.ask(create(), message_id="it")

    assert (first.response, True) == (again.response, again.headers.get("x-bridge-replayed"))


async def test_a_worker_ends_without_redis_and_says_what_that_costs(
    make_site: MakeSite, own_redis: PrivateRedis
) -> None:
    """Redis is still away: nothing can be written, which is in the log."""
    site = await make_site(
        BRIDGE_REDIS__URL=own_redis.url, BRIDGE_LEDGER__RECORD_WITHIN="0.2", BRIDGE_LEDGER__LEASE="1"
    )
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = asyncio.create_task(site.widget.ask(create(), message_id="it"))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    await own_redis.kill()
    site.simulator.release()
    await asked

    assert 0 == await site.worker.stop()
    assert [1] == [line["records"] for line in site.worker.events("worker.not_recorded")]
