"""A queue on the events exchange that is full refuses events for everybody: that must not go on for ever."""

import asyncio

import aio_pika
from support.envelopes import dial
from support.site import MakeSite
from support.worker import BOUND


async def test_an_event_that_is_refused_is_told_once_and_dead_lettered(make_site: MakeSite) -> None:
    """The requester has his reply and no other; the request is dead-lettered instead of coming back."""
    site = await make_site()
    full = await site.widget.channel.declare_queue(
        exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    await full.bind(f"{site.prefix}.events", "#")
    await site.widget.channel.default_exchange.publish(aio_pika.Message(b"x"), full.name)
    async with asyncio.timeout(BOUND):
        while (
            await site.widget.channel.declare_queue(full.name, passive=True)
        ).declaration_result.message_count != 1:
            await asyncio.sleep(0.02)

    await site.widget.ask(dial(), correlation_id="dialled")
    letter = await site.widget.dead_letter()

    assert ("retries-exhausted", "dialled") == (letter.headers["x-reason"], letter.correlation_id)
    assert "event" in str(letter.headers["x-error"])
    assert [] == site.widget.unexpected
