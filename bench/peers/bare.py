"""(a) The base of all ratios: aio-pika and aiohttp on plain asyncio, and nothing besides.

Written as their documentation shows it, neither slowed nor sped up. No Redis, metrics or log.
"""

import asyncio
import json

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage

from bench.peers.process import End, Settings, tell_ready
from bench.peers.translation import call_of, reply_with, result_of

# `json.dumps` with these arguments builds such an encoder for each call.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


async def main() -> None:
    """Answer requests until SIGTERM. Raises whatever went wrong with one."""
    settings = Settings.from_environment()
    end = End()
    connection = await aio_pika.connect_robust(settings.amqp_url)
    # By default 100 connections, which would hold up the other requests in flight.
    connector = aiohttp.TCPConnector(limit=settings.prefetch * len(settings.queues))
    async with connection, aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:
        # Otherwise a reply that reaches no queue is only returned.
        channel = await connection.channel(on_return_raises=True)
        await channel.set_qos(prefetch_count=settings.prefetch)
        exchange = channel.default_exchange

        async def answer(message: AbstractIncomingMessage) -> None:
            call = call_of(json.loads(message.body))
            async with session.post(settings.lcm_url + call.method, json=call.parameters) as response:
                result = result_of(call, await response.json())
            reply = aio_pika.Message(
                encode(reply_with(call, result)).encode(),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                correlation_id=message.correlation_id,
            )
            await exchange.publish(reply, routing_key=message.reply_to or "")
            await message.ack()

        async def on_message(message: AbstractIncomingMessage) -> None:
            try:
                await answer(message)
            except Exception as error:  # noqa: BLE001 - whatever it is, the process ends with it
                end.fail(error)

        for name in settings.queues:
            queue = await channel.get_queue(name)
            await queue.consume(on_message)
        tell_ready()
        await end.wait()


if __name__ == "__main__":
    asyncio.run(main())
