"""Somebody deletes what the bridge declared: it is declared again, and nothing is lost meanwhile."""

import asyncio

import pytest
from aio_pika.abc import AbstractIncomingMessage
from support.envelopes import dial, od
from support.requester import next_message
from support.site import MakeSite
from support.worker import until

from bridge.demo.servers import PrivateRabbit

QUICK = {"BRIDGE_AMQP__DEPTH_INTERVAL": "0.2"}


@pytest.fixture(params=["events", "dead-letters"])
def exchange(request: pytest.FixtureRequest) -> str:
    """Return the last part of an exchange's name."""
    return str(request.param)


async def test_a_deleted_exchange_harms_no_reply(make_site: MakeSite, exchange: str) -> None:
    """What goes out by another way is answered, and what needs the exchange comes to its end."""
    site = await make_site()
    await site.widget.channel.exchange_delete(f"{site.prefix}.{exchange}")

    reply = await site.widget.ask(dial())
    await site.widget.publish(b"{}")

    assert "ManualDialCall" == reply.body["subtopic"]
    assert "failure-without-reply-to" == (await site.widget.dead_letter()).headers["x-reason"]
    assert "ContactOD" == (await site.widget.ask(od("testagent"))).body["subtopic"]
    assert 0 == await site.worker.stop()


async def test_events_come_again_after_their_exchange_was_deleted(make_site: MakeSite) -> None:
    """The exchange is declared anew; listeners bind to it as before."""
    site = await make_site()
    await site.widget.channel.exchange_delete(f"{site.prefix}.events")
    await site.widget.ask(dial())
    await site.worker.until_logged("request.settled")  # its event found the exchange again

    events = await site.widget.listen()
    await site.widget.publish(dial())

    assert "ManualDialCall" == (await next_message(events)).type


async def test_dead_letters_that_share_a_message_id(make_site: MakeSite) -> None:
    """Each waits for the deleted queue to come back: one's return is not taken for another's."""
    site = await make_site(**QUICK)
    letters = f"{site.prefix}.dead-letters"
    await site.widget.channel.queue_delete(letters)
    for _ in range(20):
        await site.widget.publish({"message": {"response": True}}, message_id="same")

    await until(lambda: len(site.worker.events("request.settled")) >= 20, "twenty settled requests", bound=60)
    queue = await site.widget.channel.get_queue(letters)

    assert 20 == queue.declaration_result.message_count


async def test_requests_whose_delay_ended_while_their_queue_was_gone(
    make_site: MakeSite, rabbit: PrivateRabbit
) -> None:
    """RabbitMQ returns them when a policy for the delayed queues comes or goes, else only after minutes."""
    site = await make_site(BRIDGE_RETRY__DELAYS="[1000]")
    channel, queue = site.widget.channel, f"{site.prefix}.requests.agent"
    delayed = await channel.get_queue(f"{site.prefix}.retry.{queue}.1000")
    await site.worker.stop()
    await channel.queue_delete(queue)
    back = site.widget.expect("back")
    about = {"reply_to": site.widget.reply_queue.name, "correlation_id": "back"}
    await site.widget.publish(od("testagent"), queue=delayed.name, **about)
    async with asyncio.timeout(20):
        while (await delayed.declare()).message_count:
            await asyncio.sleep(0.05)
    await site.worker.start()

    policy = f"again-{site.prefix}"
    pattern = rf"^{site.prefix}\.retry\."
    await rabbit.ctl("set_policy", policy, pattern, '{"dead-letter-exchange":""}', "--apply-to", "queues")
    await rabbit.ctl("clear_policy", policy)

    assert "ContactOD" == (await asyncio.wait_for(back, 20)).body["subtopic"]


async def test_made_up_addresses_cost_no_direct_reply(make_site: MakeSite) -> None:
    """Requesters who wait by direct reply-to are answered, each of them, among forgeries."""
    site = await make_site()
    replies: asyncio.Queue[str | None] = asyncio.Queue()

    async def take(message: AbstractIncomingMessage) -> None:
        await replies.put(message.correlation_id)

    direct = await site.widget.channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
    await direct.consume(take, no_ack=True)
    for number in range(20):
        forged = f"amq.rabbitmq.reply-to.g2dkAA5yYWJiaXRAbm93aGVyZQ==.key{number}"
        await site.widget.publish(dial(), reply_to=forged)
        await site.widget.publish(dial(), reply_to=direct.name, correlation_id=str(number))

    async with asyncio.timeout(60):
        answered = {await replies.get() for _ in range(20)}

    assert {str(number) for number in range(20)} == answered
    assert 0 == await site.worker.stop()


async def test_a_made_up_address_holds_up_no_other_reply(make_site: MakeSite) -> None:
    """Direct replies have a connection of their own, and the others never notice."""
    site = await make_site()
    for _ in range(3):
        await site.widget.publish(dial(), reply_to="amq.rabbitmq.reply-to.g2dkAA5yYWJiaXRAbm93aGVyZQ==.key")

    assert "ContactOD" == (await site.widget.ask(od("testagent"))).body["subtopic"]
    await until(lambda: len(site.worker.events("request.settled")) == 4, "four settled requests", bound=60)
    assert {"lcm-bridge suspect replies"} == {
        event["connection"] for event in site.worker.events("amqp.connection_lost")
    }
    assert 0 == await site.worker.stop()
