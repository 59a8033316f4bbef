"""Where a request wants its reply, and the key that it came by, as no decent client writes them."""

import json

import pytest
from support.envelopes import dial, od
from support.rawamqp import CORRELATION_ID, NOT_UTF8, REPLY_TO, raw_channel, short
from support.site import Site, name_of_letters
from support.worker import until

from bridge.demo.servers import PrivateRabbit
from bridge.messages import DIRECT_ADDRESS

# The address of a process on a node that does not run.
KILLING = "g2dkAA5yYWJiaXRAbm93aGVyZQ==.key"

pytestmark = pytest.mark.usefixtures("goes_on")


async def test_an_unreadable_reply_to(site: Site, rabbit: PrivateRabbit) -> None:
    """Where the reply_to itself cannot be read nobody can be told: a dead letter."""
    async with raw_channel(rabbit.url) as channel:
        body = json.dumps(dial()).encode()
        assert await channel.publish(f"{site.prefix}.requests", "x", body, {REPLY_TO: short(NOT_UTF8)})

    assert "failure-without-reply-to" == (await site.widget.dead_letter()).headers["x-reason"]


@pytest.mark.parametrize("address", ["garbage", "", "a.b.c", "g1h2=.x", "AAAA.x"])
async def test_a_made_up_direct_reply_to_is_settled(site: Site, address: str) -> None:
    """Whatever the broker does about it, the request does not stay with the worker."""
    name = name_of_letters()

    await site.widget.publish(dial(), reply_to=f"{DIRECT_ADDRESS}{address}", correlation_id=name)

    await until(
        lambda: any(event.get("correlation_id") == name for event in site.worker.events("request.settled")),
        "the request is settled",
    )
    # Some of them end the connection and are dead-lettered, which is no matter here.
    letters = await site.widget.channel.get_queue(f"{site.prefix}.dead-letters", ensure=False)
    await letters.purge()


async def test_a_direct_reply_to_that_ends_the_connection(site: Site) -> None:
    """RabbitMQ 3.10 closes the connection for an address of a node that is not there: nobody can be told."""
    await site.widget.publish(dial(), reply_to=f"{DIRECT_ADDRESS}{KILLING}")

    assert "reply-to-refused" == (await site.widget.dead_letter()).headers["x-reason"]


@pytest.mark.parametrize("routing_key", [NOT_UTF8, b"LCM.WebService.\xc3", b"\x00"])
async def test_a_routing_key_that_is_no_text(site: Site, rabbit: PrivateRabbit, routing_key: bytes) -> None:
    """The body decides what a request is, so it is answered."""
    name = name_of_letters()
    waiting = site.widget.expect(name)
    own = {CORRELATION_ID: short(name), REPLY_TO: short(site.widget.reply_queue.name)}

    async with raw_channel(rabbit.url) as channel:
        await channel.publish(f"{site.prefix}.requests", routing_key, json.dumps(dial()).encode(), own)

    assert "ManualDialCall" == (await waiting).body["subtopic"]


async def test_a_dead_letter_with_a_routing_key_that_is_no_text(site: Site, rabbit: PrivateRabbit) -> None:
    """It is kept, the key escaped."""
    async with raw_channel(rabbit.url) as channel:
        await channel.publish(f"{site.prefix}.requests", NOT_UTF8, b"{}", {})

    assert r"\xff\xfe" == (await site.widget.dead_letter()).headers["x-original-routing-key"]


async def test_an_empty_and_a_very_long_reply_to(site: Site) -> None:
    """An empty reply_to is none; one of 255 characters is an address like any other."""
    queue = await site.widget.channel.declare_queue("q" * 255, exclusive=True)
    await site.widget.publish(dial(), reply_to=queue.name)
    async for message in queue.iterator(timeout=20, no_ack=True):
        assert "ManualDialCall" == message.type
        break

    await site.widget.publish(od(""), reply_to="")

    assert "failure-without-reply-to" == (await site.widget.dead_letter()).headers["x-reason"]
