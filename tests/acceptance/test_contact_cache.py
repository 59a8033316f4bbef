"""The contact cache as a requester sees it: hits, misses, what leaves and when."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis
from support.envelopes import add_agent, add_contact, calls_about, manual, od, skip
from support.requester import Reply
from support.site import MakeSite, Site, name_of_letters
from support.worker import until

from bridge.demo.servers import PrivateRedis
from bridge.simulator import Fault, Options


def cache(reply: Reply) -> Any:
    """Return the reply's word about the cache."""
    return reply.headers.get("x-bridge-cache")


def accounts(reply: Reply) -> list[str]:
    """Return the account numbers of a reply with manual contacts."""
    return [contact["AccountNumber"] for contact in reply.response]


@pytest.fixture
async def redis(redis_server: PrivateRedis) -> AsyncIterator[Redis]:
    """Connect to the Redis of all tests."""
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


async def test_a_contact_is_served_while_fresh(site: Site) -> None:
    """The second read of either kind is a hit, without LCM and word for word the same."""
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")
    add_contact(site.simulator, agent)

    for request in (od(agent), manual(agent)):
        first, second = [await site.widget.ask(request) for _ in range(2)]
        assert ("miss", "hit") == (cache(first), cache(second))
        assert first.body == second.body
    assert 2 == calls_about(site.simulator, agent)


async def test_more_than_cached_asks_lcm(site: Site) -> None:
    """Where fewer are cached than asked for, LCM is asked; fewer asked for are served in LCM's order."""
    agent = name_of_letters()
    placed = [add_contact(site.simulator, agent) for _ in range(3)]
    await site.widget.ask(manual(agent, 2))

    more = await site.widget.ask(manual(agent, 3))
    less = await site.widget.ask(manual(agent, 2))

    assert ("miss", placed) == (cache(more), accounts(more))
    assert ("hit", placed[:2]) == (cache(less), accounts(less))


async def test_consents_are_kept_apart(site: Site) -> None:
    """Contacts of one consent never answer a request for the other."""
    agent = name_of_letters()
    yes, no = (add_contact(site.simulator, agent, Consent=consent) for consent in ("Yes", "No"))
    await site.widget.ask(manual(agent, consent="Yes"))

    other = await site.widget.ask(manual(agent, consent="No"))
    again = await site.widget.ask(manual(agent, consent="Yes"))

    assert ("miss", [no]) == (cache(other), accounts(other))
    assert ("hit", [yes]) == (cache(again), accounts(again))


async def test_kinds_are_kept_apart(site: Site) -> None:
    """Neither kind serves the other."""
    agent = name_of_letters()
    add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))

    reply = await site.widget.ask(od(agent))

    assert "CONTACT_NOT_FOUND" == reply.error_type


@pytest.mark.parametrize(
    "other", ["{a}", "a}", "{a", "a%7B", "%7Ba%7D", "A", "a ", "a:contacts", "*", "\u00e4"]
)
async def test_agents_are_kept_apart(site: Site, other: str) -> None:
    """No spelling of another agent's id reaches this agent's contacts."""
    mine = name_of_letters()
    agents = [mine, other.replace("a", mine, 1) + ("" if "a" in other.lower() else mine)]
    placed = [add_contact(site.simulator, agent, kind="od") for agent in agents]

    for _ in range(2):
        replies = [await site.widget.ask(od(agent)) for agent in agents]
        assert placed == [reply.response["AccountNumber"] for reply in replies]
    assert "hit" == cache(replies[0])


async def test_every_key_expires_and_shares_the_agents_tag(site: Site, redis: Redis) -> None:
    """Every key of the bridge has an expiry, and those of an agent share a hash tag without its braces."""
    agent = "{" + name_of_letters() + "}"
    account = add_contact(site.simulator, agent)
    add_contact(site.simulator, agent, kind="od")
    for request in (manual(agent), od(agent), skip(agent, account)):
        await site.widget.ask(request)

    tag = f"{site.prefix}:{{%7B{agent[1:-1]}%7D}}:"
    keys = {key.decode() async for key in redis.scan_iter(f"{site.prefix}:*")}

    assert {f"{tag}contacts:od", f"{tag}skipped"} == {key for key in keys if agent[1:-1] in key}
    assert [] == [key for key in keys if await redis.pttl(key) <= 0]


