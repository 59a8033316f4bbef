"""``ledger.when_unavailable = proceed`` carries out what nobody is known to carry out already."""

import asyncio

from support.envelopes import create
from support.site import MakeSite
from support.worker import until

from bridge.demo.servers import PrivateRedis
from bridge.simulator import Fault


async def test_one_that_is_waited_for_is_not_carried_out_too(
    make_site: MakeSite, own_redis: PrivateRedis
) -> None:
    """Redis goes away while a repetition waits for the first: it is parked, and gets that one's answer."""
    site = await make_site(
        BRIDGE_REDIS__URL=own_redis.url,
        BRIDGE_REDIS__WATCH_INTERVAL="0.1",
        BRIDGE_LEDGER__WHEN_UNAVAILABLE="proceed",
        BRIDGE_RETRY__DELAYS="[200]",
    )
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = [asyncio.create_task(site.widget.ask(create(), message_id="it"))]
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    asked.append(asyncio.create_task(site.widget.ask(create(), message_id="it")))
    async with asyncio.timeout(20):
        while 1.0 != await site.worker.metric('lcm_bridge_ledger_total{outcome="waited"}'):
            await asyncio.sleep(0.02)

    await own_redis.kill()
    await site.worker.until_logged("request.parked")
    await own_redis.start()
    site.simulator.release()
    replies = await asyncio.gather(*asked)

    assert 1 == len({str(reply.response) for reply in replies})
    assert 1 == len(site.simulator.effects)
