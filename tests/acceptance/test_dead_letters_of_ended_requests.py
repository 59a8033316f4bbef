"""``lcm-bridge dead-letters replay`` of requests whose end the ledger knows."""

from pathlib import Path

import pytest
from redis.asyncio import Redis
from support.envelopes import create
from support.letters import listed, ready, run_letters, until_letters
from support.requester import next_message
from support.site import MakeSite, Site

from bridge.simulator import Fault


@pytest.fixture
async def site_with_a_full_reply_queue(make_site: MakeSite) -> Site:
    """Carry out a creation whose reply is refused: its requester's queue takes nothing."""
    site = await make_site()
    full = await site.widget.channel.declare_queue(
        exclusive=True, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
    )
    await site.widget.publish(create(), message_id="it", reply_to=full.name)
    await until_letters(site.widget, 1)
    return site


async def test_what_lcm_refused_is_carried_out(make_site: MakeSite, tmp_path: Path) -> None:
    """The campaign was closed and is open again: the stored refusal does not answer the replay."""
    site = await make_site()
    events = await site.widget.listen()
    site.simulator.faults.put(Fault(kind="fault", message="Campaign is closed", count=1))
    await site.widget.publish(create(), message_id="it")
    await until_letters(site.widget, 1)

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    event = await next_message(events)

    assert (0, "CreateContactResponse") == (ended.code, event.type)
    assert 1 == len(site.simulator.effects)
    assert [] == await listed(site, tmp_path)


async def test_a_replay_of_what_was_done_gets_the_stored_reply(
    site_with_a_full_reply_queue: Site, tmp_path: Path
) -> None:
    """Only the reply was refused: the replay does nothing but answer."""
    site = site_with_a_full_reply_queue

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    await until_letters(site.widget, 1)  # the reply is refused again

    assert 0 == ended.code
    assert 1 == len(site.simulator.effects)


async def test_what_was_done_and_forgotten_is_left_alone(
    site_with_a_full_reply_queue: Site, tmp_path: Path
) -> None:
    """The ledger no longer knows the reply: sent again, the contact would be created twice."""
    site = site_with_a_full_reply_queue
    redis = Redis.from_url(site.settings["BRIDGE_REDIS__URL"])
    records = [key async for key in redis.scan_iter(f"{site.prefix}:ledger:*")]
    await redis.delete(*records)
    await redis.aclose()

    ended = await run_letters(site, tmp_path, "replay", "--yes")

    assert "only its reply was refused" in ended.errors
    assert 1 == await ready(site.widget, f"{site.prefix}.dead-letters")
    assert 1 == len(site.simulator.effects)