async def test_what_is_no_contact_of_the_operation_is_not_served(site: Site, redis: Redis) -> None:
    """Somebody wrote a record of the right form with another contact in it: LCM is asked."""
    agent = name_of_letters()
    placed = add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))
    [key] = [key async for key in redis.scan_iter(f"*{{{agent}}}:contacts:manual")]
    [(account, record)] = (await redis.hgetall(key)).items()
    other = {**json.loads(record), "contact": {"AccountNumber": placed, "Mode": ["Home"]}}
    await redis.hset(key, account, json.dumps(other))

    reply = await site.widget.ask(manual(agent))

    assert ("miss", [placed]) == (cache(reply), accounts(reply))
    assert 2 == calls_about(site.simulator, agent)


async def test_new_contacts_always_come_from_lcm(site: Site) -> None:
    """ReservedContacts=false never looks into the cache, and fills it."""
    agent = name_of_letters()
    for _ in range(2):
        add_contact(site.simulator, agent, reserved=False)

    new = [await site.widget.ask(manual(agent, reserved=False)) for _ in range(2)]
    reserved = await site.widget.ask(manual(agent, 2))

    assert [None, None] == [cache(reply) for reply in new]
    assert 2 == calls_about(site.simulator, agent)
    assert "hit" == cache(reserved)
    assert sorted(accounts(new[0]) + accounts(new[1])) == sorted(accounts(reserved))


async def test_a_skipped_contact_is_gone_with_the_reply(site: Site) -> None:
    """By the time a skip is answered its contact is out of the cache, and the others are still there."""
    agent = name_of_letters()
    first, second = (add_contact(site.simulator, agent) for _ in range(2))
    await site.widget.ask(manual(agent, 2))

    await site.widget.ask(skip(agent, first))
    reply = await site.widget.ask(manual(agent, 1))

    assert ("hit", [second]) == (cache(reply), accounts(reply))


