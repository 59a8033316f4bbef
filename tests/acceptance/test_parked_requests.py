"""A request that the bridge parked comes back with what was noted on it; a stranger's notes are nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import aio_pika
import orjson
import pytest
from aio_pika.abc import AbstractIncomingMessage
from operations.core_deliveries import delivered
from support.connecting import connect
from support.envelopes import create, od
from support.site import MakeSite, Site
from support.worker import BOUND
from yarl import URL

from bridge import forwarding
from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing
from bridge.simulator import Fault

DELAYS = {"BRIDGE_RETRY__DELAYS": "[200, 60000]", "BRIDGE_AMQP__DEPTH_INTERVAL": "0.2"}
STRANGER = "stranger"


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """Open a channel for the length of a block."""
    connection = await connect(url)
    async with connection:
        yield await connection.channel()


@pytest.fixture(scope="module")
async def stranger_url(rabbit: PrivateRabbit) -> URL:
    """Make a user of the broker who is not the bridge."""
    await rabbit.ctl("add_user", STRANGER, "pass")
    await rabbit.ctl("set_permissions", STRANGER, ".*", ".*", ".*")
    return URL(rabbit.url).with_user(STRANGER).with_password("pass")


def bridge_url(site: Site) -> URL:
    """Return the broker's URL for the bridge's own user."""
    return URL(site.settings["BRIDGE_AMQP__URL"])


async def publish(url: URL, outgoing: Outgoing) -> None:
    """Publish a parked request as the user of a URL, signed with that user's name."""
    given = {field.name: getattr(outgoing.properties, field.name) for field in fields(outgoing.properties)}
    given["type"] = given.pop("message_type")
    given["user_id"] = url.user
    async with connected(url) as channel:
        await channel.default_exchange.publish(aio_pika.Message(outgoing.body, **given), outgoing.routing_key)


def parked(site: Site, *, body: bytes = b"not JSON", redelivered: bool = False, **terms: Any) -> Outgoing:
    """Build a request of the user ``widget`` that was tried three times, as the bridge parks it."""
    request = delivered(
        body=body,
        user_id="widget",
        message_id=None,
        timestamp=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        headers={"traceparent": "t"},
    )
    queue = f"{site.prefix}.retry.{site.prefix}.requests.agent.200"
    request = replace(request, redelivered=redelivered)
    return forwarding.parked(request, queue=queue, attempts=3, **{"deadline": None, **terms})


async def letter_of(site: Site, url: URL, outgoing: Outgoing) -> tuple[AbstractIncomingMessage, Any]:
    """Publish a request that ends as a dead letter; return it, and what the log says of its end."""
    await publish(url, outgoing)
    letter = await site.widget.dead_letter()
    await site.worker.until_logged("request.settled")
    return letter, site.worker.events("request.settled")[0]


async def test_the_bridges_own_notes_are_believed(make_site: MakeSite) -> None:
    """Attempts, redelivery, whence it came and who sent it, after the broker's delayed queue."""
    site = await make_site(**DELAYS)

    letter, settled = await letter_of(site, bridge_url(site), parked(site, redelivered=True))

    assert (4, "widget", "lcm.requests", "LCM.WebService.GetReservedContactOD", True) == (
        letter.headers["x-attempts"],
        letter.headers["x-original-user-id"],
        letter.headers["x-original-exchange"],
        letter.headers["x-original-routing-key"],
        settled["redelivered"],
    )
    assert not [name for name in letter.headers if "death" in name]
    assert b"not JSON" == letter.body


async def test_a_strangers_notes_are_not_believed(make_site: MakeSite, stranger_url: URL) -> None:
    """Everything that only the bridge may note is taken off, and the stranger is the sender."""
    site = await make_site(**DELAYS)

    letter, settled = await letter_of(site, stranger_url, parked(site, redelivered=True, held=True))

    assert (1, STRANGER, False) == (
        letter.headers["x-attempts"],
        letter.headers["x-original-user-id"],
        settled["redelivered"],
    )
    assert not {"x-redelivered", "x-held-since"} & letter.headers.keys()


async def test_the_deadline_outlives_the_delayed_queue(make_site: MakeSite) -> None:
    """One that has passed meanwhile ends the request."""
    site = await make_site(**DELAYS)
    request = parked(site, body=orjson.dumps(od("late")), deadline=1_700_000_000.0)

    letter, _ = await letter_of(site, bridge_url(site), request)

    assert str(letter.headers["x-error"]).startswith("REQUEST_EXPIRED")


