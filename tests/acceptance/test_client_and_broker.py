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
from yarl import URL

from bridge.client import BridgeClient, BridgeError, NotSent, Unroutable
from bridge.client.call import Call
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
        await BridgeClient("amqp://guest:guest@127.0.0.1:1/").__aenter__()

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
    """What the broker does not take is sent again, on another channel; in the end there was no effect."""
    url, nobody = site.url, name_of_letters()
    caplog.set_level("DEBUG", "bridge.client")
    monkeypatch.setattr("bridge.client.publisher.REFUSED_SECONDS", 0)
    channel = site.widget.channel
    exchange = await channel.declare_exchange(f"{nobody}.requests", aio_pika.ExchangeType.TOPIC)
    limited: dict[str, Any] = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = await channel.declare_queue(exclusive=True, arguments=limited)
    await queue.bind(exchange, "#")
    async with BridgeClient(url, prefix=nobody) as client:
        first = await _channel_of(client)
        await client.send("ManualDialCall", {})

        sending = asyncio.create_task(client.send("ManualDialCall", {}))
        await until(lambda: "its queue is full" in caplog.text, "the broker refuses it")
        await queue.purge()
        await sending

        for wait in ("FIRST_WAIT", "LONGEST_WAIT"):
            monkeypatch.setattr(f"bridge.client.attempts.{wait}", 100)
        with pytest.raises(NotSent, match="full") as refused:
            await client.manual_dial_call(phone_number="2025550100")
        await until(lambda: first.is_closed, "the channel before the last is closed")
        assert 1 == client.connections
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
        await (await _channel_of(client)).queue_delete(session.reply_to)
        await until(lambda: client.connections == 2, "another reply queue is there")
        site.simulator.release()
        await asking

    assert 1 == created(site, agent)


async def test_a_request_that_is_refused_among_others(
    site: Site, relay: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ ends the channel for one of many: that one is told so, the others have their effect once."""
    agents = [f"{name_of_letters()}-{number}" for number in range(20)]
    spoilt = _spoil(monkeypatch)

    async with client_of(site, relay) as client:
        before = [asyncio.create_task(create(client, agent)) for agent in agents[:10]]
        refused = asyncio.create_task(client.request("ToBeRefused", {}, timeout=5))
        after = [asyncio.create_task(create(client, agent)) for agent in agents[10:]]
        # NotSent; or NoReply, where the library used the ended channel, and the connection ended with it.
        with pytest.raises(BridgeError, match="PRECONDITION_FAILED") as told:
            await refused
        keys = await asyncio.gather(*before, *after)

    assert 20 == len(set(keys))
    assert [1] * 20 == [created(site, agent) for agent in agents]
    assert not told.value.retryable
    # In the end on a channel of its own.
    assert len(spoilt) > 1


async def test_a_request_that_is_refused_alone(
    site: Site, relay: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so at once, and the next one is served."""
    spoilt = _spoil(monkeypatch)

    async with client_of(site, relay) as client:
        for call in (client.request, client.send):
            with pytest.raises(NotSent, match="PRECONDITION_FAILED") as told:
                await call("ToBeRefused", {})
            assert not told.value.retryable
            await client.manual_dial_call(phone_number="2025550100")

    assert 2 == len(spoilt)


async def test_a_client_is_entered_again(site: Site) -> None:
    """After a start that failed it may be, while it is open or after its end not; no task is left behind."""
    proxy = Proxy(1)
    await proxy.start()
    target = URL(site.url)
    client = BridgeClient(str(target.with_port(proxy.port)), prefix=site.prefix, name="entered-again")
    for _ in range(2):
        with pytest.raises(NotSent, match="no connection"):
            await client.__aenter__()
    proxy.target = target.port or 0

    async with client:
        with pytest.raises(RuntimeError, match="open"):
            await client.__aenter__()
        await client.manual_dial_call(phone_number="2025550100")
        assert 1 == len(_links())
    with pytest.raises(RuntimeError, match="closed"):
        await client.__aenter__()
    await proxy.stop()

    assert [] == _links()


async def test_another_event_loop(site: Site, relay: Proxy) -> None:
    """A call from a loop that is not the client's is told so at once."""
    async with client_of(site, relay) as client:
        with pytest.raises(RuntimeError, match="event loop"):
            await asyncio.to_thread(asyncio.run, client.manual_dial_call(phone_number="2025550100"))
        assert 0 == client.pending


def _spoil(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give requests for ToBeRefused a header that makes RabbitMQ end the channel; return their ids."""
    spoilt: list[str] = []
    sound = Call.next_message

    def next_message(call: Call, reply_to: str | None) -> aio_pika.Message:
        message = sound(call, reply_to)
        if call.address.subtopic == "ToBeRefused":
            message.headers["CC"] = "no list"
            spoilt.append(call.message_id)
        return message

    monkeypatch.setattr(Call, "next_message", next_message)
    return spoilt


async def _channel_of(client: BridgeClient) -> Any:
    return (await client._link.session()).publisher._channel  # noqa: SLF001 - it is what is looked at


def _links() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "entered-again link"]