async def test_a_slow_read_does_not_bring_a_skipped_contact_back(site: Site) -> None:
    """An answer that LCM gave before a skip, and that arrives after it, leaves the contact out."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    add_contact(site.simulator, agent)
    faults = (Fault(kind="hang", when="after", method="GetReservedManualDialContact", count=1),)
    site.simulator.faults.put(*faults)
    slow = asyncio.create_task(site.widget.ask(manual(agent, 2)))
    await until(lambda: site.simulator.hung == 1, "the slow read")

    await site.widget.ask(skip(agent, account))
    site.simulator.release()

    assert account in accounts(await slow)
    site.simulator.faults.clear()
    reply = await site.widget.ask(manual(agent, 1))
    assert account not in accounts(reply)


async def test_what_lcm_no_longer_names_leaves(site: Site) -> None:
    """A complete answer of LCM replaces what was cached: contacts that it no longer names are gone."""
    agent = name_of_letters()
    first = add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent, 1))
    site.simulator.state.close(first, phone_number="2025550100", agent=agent, outcome=1)
    second = add_contact(site.simulator, agent)

    await site.widget.ask(manual(agent, 5))
    reply = await site.widget.ask(manual(agent, 1))

    assert ("hit", [second]) == (cache(reply), accounts(reply))


async def test_nothing_reserved_empties_the_shelf(make_site: MakeSite) -> None:
    """LCM's no contact forgets the agent's OD contact, so that it is not served stale later."""
    site = await make_site(BRIDGE_CONTACTS__FRESH_FOR="0")
    account = add_contact(site.simulator, "gone", kind="od")
    assert "miss" == cache(await site.widget.ask(od("gone")))
    del site.simulator.state.contacts[account]
    site.simulator.state.clear_contacts()

    assert "CONTACT_NOT_FOUND" == (await site.widget.ask(od("gone"))).error_type
    site.simulator.faults.put(Fault(kind="status"))
    assert "LCM_UNAVAILABLE" == (await site.widget.ask(od("gone"))).error_type


async def test_expiry_is_read_in_lcms_zone(make_site: MakeSite) -> None:
    """A contact leaves at its ExpiryTime, which is the wall clock of lcm.timezone: here one that is ahead."""
    zone = ZoneInfo("Asia/Kolkata")
    site = await make_site(Options(timezone=zone.key), BRIDGE_LCM__TIMEZONE=zone.key)
    over = datetime.fromtimestamp(time.time() - 60, zone).strftime("%m/%d/%Y %H:%M:%S")
    still = datetime.fromtimestamp(time.time() + 3600, zone).strftime("%m/%d/%Y %H:%M:%S")
    add_contact(site.simulator, "over", ExpiryTime=over)
    add_contact(site.simulator, "still", ExpiryTime=still)

    words = {
        agent: [cache(await site.widget.ask(manual(agent))) for _ in range(2)] for agent in ("over", "still")
    }

    assert {"over": ["miss", "miss"], "still": ["miss", "hit"]} == words


async def test_a_cached_contact_leaves_at_its_expiry(site: Site) -> None:
    """A fresh contact is not served beyond its ExpiryTime."""
    agent = name_of_letters()
    soon = datetime.fromtimestamp(time.time() + 2, UTC).strftime("%m/%d/%Y %H:%M:%S")
    add_contact(site.simulator, agent, ExpiryTime=soon)
    assert "miss" == cache(await site.widget.ask(manual(agent)))

    async with asyncio.timeout(10):
        while cache(await site.widget.ask(manual(agent))) == "hit":
            await asyncio.sleep(0.05)

    assert "miss" == cache(await site.widget.ask(manual(agent)))


async def test_an_unreadable_expiry_gets_the_default_age(make_site: MakeSite, redis: Redis) -> None:
    """An ExpiryTime that cannot be read: the contact is kept for contacts.default_age, but never for ever."""
    site = await make_site(BRIDGE_CONTACTS__DEFAULT_AGE="1000", BRIDGE_CONTACTS__MAX_AGE="5000")
    add_contact(site.simulator, "unreadable", kind="od", ExpiryTime="31st of May")
    add_contact(site.simulator, "far", kind="od", expires_in=90_000)

    for agent in ("unreadable", "far"):
        assert ["miss", "hit"] == [cache(await site.widget.ask(od(agent))) for _ in range(2)]

    ages = [await redis.ttl(f"{site.prefix}:{{{agent}}}:contacts:od") for agent in ("unreadable", "far")]
    assert 900 < ages[0] <= 1000
    assert 4900 < ages[1] <= 5000


async def test_fresh_for_zero_turns_it_off(make_site: MakeSite) -> None:
    """With contacts.fresh_for=0 LCM is asked every time."""
    site = await make_site(BRIDGE_CONTACTS__FRESH_FOR="0")
    add_contact(site.simulator, "always", kind="od")

    assert ["miss"] * 3 == [cache(await site.widget.ask(od("always"))) for _ in range(3)]
    assert 3 == calls_about(site.simulator, "always")


async def test_single_contact_as_object(make_site: MakeSite) -> None:
    """The sample's form for sites built on it: exactly one contact is an object, others are an array."""
    site = await make_site(BRIDGE_CONTRACT__SINGLE_CONTACT_AS_OBJECT="true")
    add_agent(site.simulator, "none")
    for agent, count in (("one", 1), ("two", 2)):
        for _ in range(count):
            add_contact(site.simulator, agent)

    kinds = {
        agent: [type((await site.widget.ask(manual(agent, 2))).response) for _ in range(2)]
        for agent in ("none", "one", "two")
    }

    assert {"none": [list, list], "one": [dict, dict], "two": [list, list]} == kinds
    assert dict is type((await site.widget.ask(manual("two", 1))).response)


async def test_require_fetched(make_site: MakeSite) -> None:
    """With enforce only a contact in this agent's cache may be skipped; others never reach LCM."""
    site = await make_site(BRIDGE_CONTACTS__REQUIRE_FETCHED="enforce")
    account = add_contact(site.simulator, "mine")
    add_agent(site.simulator, "other")
    await site.widget.ask(manual("mine"))

    stranger = await site.widget.ask(skip("other", account))
    unfetched = await site.widget.ask(skip("mine", "1|2|3|4|5|6|7"))
    fetched = await site.widget.ask(skip("mine", account))
    again = await site.widget.ask(skip("mine", account))

    refused = [stranger, unfetched, again]
    assert [("CONTACT_NOT_RESERVED", False)] * 3 == [
        (reply.error_type, reply.response["retryable"]) for reply in refused
    ]
    assert {"success": True} == fetched.response
    assert 1 == len(site.simulator.calls.of_method("SkipManualDialContact"))
