"""``lcm-bridge dead-letters replay`` while a worker runs: what becomes of the requests."""

from pathlib import Path

import pytest
from redis.asyncio import Redis
from support.envelopes import create, envelope
from support.letters import listed, ready, run_letters, until_letters, until_ready
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


async def test_what_lcm_refused_is_carried_out(letters: Site, tmp_path: Path) -> None:
    """The campaign was closed and is open again: the stored refusal does not answer the replay."""
    site = letters
    before = len(site.simulator.effects)
    events = await site.widget.listen()
    site.simulator.faults.put(Fault(kind="fault", message="Campaign is closed", count=1))
    await site.widget.publish(create(), message_id="refused by LCM")
    await until_letters(site.widget, 1)

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    event = await next_message(events)
    await events.delete()

    assert (0, "CreateContactResponse") == (ended.code, event.type)
    assert 1 == len(site.simulator.effects) - before
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
    await until_letters(site.widget, 1)
    assert 1 == len(site.simulator.effects)


async def test_a_worker_answers_the_replay(make_site: MakeSite, tmp_path: Path) -> None:
    """A request that failed because LCM did is dead-lettered; replayed later, it is carried out once."""
    site = await make_site(BRIDGE_RETRY__ATTEMPTS="1")
    site.simulator.faults.put(Fault(kind="status", status=503))
    await site.widget.publish(create(), message_id="m")
    await until_letters(site.widget, 1)
    site.simulator.faults.clear()
    events = await site.widget.listen("#.CreateContactResponse")

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    await until_ready(site.widget, events.name, 1)
    await events.delete(if_empty=False)

    assert 0 == ended.code, ended.errors
    assert 1 == len(site.simulator.effects)
    assert 0 == await ready(site.widget, f"{site.prefix}.dead-letters")


async def test_what_dies_again_is_not_replayed_for_ever(letters: Site, tmp_path: Path) -> None:
    """A replayed request that fails at once is a new letter, and is left for the next replay."""
    site = letters
    for number in range(3):
        await site.widget.publish(envelope("GetReservedContactOD", {}), message_id=f"m-{number}")
    await until_letters(site.widget, 3)

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    await until_letters(site.widget, 3)

    assert "3 letters replayed, 0 left alone, of 3 looked at\n" == ended.output
    lines = await listed(site, tmp_path)
    assert {"m-0", "m-1", "m-2"} == {line["key"] for line in lines}
    assert {"failure-without-reply-to"} == {line["reason"] for line in lines}
