"""Requests that come too late: told so by the bridge, or expired by the broker."""

import time
from datetime import UTC, datetime

from support.envelopes import add_contact, calls_about, create, dial, od
from support.site import MakeSite, Site, name_of_letters


async def test_a_deadline_that_has_passed(site: Site) -> None:
    """A request whose x-deadline lies in the past is REQUEST_EXPIRED, retryable, without a call of LCM."""
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")
    deadline = round(time.time() * 1000) - 1

    reply = await site.widget.ask(od(agent), headers={"x-deadline": deadline})

    assert ("REQUEST_EXPIRED", True) == (reply.error_type, reply.response["retryable"])
    assert 0 == calls_about(site.simulator, agent)


async def test_the_earliest_deadline_counts(site: Site) -> None:
    """Timestamp plus expiration is a deadline too, and the earlier of the two counts."""
    an_hour_ago = datetime.fromtimestamp(time.time() - 3600, UTC)
    late = round(time.time() * 1000) + 60_000

    reply = await site.widget.ask(
        od("nobody"), timestamp=an_hour_ago, expiration=60, headers={"x-deadline": late}
    )

    assert "REQUEST_EXPIRED" == reply.error_type


async def test_a_first_request_that_comes_too_late_has_no_effect(site: Site) -> None:
    """Its deadline has passed: REQUEST_EXPIRED, retryable, and the key is free; in seconds, it says so."""
    name = name_of_letters()
    past = {"x-deadline": int(time.time())}

    late = await site.widget.ask(create(ContactDetail=name), message_id=name, headers=past)
    anew = await site.widget.ask(create(ContactDetail=name), message_id=name)

    assert ("REQUEST_EXPIRED", True) == (late.error_type, late.response["retryable"])
    assert "it was 1970-01-" in late.response["errorMessage"]
    assert "x-deadline is in milliseconds" in late.response["errorMessage"]
    assert "x-bridge-replayed" not in anew.headers
    assert 1 == calls_about(site.simulator, name)


async def test_expired_by_the_broker(make_site: MakeSite) -> None:
    """What the broker expires in the queue is a dead letter with x-death, and is never answered."""
    site = await make_site()
    assert 0 == await site.worker.stop()

    await site.widget.publish(
        od("agent1"), correlation_id="late", reply_to=site.widget.reply_queue.name, expiration=0.05
    )

    letter = await site.widget.dead_letter()
    deaths = letter.headers["x-death"]
    assert isinstance(deaths, list)
    assert isinstance(deaths[0], dict)
    assert ("expired", f"{site.prefix}.requests.agent") == (deaths[0]["reason"], deaths[0]["queue"])
    assert "x-reason" not in letter.headers
    await site.worker.start()
    await site.widget.ask(dial())
    assert [] == site.widget.unexpected
