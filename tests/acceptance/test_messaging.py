"""Requests by every way in, and what the replies bear."""

from datetime import UTC, datetime, timedelta

import pytest
from support.connecting import connect
from support.envelopes import add_contact, create, dial, envelope, manual, od, skip
from support.requester import Reply, Requester
from support.site import Site, name_of_letters
from support.worker import until

from bridge import __version__
from bridge.demo.servers import PrivateRabbit

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_reply_properties(site: Site) -> None:
    """A reply bears every property and header that the contract lists, and no more."""
    agent = "properties"
    add_contact(site.simulator, agent, kind="od")
    before = datetime.now(UTC).replace(microsecond=0)

    reply = await site.widget.ask(
        od(agent), correlation_id="c-1", message_id="m-1", headers={"traceparent": TRACE, "other": "x"}
    )

    message = reply.message
    assert "c-1" == message.correlation_id
    assert "application/json" == message.content_type
    assert 2 == message.delivery_mode
    assert "ContactOD" == message.type
    assert "lcm-bridge" == message.app_id
    assert message.timestamp is not None
    assert before <= message.timestamp <= before + timedelta(seconds=60)
    assert message.message_id not in {None, "", "m-1"}
    assert {
        "x-bridge-status": "ok",
        "x-bridge-cache": "miss",
        "x-bridge-version": __version__,
        "traceparent": TRACE,
    } == reply.headers


async def test_failure_reply_properties(site: Site) -> None:
    """A failure reply says error and its type in the headers, and keeps the reply's subtopic as its type."""
    reply = await site.widget.ask(envelope("SkipManualDialContact", {}))

    assert "SkipManualDialContactResult" == reply.message.type
    assert {
        "x-bridge-status": "error",
        "x-bridge-error-type": "INVALID_DATA",
        "x-bridge-version": __version__,
    } == reply.headers


async def test_each_reply_has_a_message_id_of_its_own(site: Site) -> None:
    """Two replies to the same request differ in their message ids."""
    replies = [await site.widget.ask(od("nobody")) for _ in range(2)]

    assert 2 == len({reply.message.message_id for reply in replies})


async def test_without_a_correlation_id_the_message_id_correlates(site: Site) -> None:
    """Where the request has no correlation id, the reply's is the request's message id."""
    message_id = name_of_letters()
    waiting = site.widget.expect(message_id)

    await site.widget.publish(dial(), message_id=message_id, reply_to=site.widget.reply_queue.name)

    reply: Reply = await waiting
    assert message_id == reply.message.correlation_id


@pytest.mark.parametrize(
    "routing_key",
    [
        "LCM.WebService.GetReservedContactOD",
        "LCM.Webservice.GetReservedContactOD",
        "lcm.webservice.getreservedcontactod",
        "LCM.WebService.NoSuchThing",
        "x",
        "",
        "a.b.c.d.e.CreateContact",
        "LCM.WebService.CreateContact",
    ],
)
async def test_no_routing_key_makes_a_request_vanish(site: Site, routing_key: str) -> None:
    """Whatever the routing key's case or form, the body decides, and the request is answered."""
    reply = await site.widget.ask(dial(), routing_key=routing_key)

    assert "ManualDialCall" == reply.body["subtopic"]


@pytest.mark.parametrize("lane", ["agent", "campaign"])
@pytest.mark.parametrize("name", ["od", "manual", "new", "skip", "dial", "create", "compliance"])
async def test_any_operation_works_on_either_queue(site: Site, lane: str, name: str) -> None:
    """A request published straight to a queue by its name is served, whatever its operation."""
    agent = f"{lane}-{name}"
    add_contact(site.simulator, agent, kind="od")
    add_contact(site.simulator, agent, reserved=False)
    account = add_contact(site.simulator, agent)
    requests = {
        "od": (od(agent), "ContactOD"),
        "manual": (manual(agent), "DownloadContactsForDialing"),
        "new": (manual(agent, reserved=False), "DownloadContactsForDialing"),
        "skip": (skip(agent, account), "SkipManualDialContactResult"),
        "dial": (dial(), "ManualDialCall"),
        "create": (create(), "CreateContactResponse"),
        "compliance": (create(" AddCompliance "), "AddComplianceResponse"),
    }
    request, subtopic = requests[name]

    reply = await site.widget.ask(request, queue=f"{site.prefix}.requests.{lane}")

    assert subtopic == reply.body["subtopic"]
    assert "ok" == reply.headers["x-bridge-status"]


@pytest.mark.parametrize(
    ("subtopic", "lane"),
    [
        ("CreateContact", "campaign"),
        ("AddCompliance", "campaign"),
        ("GetReservedManualDialContact", "agent"),
        ("GetReservedContactOD", "agent"),
        ("SkipManualDialContact", "agent"),
        ("ManualDialCall", "agent"),
        ("createcontact", "agent"),
    ],
)
async def test_the_exchange_routes_by_subtopic(site: Site, subtopic: str, lane: str) -> None:
    """The campaign queue gets creation, the agent queue all else; so says the log line of each request."""
    correlation_id = name_of_letters()

    await site.widget.ask(
        envelope(subtopic, {}), correlation_id=correlation_id, routing_key=f"Any.Thing.{subtopic}"
    )

    def queues() -> list[str]:
        settled = site.worker.events("request.settled")
        return [event["queue"] for event in settled if event.get("correlation_id") == correlation_id]

    await until(lambda: bool(queues()), "the log line of the request")
    assert [f"{site.prefix}.requests.{lane}"] == queues()


async def test_direct_reply_to(site: Site, rabbit: PrivateRabbit) -> None:
    """A direct reply-to is answered, and not taken for unroutable."""
    unroutable = 'lcm_bridge_replies_total{outcome="unroutable"}'
    before = await site.worker.metric(unroutable)
    connection = await connect(rabbit.url)
    async with connection:
        channel = await connection.channel()
        direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        asker = Requester(channel, direct, site.prefix)
        await direct.consume(asker.take, no_ack=True)
        reply = await asker.ask(dial())

    assert "ManualDialCall" == reply.body["subtopic"]
    assert [] == asker.unexpected
    assert before == await site.worker.metric(unroutable)
