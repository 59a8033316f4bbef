"""Fetch an agent's reserved contact with nothing but aio-pika, and print the reply."""

import asyncio
import json
import os
import uuid

import aio_pika

URL = os.environ.get("AMQP_URL", "amqp://guest:guest@localhost/")
EXCHANGE = os.environ.get("LCM_PREFIX", "lcm") + ".requests"
ADDRESS = {"channel": "LCM", "topic": "WebService", "subtopic": "GetReservedContactOD"}


async def main() -> None:
    """Publish the request with an id and a deadline, and wait for the one reply."""
    async with asyncio.timeout(25), await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        replies = await channel.declare_queue(exclusive=True)
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        key = uuid.uuid4().hex  # the same again, if you ask the same again
        message = aio_pika.Message(
            json.dumps(ADDRESS | {"data": {"UserID": "agent1"}}).encode(),
            reply_to=replies.name,
            correlation_id=key,
            message_id=key,
            expiration=20,  # seconds: LCM is not called later, and the reply says so
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, ".".join(ADDRESS.values()))
        async with replies.iterator(no_ack=True) as coming:
            reply = await anext(coming)
        # Its message, or data where the bridge knows no such operation, says how it went.
        print(reply.headers["x-bridge-status"], json.loads(reply.body))


try:
    asyncio.run(main())
except aio_pika.exceptions.ChannelNotFoundEntity as error:
    raise SystemExit(f"{error}: is {EXCHANGE} the bridge's? Its prefix goes into LCM_PREFIX") from None
