"""(c) FastStream, aiohttp and redis-py, with everything that makes them cheaper and keeps their guarantees.

uvloop; orjson; bytes in and out, so that FastStream neither decodes, checks nor encodes; its dependency
injection off; only errors logged; what start-up made out of the garbage collector's sight.
"""

import gc
import logging
from typing import Any, Final

import aio_pika
import aiohttp
import orjson
import uvloop
from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue, RabbitResponse
from redis.asyncio import Redis

from bench.peers.failing import Failures
from bench.peers.process import Settings, tell_ready
from bench.peers.translation import (
    CLAIM_MS,
    CONTACT_MS,
    READ,
    RECORD_MS,
    Call,
    call_of,
    reply_with,
    result_of,
)

PREFIX: Final = "bench.faststream-tuned"
HEADERS: Final = {"Content-Type": "application/json; charset=utf-8"}


class Worker:
    """Answers requests with one HTTP session and one Redis client. LCM's base URL ends with a slash."""

    def __init__(self, lcm_url: str, session: aiohttp.ClientSession, redis: Redis) -> None:
        self._lcm_url = lcm_url
        self._session = session
        self._redis = redis

    async def handle(self, message: RabbitMessage) -> RabbitResponse:
        """Answer one request."""
        call = call_of(orjson.loads(message.body))
        if call.method == READ:
            result = await self._call(call)
            body = orjson.dumps(reply_with(call, result))
            contacts = f"{PREFIX}:contacts:{call.parameters['UserID']}"
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hset(contacts, result["AccountNumber"], orjson.dumps(result))
            pipeline.pexpire(contacts, CONTACT_MS)
            await pipeline.execute()
        else:
            record = f"{PREFIX}:request:{message.message_id}"
            if not await self._redis.set(record, b"claimed", nx=True, px=CLAIM_MS):
                raise RuntimeError(f"{record} is claimed already")
            body = orjson.dumps(reply_with(call, await self._call(call)))
            await self._redis.set(record, body, px=RECORD_MS)
        return RabbitResponse(
            aio_pika.Message(
                body,
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                correlation_id=message.correlation_id,
            )
        )

    async def _call(self, call: Call) -> Any:  # noqa: ANN401 - any JSON
        body = orjson.dumps(call.parameters)
        async with self._session.post(self._lcm_url + call.method, data=body) as response:
            return result_of(call, orjson.loads(await response.read()))


async def undecoded(message: RabbitMessage) -> RabbitMessage:
    """Stand in for FastStream's decoder: the handler takes the message as it is."""
    return message


async def main() -> None:
    """Answer requests until SIGTERM. Raises RuntimeError when one went wrong."""
    settings = Settings.from_environment()
    logger = logging.getLogger(PREFIX)
    broker = RabbitBroker(
        settings.amqp_url,
        default_channel=Channel(prefetch_count=settings.prefetch, on_return_raises=True),
        decoder=undecoded,
        apply_types=False,
        logger=logger,
    )
    app = FastStream(broker, logger=None)
    logger.setLevel(logging.ERROR)
    failures = Failures(app)
    failures.watch(PREFIX)
    connector = aiohttp.TCPConnector(limit=settings.prefetch * len(settings.queues))
    async with (
        aiohttp.ClientSession(
            connector=connector,
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            raise_for_status=True,
        ) as session,
        Redis.from_url(settings.redis_url) as redis,
    ):
        worker = Worker(settings.lcm_url, session, redis)
        for name in settings.queues:
            broker.subscriber(RabbitQueue(name, declare=False))(worker.handle)

        @app.after_startup
        async def started() -> None:
            gc.collect()
            gc.freeze()
            tell_ready()

        await app.run()
    failures.check()


if __name__ == "__main__":
    uvloop.run(main())