async def test_parked_requests_are_counted(make_site: MakeSite, rabbit: PrivateRabbit) -> None:
    """A metric tells how many wait in all delayed queues of a queue."""
    site = await make_site(**DELAYS)
    queue = f"{site.prefix}.requests.campaign"
    async with connected(URL(rabbit.url)) as channel:
        for _ in range(3):
            await channel.default_exchange.publish(
                aio_pika.Message(b"{}"), f"{site.prefix}.retry.{queue}.60000"
            )

    async with asyncio.timeout(BOUND):
        while 3.0 != await site.worker.metric(f'lcm_bridge_requests_held{{queue="{queue}"}}'):
            await asyncio.sleep(0.02)
    assert 0.0 == await site.worker.metric(
        f'lcm_bridge_requests_held{{queue="{site.prefix}.requests.agent"}}'
    )


async def test_a_missing_delayed_queue_where_nothing_is_declared(make_site: MakeSite) -> None:
    """With amqp.declare=false its name is in the log, and requests are answered all the same."""
    declaring = await make_site(**DELAYS)
    gone = f"{declaring.prefix}.retry.{declaring.prefix}.requests.agent.200"
    assert 0 == await declaring.worker.stop()
    await declaring.widget.channel.queue_delete(gone)

    site = await make_site(**DELAYS, BRIDGE_AMQP__PREFIX=declaring.prefix, BRIDGE_AMQP__DECLARE="false")
    await site.worker.until_logged("topology.not_established")

    assert gone in site.worker.events("topology.not_established")[0]["error"]
    assert "ContactOD" == (await site.widget.ask(od("testagent"))).body["subtopic"]


async def test_a_missing_delayed_queue_harms_no_other(make_site: MakeSite) -> None:
    """With amqp.declare=false what needs the missing one goes back to its queue; the others are parked."""
    declaring = await make_site(**DELAYS)
    assert 0 == await declaring.worker.stop()
    await declaring.widget.channel.queue_delete(
        f"{declaring.prefix}.retry.{declaring.prefix}.requests.agent.200"
    )
    site = await make_site(
        **DELAYS,
        BRIDGE_AMQP__PREFIX=declaring.prefix,
        BRIDGE_AMQP__DECLARE="false",
        BRIDGE_AMQP__AGENT_PREFETCH="1",
    )
    site.simulator.faults.put(Fault(kind="status", status=503, count=2))

    await site.widget.publish(
        create(ContactDetail="agent"), message_id="agent", queue=f"{site.prefix}.requests.agent"
    )
    await site.worker.until_logged("request.not_answered")
    await site.widget.publish(create(ContactDetail="campaign"), message_id="campaign")
    await site.worker.until_logged("request.settled", 2)

    assert 1 == len(site.worker.events("request.parked"))


async def test_a_request_that_can_never_be_parked(make_site: MakeSite) -> None:
    """It goes back to its queue as delivered in vain, and becomes a dead letter when that has been enough."""
    declaring = await make_site(**DELAYS)
    assert 0 == await declaring.worker.stop()
    await declaring.widget.channel.queue_delete(
        f"{declaring.prefix}.retry.{declaring.prefix}.requests.campaign.200"
    )
    site = await make_site(
        **DELAYS,
        BRIDGE_AMQP__PREFIX=declaring.prefix,
        BRIDGE_AMQP__DECLARE="false",
        BRIDGE_RETRY__DELIVERIES="2",
    )
    site.simulator.faults.put(Fault(kind="status", status=503))

    await site.widget.publish(create())
    await site.worker.until_logged("request.settled")

    assert 2 == len(site.worker.events("request.not_answered"))
    assert ["delivery-limit"] == [line["dead_letter"] for line in site.worker.events("request.settled")]


async def test_a_deleted_delayed_queue_comes_back(make_site: MakeSite) -> None:
    """The watcher declares it anew."""
    site = await make_site(**DELAYS)
    gone = f"{site.prefix}.retry.{site.prefix}.requests.agent.200"
    await site.widget.channel.queue_delete(gone)

    async def exists() -> bool:
        async with connected(URL(site.settings["BRIDGE_AMQP__URL"])) as channel:
            try:
                await channel.declare_queue(gone, passive=True)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                return False
            return True

    async with asyncio.timeout(BOUND):
        while not await exists():
            await asyncio.sleep(0.05)
