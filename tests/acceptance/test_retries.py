"""LCM is down: quick retries for who waits, delayed ones where nobody does, and the circuit breaker."""

import asyncio

import orjson
from support.envelopes import add_agent, add_contact, create, manual, od, skip
from support.requester import next_message
from support.site import MakeSite, Site, name_of_letters
from support.worker import BOUND

from bridge.simulator import Fault

BUSY = Fault(kind="status", status=503)
QUICK_BREAKER = {
    "BRIDGE_BREAKER__MINIMUM_CALLS": "5",
    "BRIDGE_BREAKER__OPEN_FOR": "0.5",
    "BRIDGE_RETRY__QUICK": "0",
    "BRIDGE_RETRY__DELAYS": "[100]",
}


async def test_somebody_who_waits_is_spared_a_short_failure(make_site: MakeSite) -> None:
    """Two refusals and then an answer: the requester sees the answer alone, of one effect."""
    site = await make_site()
    site.simulator.faults.put(Fault(kind="status", status=503, count=2))

    reply = await site.widget.ask(create())

    assert isinstance(reply.response, str)
    assert 1 == len(site.simulator.effects)
    assert 2.0 == await site.worker.metric('lcm_bridge_lcm_retries_total{method="CreateContact"}')


async def test_nobody_waits_so_it_is_tried_later(make_site: MakeSite) -> None:
    """A creation without reply_to while LCM is down: parked, tried again, and told as an event at last."""
    site = await make_site(BRIDGE_RETRY__DELAYS="[100]")
    events = await site.widget.listen()
    site.simulator.faults.put(Fault(kind="status", status=503, count=3))

    await site.widget.publish(create(), message_id="it")
    event = await next_message(events)

    assert "CreateContactResponse" == orjson.loads(event.body)["subtopic"]
    assert 1 == len(site.simulator.effects)
    assert [1, 2, 3] == [line["attempts"] for line in site.worker.events("request.parked")]


async def test_a_delayed_queue_that_takes_nothing_is_named(make_site: MakeSite) -> None:
    """The log says where a request could not be parked, by its whole name: a person must look there."""
    site = await make_site(BRIDGE_RETRY__DELAYS="[600000]", BRIDGE_AMQP__MAX_LENGTH="1")
    site.simulator.faults.put(BUSY)

    for number in (1, 2):  # the broker sees afterwards that the queue is full
        await site.widget.publish(create())
        await site.worker.until_logged("request.parked", number)
    await site.widget.publish(create())
    await site.worker.until_logged("publish.failed")

    assert {f"{site.prefix}.retry.{site.prefix}.requests.campaign.600000"} == {
        line["to"] for line in site.worker.events("publish.failed")
    }


async def test_retries_end(make_site: MakeSite) -> None:
    """LCM stays down: after the last try it is dead-lettered, with its own properties and how often."""
    site = await make_site(BRIDGE_RETRY__DELAYS="[100]", BRIDGE_RETRY__ATTEMPTS="3")
    site.simulator.faults.put(BUSY)

    await site.widget.publish(create(), message_id="it", headers={"theirs": "kept"}, priority=3)
    letter = await site.widget.dead_letter()

    assert ("retries-exhausted", 3) == (letter.headers["x-reason"], letter.headers["x-attempts"])
    assert ("it", "kept", 3) == (letter.message_id, letter.headers["theirs"], letter.priority)
    assert f"{site.prefix}.requests" == letter.headers["x-original-exchange"]
    assert "LCM.WebService.CreateContact" == letter.headers["x-original-routing-key"]
    assert "LCM_UNAVAILABLE" in str(letter.headers["x-error"])


async def test_a_parked_request_keeps_its_deadline(make_site: MakeSite) -> None:
    """An expiration does not outlive the delayed queue: the deadline does, and ends the retries."""
    site = await make_site(BRIDGE_RETRY__DELAYS="[100]", BRIDGE_RETRY__ATTEMPTS="1000")
    site.simulator.faults.put(BUSY)

    await site.widget.publish(create(), message_id="it", expiration=2.0)
    letter = await site.widget.dead_letter()

    assert "expired" == letter.headers["x-reason"]
    assert "2000" == letter.headers["x-original-expiration"]
    assert 0 == len(site.simulator.effects)


async def open_breaker(site: Site) -> None:
    """Let calls fail until the breaker is open."""
    site.simulator.faults.put(BUSY)
    add_agent(site.simulator, "unlucky")
    async with asyncio.timeout(BOUND):
        while await site.worker.metric("lcm_bridge_lcm_breaker_state") != 2.0:
            await site.widget.ask(od("unlucky"))


async def test_an_open_breaker_answers_agents_at_once(make_site: MakeSite) -> None:
    """LCM keeps failing: it is not called any more, reads are answered stale or refused, and it recovers."""
    site = await make_site(
        **QUICK_BREAKER | {"BRIDGE_BREAKER__OPEN_FOR": "60", "BRIDGE_CONTACTS__FRESH_FOR": "0"}
    )
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))
    await open_breaker(site)
    calls = site.simulator.calls.total

    stale = await site.widget.ask(manual(agent))
    refused = await site.widget.ask(skip(agent, account))

    assert "stale" == stale.headers["x-bridge-cache"]
    assert ("LCM_UNAVAILABLE", True) == (refused.error_type, refused.response["retryable"])
    assert calls == site.simulator.calls.total


async def test_an_open_breaker_pauses_the_campaign_queue(make_site: MakeSite) -> None:
    """Bulk creations wait in their queue while LCM is down, unharmed; then all are done, once each."""
    site = await make_site(**QUICK_BREAKER)
    queue = f"{site.prefix}.requests.campaign"
    events = await site.widget.listen("*.*.CreateContactResponse")
    await open_breaker(site)
    await site.worker.until_logged("consumer.paused")
    ready = await site.worker.get("/readyz")

    for number in range(50):
        await site.widget.publish(create(ContactDetail=str(number)), message_id=str(number))
    site.simulator.faults.clear()
    for _ in range(50):
        await next_message(events)

    details = sorted(int(str(effect.request["ContactDetail"])) for effect in site.simulator.effects.effects)
    assert list(range(50)) == details
    assert (200, {queue: ["circuit breaker"]}) == (ready[0], orjson.loads(ready[1])["paused"])
    assert 0.0 == await site.worker.metric("lcm_bridge_lcm_breaker_state")
    assert 0.0 == await site.worker.metric(f'lcm_bridge_queue_paused{{queue="{queue}"}}')
