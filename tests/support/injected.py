"""What faults of several kinds are injected with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import orjson
from support.connecting import connect
from support.envelopes import dial
from support.watched_site import WatchedSite

from bridge.simulator import Fault


@asynccontextmanager
async def lcm_does(site: WatchedSite, *faults: Fault) -> AsyncIterator[None]:
    """Have LCM misbehave for the length of a block."""
    site.simulator.faults.put(*faults)
    try:
        yield
    finally:
        site.simulator.faults.put()
        site.simulator.release()


async def load_campaign(site: WatchedSite, number: int) -> None:
    """Put so many requests into the campaigns' queue that nobody waits for."""
    async with await connect(site.rabbit.url) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(orjson.dumps(dial()))
        await asyncio.gather(
            *(
                channel.default_exchange.publish(message, f"{site.prefix}.requests.campaign")
                for _ in range(number)
            )
        )


async def settle_letters(site: WatchedSite) -> None:
    """Take dead letters away, as a person does who has looked at them, until the alert about them is over."""
    async with await connect(site.rabbit.url) as connection:
        channel = await connection.channel()
        letters = await channel.get_queue(f"{site.prefix}.dead-letters", ensure=False)

        async def over() -> bool:
            await letters.purge()  # what the workers were busy with when the fault ended comes later
            return "LcmBridgeOutcomeUnknown" not in await site.firing()

        await site.until("no unknown outcome is left", over)
