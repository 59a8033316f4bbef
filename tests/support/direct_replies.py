"""A requester who waits by direct reply-to."""

import asyncio

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage


async def direct_address(channel: AbstractChannel, replies: asyncio.Queue[bytes]) -> str:
    """Consume direct replies, and return the address that the broker gives a responder."""
    direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)

    async def take(reply: AbstractIncomingMessage) -> None:
        replies.put_nowait(reply.body)

    await direct.consume(take, no_ack=True)
    queue = await channel.declare_queue(exclusive=True)
    request = aio_pika.Message(b"", reply_to="amq.rabbitmq.reply-to")
    await channel.default_exchange.publish(request, queue.name)
    return (await queue.get(no_ack=True)).reply_to or ""
