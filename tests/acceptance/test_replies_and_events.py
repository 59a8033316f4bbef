"""Where an answer goes: reply queue, events exchange, dead letters, or nowhere."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import orjson
import pytest
from operations.test_declaration_faults import GOOD
from support.envelopes import add_contact, calls_about, dial, envelope, manual, od
from support.requester import next_message
from support.site import MakeSite, Site, name_of_letters
from support.worker import BOUND, until

UNROUTABLE = 'lcm_bridge_replies_total{outcome="unroutable"}'


async def settled(site: Site, correlation_id: str) -> None:
    """Wait until the worker has logged the end of a request."""
    await until(
        lambda: any(
            event.get("correlation_id") == correlation_id for event in site.worker.events("request.settled")
        ),
        f"request {correlation_id} settled",
    )


async def test_success_without_reply_to_is_an_event(site: Site) -> None:
    """A success nobody gave a reply_to for goes to the events exchange under the reply's own routing key."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent, kind="od")
    queue = await site.widget.listen("LCM.WebService.ContactOD")

    await site.widget.publish(od(agent), correlation_id="e-1", message_id="key-1")

    event = await next_message(queue)
    await queue.delete()
    body = orjson.loads(event.body)
    assert ["channel", "topic", "subtopic", "message"] == list(body)
    assert account == body["message"]["response"]["AccountNumber"]
    assert "LCM.WebService.ContactOD" == event.routing_key
    assert ("e-1", "application/json", 2, "ContactOD", "lcm-bridge") == (
        event.correlation_id,
        event.content_type,
        event.delivery_mode,
        event.type,
        event.app_id,
    )
    assert "ok" == event.headers["x-bridge-status"]


async def test_dial_is_replied_and_published(site: Site) -> None:
    """ManualDialCall answers the requester and is published once more, with the request's key in a header."""
    queue = await site.widget.listen("UI.InboundCall.ManualDialCall")

    reply = await site.widget.ask(dial(), message_id="m-2", headers={"idempotency-key": "key-2"})

    event = await next_message(queue)
    await queue.delete()
    assert reply.body == orjson.loads(event.body)
    assert {"subtopic", "topic", "channel", "data"} == set(reply.body["message"])
    assert ("UI", "InboundCall") == (reply.body["channel"], reply.body["topic"])
    assert "key-2" == event.headers["idempotency-key"]
    assert "idempotency-key" not in reply.headers
    assert reply.message.message_id != event.message_id


async def test_dial_without_reply_to_is_one_event(site: Site) -> None:
    """Without a reply_to a ManualDialCall is published exactly once; its message id serves as the key."""
    queue = await site.widget.listen()
    routed = envelope("ManualDialCall", {"PhoneNumber": "2025550143"})

    await site.widget.publish(routed, message_id="key-3")

    event = await next_message(queue)
    assert "LCM.WebService.ManualDialCall" == event.routing_key
    assert "key-3" == event.headers["idempotency-key"]
    await site.widget.ask(dial())  # what was published before it has been published by now
    await next_message(queue)
    assert await queue.get(fail=False, no_ack=True) is None
    await queue.delete()


async def test_an_event_without_listeners_is_no_error(site: Site) -> None:
    """An event that nothing is bound for is counted, and the request is acknowledged."""
    unroutable = 'lcm_bridge_events_total{outcome="unroutable"}'
    before = await site.worker.metric(unroutable)
    name = name_of_letters()

    await site.widget.publish(dial(), correlation_id=name)

    await settled(site, name)
    assert before + 1 == await site.worker.metric(unroutable)


async def test_a_reply_queue_that_is_gone(site: Site) -> None:
    """A reply whose queue has gone is counted and logged, and the request is acknowledged."""
    before = await site.worker.metric(UNROUTABLE)
    name = name_of_letters()

    await site.widget.publish(od("nobody"), correlation_id=name, reply_to=f"gone-{name}")

    await settled(site, name)
    assert before + 1 == await site.worker.metric(UNROUTABLE)
    assert any(event["reply_to"] == f"gone-{name}" for event in site.worker.events("reply.unroutable"))


async def test_a_reply_queue_that_refuses(site: Site) -> None:
    """A full reply queue that rejects: one dead letter, retries-exhausted, and nobody else is disturbed."""
    full = await site.widget.channel.declare_queue(
        exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    await site.widget.channel.default_exchange.publish(aio_pika.Message(b"x"), full.name)
    await until_full(site, full.name)

    await site.widget.publish(dial(), correlation_id="full", reply_to=full.name)

    letter = await site.widget.dead_letter()
    assert "retries-exhausted" == letter.headers["x-reason"]
    assert (full.name, "full") == (letter.reply_to, letter.correlation_id)
    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
    assert [] == site.worker.events("publisher.channel_lost")


async def test_many_replies_to_a_queue_that_refuses(site: Site) -> None:
    """Each is a dead letter; the channel that was refused is replaced a few times, not for each of them."""
    full = await site.widget.channel.declare_queue(
        exclusive=True, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
    )

    for _ in range(40):
        await site.widget.publish(dial(), reply_to=full.name)

    assert {"retries-exhausted"} == {(await site.widget.dead_letter()).headers["x-reason"] for _ in range(40)}
    assert 1 <= len(site.worker.events("publisher.channel_replaced")) <= 20


async def until_full(site: Site, name: str) -> None:
    """Wait until a queue of length 1 holds its message."""
    async with asyncio.timeout(BOUND):
        while (
            await site.widget.channel.declare_queue(name, passive=True)
        ).declaration_result.message_count != 1:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "queue",
    ["requests.agent", "requests.campaign", "dead-letters", "retry.requests.agent.1000"],
)
async def test_a_reply_to_of_the_bridge_itself(site: Site, queue: str) -> None:
    """A reply_to naming one of the bridge's own queues is dead-lettered, and LCM is not called."""
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")

    await site.widget.publish(od(agent), reply_to=f"{site.prefix}.{queue}")

    letter = await site.widget.dead_letter()
    assert "reply-to-refused" == letter.headers["x-reason"]
    assert 0 == calls_about(site.simulator, agent)


