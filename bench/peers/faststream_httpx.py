"""(b) FastStream, httpx and redis-py, put together as their documentation shows it.

FastStream reads the envelope, checks its type, replies with what the handler returns, acknowledges after
that, and logs two lines for each message.
"""

import asyncio
import json
from typing import Annotated, Any, Final

import httpx
from faststream import Context, ContextRepo, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue, RabbitResponse
from faststream.rabbit.annotations import RabbitMessage
from redis.asyncio import Redis

from bench.peers.failing import Failures
from bench.peers.process import Settings, tell_ready
from bench.peers.translation import (
    CLAIM_MS,
    CONTACT_MS,
    READ,
    RECORD_MS,
    call_of,
    reply_with,
    result_of,
)

PREFIX: Final = "bench.faststream-httpx"

Client = Annotated[httpx.AsyncClient, Context("client")]
Store = Annotated[Redis, Context("redis")]

settings = Settings.from_environment()
broker = RabbitBroker(
    settings.amqp_url,
    default_channel=Channel(prefetch_count=settings.prefetch, on_return_raises=True),
)
app = FastStream(broker)


@app.on_startup
async def open_clients(context: ContextRepo) -> None:
    """Open the clients, once."""
    context.set_global("client", httpx.AsyncClient(base_url=settings.lcm_url))
    context.set_global("redis", Redis.from_url(settings.redis_url))


@app.after_startup
async def started() -> None:
    """Tell that the queues are consumed."""
    tell_ready()


@app.after_shutdown
async def close_clients(client: Client, redis: Store) -> None:
    """Close the clients."""
    await client.aclose()
    await redis.aclose()


async def handle(
    envelope: dict[str, Any], message: RabbitMessage, client: Client, redis: Store
) -> RabbitResponse:
    """Answer one request."""
    call = call_of(envelope)
    record = f"{PREFIX}:request:{message.message_id}"
    if call.method != READ and not await redis.set(record, "claimed", nx=True, px=CLAIM_MS):
        raise RuntimeError(f"{record} is claimed already")
    answer = await client.post(call.method, json=call.parameters)
    result = result_of(call, answer.raise_for_status().json())
    reply = reply_with(call, result)
    if call.method == READ:
        contacts = f"{PREFIX}:contacts:{call.parameters['UserID']}"
        async with redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(contacts, result["AccountNumber"], json.dumps(result))
            pipeline.pexpire(contacts, CONTACT_MS)
            await pipeline.execute()
    else:
        await redis.set(record, json.dumps(reply), px=RECORD_MS)
    return RabbitResponse(reply, persist=True)


for name in settings.queues:
    broker.subscriber(RabbitQueue(name, declare=False))(handle)


async def main() -> None:
    """Answer requests until SIGTERM. Raises RuntimeError when one went wrong."""
    failures = Failures(app)
    failures.watch("faststream.access.rabbit")
    await app.run()
    failures.check()


if __name__ == "__main__":
    asyncio.run(main())
