"""``ledger.unknown_outcome = retry``: what the second call cannot settle stays unknown."""

import time
from typing import Any

import pytest
from support.envelopes import add_contact, create, manual, skip
from support.requester import Reply
from support.site import MakeSite, Site, name_of_letters

from bridge.simulator import Fault, Options

RETRY = {"BRIDGE_LEDGER__UNKNOWN_OUTCOME": "retry", "BRIDGE_RETRY__QUICK": "0"}
DONE_AND_CUT_OFF = Fault(kind="half", when="after", count=1)


async def cut_off_site(make_site: MakeSite, **settings: str) -> Site:
    """Start a site before a front that honours the key; the next call is cut off after its effect."""
    site = await make_site(Options(honour_idempotency_key=True), **RETRY, **settings)
    site.simulator.faults.put(DONE_AND_CUT_OFF)
    return site


async def twice(site: Site, faults: list[Fault], **again: Any) -> list[Reply]:
    """Create a contact, which is cut off, and again with faults or other properties, and then once more."""
    first = await site.widget.ask(create(), message_id="it")
    for fault in faults:
        site.simulator.faults.put(fault)
    second = await site.widget.ask(create(), message_id="it", **again)
    return [first, second, await site.widget.ask(create(), message_id="it")]


@pytest.mark.parametrize("status", [503, 401])
async def test_a_second_call_that_is_turned_away_settles_nothing(make_site: MakeSite, status: int) -> None:
    """It had no effect, the first one had: neither retryable nor refused, and a third gets the truth."""
    site = await cut_off_site(make_site)

    replies = await twice(site, [Fault(kind="status", status=status, count=1)])

    assert ["OUTCOME_UNKNOWN"] * 2 == [reply.error_type for reply in replies[:2]]
    assert isinstance(replies[2].response, str)
    assert 1 == len(site.simulator.effects)


async def test_one_that_comes_too_late_for_its_second_call_stays_unknown(make_site: MakeSite) -> None:
    """REQUEST_EXPIRED would deny the first one's effect."""
    site = await cut_off_site(make_site)

    replies = await twice(site, [], headers={"x-deadline": round(time.time() * 1000) - 1000})

    assert ["OUTCOME_UNKNOWN"] * 2 == [reply.error_type for reply in replies[:2]]
    assert isinstance(replies[2].response, str)


async def test_a_refusal_by_lcm_settles_it(make_site: MakeSite) -> None:
    """A fault is the front's answer to this very key."""
    site = await cut_off_site(make_site)

    replies = await twice(site, [Fault(kind="fault", message="Campaign is closed", count=1)])

    assert ["WS_Error"] * 2 == [reply.error_type for reply in replies[1:]]


async def test_a_skip_that_may_have_been_done_need_not_be_in_the_cache(make_site: MakeSite) -> None:
    """The first one took the contact out, which is no reason to refuse the second."""
    site = await make_site(
        Options(honour_idempotency_key=True), **RETRY, BRIDGE_CONTACTS__REQUIRE_FETCHED="enforce"
    )
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))
    site.simulator.faults.put(DONE_AND_CUT_OFF)

    first, again = [await site.widget.ask(skip(agent, account), message_id=agent) for _ in range(2)]

    assert "OUTCOME_UNKNOWN" == first.error_type
    assert {"success": True} == again.response