async def test_a_reply_sent_as_a_request(site: Site) -> None:
    """A reply is never answered: dead-lettered as reply-as-request even where it has a reply_to."""
    reply = await site.widget.ask(od("nobody"))

    await site.widget.publish(reply.body, correlation_id="loop", reply_to=site.widget.reply_queue.name)

    letter = await site.widget.dead_letter()
    assert "reply-as-request" == letter.headers["x-reason"]
    await site.widget.ask(dial())
    assert [] == site.widget.unexpected


async def test_failure_without_reply_to(site: Site) -> None:
    """A failure nobody waits for is a dead letter with every header and the request's own properties."""
    sent_at = datetime.now(UTC).replace(microsecond=0)
    body = envelope("SkipManualDialContact", {"UserID": 7})

    await site.widget.publish(
        body,
        correlation_id="c-4",
        message_id="m-4",
        content_encoding="utf-8",
        delivery_mode=1,
        priority=3,
        timestamp=sent_at,
        type="mine",
        app_id="widget",
        user_id="guest",
        expiration=60,
        headers={"mine": "x", "table": {"deep": [1, 2.5, None, True]}},
    )

    letter = await site.widget.dead_letter()
    headers = dict(letter.headers)
    headers.pop("x-delivery-count", None)  # the broker's own, by version
    assert body == orjson.loads(letter.body)
    assert isinstance(moment := headers.pop("x-dead-lettered-at"), datetime)
    assert sent_at <= moment
    assert "data.OutcomeId is missing" in str(headers.pop("x-error"))
    assert {
        "x-reason": "failure-without-reply-to",
        "x-operation": "SkipManualDialContact",
        "x-attempts": 1,
        "x-original-exchange": f"{site.prefix}.requests",
        "x-original-routing-key": "LCM.WebService.SkipManualDialContact",
        "x-original-expiration": "60000",
        "x-original-user-id": "guest",
        "mine": "x",
        "table": {"deep": [1, 2.5, None, True]},
    } == headers
    kept = (letter.correlation_id, letter.message_id, letter.content_encoding, letter.priority)
    assert ("c-4", "m-4", "utf-8", 3) == kept
    assert ("mine", "widget", sent_at) == (letter.type, letter.app_id, letter.timestamp)
    assert (2, None, "bridge") == (letter.delivery_mode, letter.expiration, letter.user_id)


async def test_allowed_reply_to_and_access(make_site: MakeSite, tmp_path: Path) -> None:
    """Patterns narrow where replies may go; an access list lets only broker-validated users through.

    So it is for the vendor's other operations and the site's own; a source alone gives nothing.
    """
    operations = tmp_path / "operations"
    operations.mkdir()
    (operations / "thing.toml").write_text(GOOD)
    access = {
        "getreservedcontactod": ["guest"],
        "GetReservedManualDialContact": ["other"],
        "SetDNC": ["other"],
        "GetThing": ["guest"],
    }
    site = await make_site(
        BRIDGE_REPLIES__ALLOWED_REPLY_TO='["amq.gen-*"]',
        BRIDGE_ACCESS=json.dumps(access),
        BRIDGE_SOURCES='{"GetThing": ["desk"]}',
        BRIDGE_OPERATIONS__SIBLINGS='["SetDNC"]',
        BRIDGE_OPERATIONS__DIRECTORY=str(operations),
    )
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")

    assert "ok" == (await site.widget.ask(od(agent), user_id="guest")).headers["x-bridge-status"]
    unnamed = await site.widget.ask(od(agent))
    wrong = await site.widget.ask(manual(agent), user_id="guest")
    others = [
        await site.widget.ask(envelope(name, {}) | {"source": "desk"}, user_id=user)
        for name, user in (("SetDNC", "guest"), ("SetDNC", None), ("GetThing", "other"), ("GetThing", None))
    ]
    elsewhere = await site.widget.ask(envelope("GetThing", {}) | {"source": "elsewhere"}, user_id="guest")
    permitted = await site.widget.ask(envelope("GetThing", {}) | {"source": "desk"}, user_id="guest")
    open_to_all = await site.widget.ask(dial())
    await site.widget.publish(od(agent), reply_to="elsewhere", user_id="guest")
    letter = await site.widget.dead_letter()

    assert ("NOT_PERMITTED", "ContactOD", False) == (
        unnamed.error_type,
        unnamed.body["subtopic"],
        unnamed.response["retryable"],
    )
    assert ["NOT_PERMITTED"] * 6 == [reply.error_type for reply in (wrong, *others, elsewhere)]
    assert "GetThing is not taken from this source" == elsewhere.response["errorMessage"]
    assert "INVALID_DATA" == permitted.error_type
    assert "ok" == open_to_all.headers["x-bridge-status"]
    assert "reply-to-refused" == letter.headers["x-reason"]
    assert "guest" == letter.headers["x-original-user-id"]
    assert 1 == calls_about(site.simulator, agent)
