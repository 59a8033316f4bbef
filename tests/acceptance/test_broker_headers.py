"""Headers that the broker itself acts on do not travel with a request that the bridge parks."""

from typing import Any

from support.envelopes import create
from support.site import MakeSite, Site

AWAY = {
    "BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0",
    "BRIDGE_LEDGER__HOLD_FOR": "0.5",
    "BRIDGE_RETRY__DELAYS": "[200]",
}


async def held(site: Site, headers: dict[str, Any]) -> None:
    """Publish a creation that is parked, since Redis is away."""
    await site.widget.publish(create(), message_id="it", headers=headers)
    await site.worker.until_logged("request.parked")


async def test_a_publishers_copies_are_made_once(make_site: MakeSite) -> None:
    """What CC names is a routing key of the publisher's exchange, not a queue for every parked request."""
    site = await make_site(**AWAY)
    queue = await site.widget.channel.declare_queue(exclusive=True)

    await held(site, {"CC": [queue.name]})

    assert await queue.get(fail=False, no_ack=True) is None


async def test_a_request_that_expired_before_is_not_lost(make_site: MakeSite) -> None:
    """One that was taken out of the dead letters and published again comes back from the delayed queue."""
    site = await make_site(**AWAY)
    queue = f"{site.prefix}.requests.campaign"
    death = {"queue": queue, "reason": "expired", "count": 1, "exchange": "", "routing-keys": [queue]}

    await held(site, {"x-death": [death]})

    assert "it" == (await site.widget.dead_letter()).message_id
