"""`bridge.client` where RabbitMQ, its connection or its queues fail."""

import asyncio
from typing import Any

import aio_pika
import pytest
from chaos.proxy import Proxy
from support.bridge_client import client_of, create, created
from support.envelopes import calls_about
from support.site import Site, name_of_letters
from support.worker import until

from bridge.client import (
    BridgeClient,
    NotSent,
    Unroutable,
)
from bridge.simulator import Fault


async def test_a_connection_killed_in_flight(site: Site, relay: Proxy) -> None:
    """The call is sent again by a new connection, gets its result, and there is one effect."""
    agent = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", method="CreateContact", count=1))

    async with client_of(site, relay) as client:
        asking = asyncio.create_task(create(client, agent))
        await until(lambda: calls_about(site.simulator, agent) == 1, "LCM is called")
        relay.cut()
        await until(lambda: client.connections == 2, "another connection is open")
        site.simulator.release()
        key = await asking

    assert 6 == key.count("|")
    assert 1 == created(site, agent)


async def test_no_broker(site: Site, relay: Proxy) -> None:
    """Without one the client says so at its start; later, a call does, and that it had no effect."""
    with pytest.raises(NotSent, match="no connection"):
        async with BridgeClient("amqp://guest:guest@127.0.0.1:1/"):
            pytest.fail("connected to nothing")

    async with client_of(site, relay) as client:
        await relay.stop()
        await until(lambda: not client.connected, "the client notices")
        with pytest.raises(NotSent, match="a connection to RabbitMQ") as not_sent:
            await client.manual_dial_call(phone_number="2025550100", timeout=0.5)

    assert not_sent.value.retryable


async def test_no_bridge(site: Site) -> None:
    """A prefix that no bridge has, and an exchange without a queue, are told as such at once."""
    url, nobody = site.url, name_of_letters()
    async with BridgeClient(url, prefix=nobody) as client:
        with pytest.raises(Unroutable, match="another prefix"):
            await client.manual_dial_call(phone_number="2025550100")

        channel = site.widget.channel
        exchange = await channel.declare_exchange(f"{nobody}.requests", aio_pika.ExchangeType.TOPIC)
        with pytest.raises(Unroutable, match="leads nowhere") as returned:
            await client.manual_dial_call(phone_number="2025550100")
        await exchange.delete()

    assert returned.value.retryable


async def test_a_full_queue(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the broker does not take is published again; where that is too late, there was no effect."""
    url, nobody = site.url, name_of_letters()
    caplog.set_level("DEBUG", "bridge.client")
    channel = site.widget.channel
    exchange = await channel.declare_exchange(f"{nobody}.requests", aio_pika.ExchangeType.TOPIC)
    limited: dict[str, Any] = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = await channel.declare_queue(exclusive=True, arguments=limited)
    await queue.bind(exchange, "#")
    async with BridgeClient(url, prefix=nobody) as client:
        await client.send("ManualDialCall", {})

        sending = asyncio.create_task(client.send("ManualDialCall", {}))
        await until(lambda: "its queue is full" in caplog.text, "the broker refuses it")
        await queue.purge()
        await sending

        monkeypatch.setattr("bridge.client.client.FIRST_WAIT", 100)
        with pytest.raises(NotSent, match="full") as refused:
            await client.manual_dial_call(phone_number="2025550100")
    await exchange.delete()

    assert refused.value.retryable


async def test_a_lost_reply_queue(site: Site, relay: Proxy) -> None:
    """A reply queue that is deleted, as with its node, is replaced, and the request asked again."""
    agent = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", method="CreateContact", count=1))

    async with client_of(site, relay) as client:
        asking = asyncio.create_task(create(client, agent))
        await until(lambda: calls_about(site.simulator, agent) == 1, "LCM is called")
        session = await client._link.session()  # noqa: SLF001 - nobody else may delete an exclusive queue
        await session.publisher._channel.queue_delete(session.reply_to)  # noqa: SLF001
        await until(lambda: client.connections == 2, "another reply queue is there")
        site.simulator.release()
        await asking

    assert 1 == created(site, agent)
