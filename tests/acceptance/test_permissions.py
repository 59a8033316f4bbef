"""The permissions of docs/security.md are enough for each user's work, and for no more.

The worker's and its commands' are those of every site of the tests; those of one that declares nothing are
in test_topology.py.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused
from support import permitted
from support.command import run_command
from support.connecting import connect
from support.envelopes import add_contact, dial, od
from support.requester import next_message
from support.site import Site, name_of_letters

from bridge.client import BridgeClient
from bridge.demo.servers import PrivateRabbit

DIRECT = "amq.rabbitmq.reply-to"

Attempt = Callable[[AbstractChannel, str], Awaitable[object]]


@asynccontextmanager
async def channel_of(rabbit: PrivateRabbit, user: str) -> AsyncIterator[AbstractChannel]:
    """Connect as one of the page's users."""
    async with await connect(permitted.url_of(rabbit, user)) as connection:
        yield await connection.channel()


async def publish(channel: AbstractChannel, exchange: str, routing_key: str, **properties: str) -> None:
    """Publish a request that changes nothing, and await the confirm."""
    message = aio_pika.Message(json.dumps(dial()).encode(), **properties)  # type: ignore[arg-type]
    target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
    await target.publish(message, routing_key)


async def test_a_publisher_gets_direct_replies(site: Site, rabbit: PrivateRabbit) -> None:
    """He may write to the request exchange, and nothing else; no permission is asked of a direct reply-to."""
    async with channel_of(rabbit, "publisher") as channel:
        replies = await channel.get_queue(DIRECT, ensure=False)
        async with replies.iterator(no_ack=True, timeout=20) as messages:
            await publish(
                channel,
                f"{site.prefix}.requests",
                "x",
                reply_to=DIRECT,
                user_id="publisher",
                correlation_id="c",
            )
            async for reply in messages:
                assert ("c", "ManualDialCall") == (reply.correlation_id, reply.type)
                break


async def test_a_client_gets_replies_on_its_own_queue(site: Site, rabbit: PrivateRabbit) -> None:
    """That of a service in Python."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent, kind="od")

    async with BridgeClient(permitted.url_of(rabbit, "crm"), prefix=site.prefix, name="crm") as client:
        contact = await client.get_reserved_contact_od(user_id=agent)

    assert account == contact["AccountNumber"]


async def test_a_listener_gets_events(site: Site, rabbit: PrivateRabbit) -> None:
    """By a queue of its own."""
    async with channel_of(rabbit, "listener") as channel:
        queue = await channel.declare_queue(f"listener.{site.prefix}", exclusive=True)
        await queue.bind(f"{site.prefix}.events", "#")
        await site.widget.ask(dial())

        assert "ManualDialCall" == (await next_message(queue)).type


async def test_an_operator_looks_after_dead_letters(
    site: Site, rabbit: PrivateRabbit, tmp_path: Path
) -> None:
    """Lists and drops them, and sends a request by hand."""
    settings = site.settings | {"BRIDGE_AMQP__URL": permitted.url_of(rabbit, "operator")}
    agent = name_of_letters()
    await site.widget.publish(od("") | {"source": agent})

    sent = await run_command(
        "request", "-", folder=tmp_path, settings=settings, given=json.dumps(dial()).encode()
    )
    ended = await run_command("dead-letters", "drop", "--all", "--yes", folder=tmp_path, settings=settings)

    assert (0, 0) == (sent.code, ended.code), (sent.errors, ended.errors)
    assert "dropped" in ended.output


ATTEMPTS: dict[str, Attempt] = {
    "take requests": lambda channel, prefix: _take(channel, f"{prefix}.requests.agent"),
    "take dead letters": lambda channel, prefix: _take(channel, f"{prefix}.dead-letters"),
    "publish to any queue": lambda channel, prefix: publish(channel, "", f"{prefix}.requests.agent"),
    "publish events": lambda channel, prefix: publish(channel, f"{prefix}.events", "x"),
    "publish dead letters": lambda channel, prefix: publish(channel, f"{prefix}.dead-letters", "x"),
    "delete a queue": lambda channel, prefix: channel.queue_delete(f"{prefix}.requests.campaign"),
    "bind to the requests": lambda channel, prefix: _listen(channel, f"{prefix}.requests"),
}
MAY = {("operator", "take dead letters"), ("operator", "publish to any queue")}


async def _take(channel: AbstractChannel, name: str) -> None:
    queue = await channel.get_queue(name, ensure=False)
    await queue.get(fail=False, no_ack=False)


async def _listen(channel: AbstractChannel, exchange: str) -> None:
    queue = await channel.declare_queue(f"listener.{name_of_letters()}", exclusive=True)
    await queue.bind(exchange, "#")


@pytest.mark.parametrize("what", ATTEMPTS)
@pytest.mark.parametrize("user", ["publisher", "crm", "listener", "operator"])
async def test_nobody_may_do_the_bridges_work(
    site: Site, rabbit: PrivateRabbit, user: str, what: str
) -> None:
    """Neither take requests or letters, nor write beside the request exchange, nor delete, nor overhear."""
    async with channel_of(rabbit, user) as channel:
        if (user, what) in MAY:
            await ATTEMPTS[what](channel, site.prefix)
            return
        with pytest.raises(ChannelAccessRefused):
            await ATTEMPTS[what](channel, site.prefix)


@pytest.mark.parametrize("user", ["bridge", "bridge-undeclaring", "operator"])
async def test_the_bridge_may_not_touch_others_queues(rabbit: PrivateRabbit, user: str) -> None:
    """It neither declares nor reads what is not its own; replies go through the default exchange alone."""
    async with channel_of(rabbit, user) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("crm.replies.1")
    async with channel_of(rabbit, user) as channel:
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, "amq.topic", "x")


@pytest.mark.parametrize(("user", "declare"), [("bridge", "true"), ("bridge-undeclaring", "false")])
async def test_the_check_agrees(
    site: Site, rabbit: PrivateRabbit, tmp_path: Path, user: str, declare: str
) -> None:
    """It finds no permission missing; of a worker alone it warns that the commands need more."""
    own = {"BRIDGE_AMQP__URL": permitted.url_of(rabbit, user), "BRIDGE_AMQP__DECLARE": declare}

    ended = await run_command("check", "--json", folder=tmp_path, settings=site.settings | own)

    trials = {"declare", "bind", "consume", "publish"}
    found = [one for one in json.loads(ended.output)["checks"] if one["check"] in trials]
    assert trials - {"bind"} <= {one["check"] for one in found}
    assert [] == [one for one in found if one["state"] == "failed"]
    missing = [one["next"] for one in found if one["state"] != "ok"]
    assert bool(missing) == (user != "bridge"), missing
    assert all("lcm-bridge" in advice for advice in missing), missing
