"""Can replies, events and dead letters go out, told without a message that anybody gets.

Replies are published to the default exchange under a name that no queue has, so the broker returns the
message, and then to the direct reply-to address of the check itself. For the other exchanges, which lead to
queues, what is tried is refused in any case: RabbitMQ looks at the permission first and then at the message,
which is signed by somebody else, or has a time to live that is no number.
"""

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from typing import Final
from uuid import uuid4

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelClosed,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    PublishError,
)
from pamqp.commands import Basic

from bridge.cli.check.broker import Broker
from bridge.cli.check.broker_access import permit
from bridge.cli.check.finding import Finding, end, failed, ok, timed, warning
from bridge.messages import DIRECT_ADDRESS, DIRECT_REPLY_TO
from bridge.settings import Amqp

_LOOK: Final = 0.05
"""Seconds between looks whether the broker blocks the connection."""

_DELIVERY: Final = 2.0
"""Seconds in which a message to the check itself must be there."""

_LOG: Final = "see the log of RabbitMQ"


async def publishing(broker: Broker, settings: Amqp, event_keys: Iterable[str]) -> list[Finding]:
    """Try it on an open connection of its own, until the broker blocks that. Raises what `FAULTS` lists."""
    trial = asyncio.ensure_future(_try(broker, settings, event_keys))
    watch = asyncio.ensure_future(_until_blocked(broker))
    try:
        await asyncio.wait({trial, watch}, return_when=asyncio.FIRST_COMPLETED)
        if trial.done():
            return [ok("alarm", "none: the broker takes publishes"), *trial.result()]
        watch.result()
    finally:
        await end(trial, watch)
    found = "the broker takes no publishes: it has a memory or disk alarm. Replies wait in the workers"
    advice = "have whoever runs RabbitMQ free memory or disk: rabbitmq-diagnostics alarms names the node"
    return [failed("alarm", found, advice)]


async def _until_blocked(broker: Broker) -> None:
    while not broker.blocked:  # noqa: ASYNC110 - the library tells it only to those who ask
        await asyncio.sleep(_LOOK)


async def _try(broker: Broker, settings: Amqp, event_keys: Iterable[str]) -> list[Finding]:
    found = await _replies(broker)
    signs_as_others = await _signs_as_others(broker)
    found += _user(broker, signs_as_others)
    # RabbitMQ 4 looks at the time to live before the topic permissions, at the user after them; but what a
    # user sends who may sign as others would be delivered.
    told_last = _signed_by_others() if signs_as_others is False else _never_expiring()
    found.append(await _may_write(broker, "events", settings.events_exchange, event_keys, told_last))
    letters = settings.dead_letters_exchange
    found.append(await _may_write(broker, "dead letters", letters, [""], _never_expiring()))
    return found + await _by_others(broker, settings)


async def _by_others(broker: Broker, settings: Amqp) -> list[Finding]:
    """Look at what not the worker publishes; told only where it is refused."""
    uses = {settings.requests_exchange: "lcm-bridge request and dead-letters replay publish there"}
    if settings.declare:
        uses[settings.unrouted_exchange] = f"{settings.requests_exchange} cannot be declared without it"
    found = []
    for exchange, use in uses.items():
        told = await _may_write(broker, exchange, exchange, [""], _never_expiring())
        if told.state != "ok":
            found.append(warning("publish", told.found, f"{use}: {told.advice}", subject=exchange))
    return found


async def _replies(broker: Broker) -> list[Finding]:
    channel = await broker.channel(confirms=True)
    arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue(maxsize=1)
    signed = Basic.Properties(user_id=broker.user, reply_to=DIRECT_REPLY_TO)
    started = time.monotonic()
    address = ""
    try:
        await channel.basic_consume(DIRECT_REPLY_TO, arrived.put, no_ack=True)
        started = time.monotonic()
        await _publish(channel, _nobodys_key(), signed)
    except ChannelClosed as refusal:
        return [_no_replies(broker, refusal)]
    except PublishError as returned:
        if returned.message is not None:
            address = returned.message.header.properties.reply_to or ""
    took = time.monotonic() - started
    found = timed(ok("publish", "to the default exchange, confirmed", subject="replies"), took)
    return [found, await _direct(channel, address, arrived)]


def _no_replies(broker: Broker, refusal: ChannelClosed) -> Finding:
    found, advice = f"no reply can go out: {refusal}", _LOG
    if isinstance(refusal, ChannelAccessRefused):
        found = (
            f"the user may not write to the default exchange: {refusal}. No reply goes out, and no request"
            " can be held, while the workers are ready and take requests"
        )
        advice = permit(broker, refusal, {}, otherwise="write")
    elif isinstance(refusal, ChannelPreconditionFailed):
        found = f"the user may not sign as {broker.user}: {refusal}. No reply goes out"
        advice = "name the user in amqp.url by which the broker knows the connection"
    return failed("publish", found, advice, subject="replies")


async def _direct(
    channel: AbstractChannel, address: str, arrived: asyncio.Queue[DeliveredMessage]
) -> Finding:
    if not address.startswith(DIRECT_ADDRESS):
        found = "not tried: the broker did not tell the address of this connection"
        return warning("direct reply-to", found, "try lcm-bridge request, which uses it")
    token, started = uuid4().hex.encode(), time.monotonic()
    await _publish(channel, address, Basic.Properties(), body=token)
    try:
        async with asyncio.timeout(_DELIVERY):
            while (await arrived.get()).body != token:
                continue
    except TimeoutError:
        found = f"a message to this connection did not arrive within {_DELIVERY:g} s"
        return failed("direct reply-to", found, f"requesters who use it get no replies: {_LOG}")
    return timed(ok("direct reply-to", "a message came back"), time.monotonic() - started)


async def _signs_as_others(broker: Broker) -> bool | None:
    """Tell whether the broker lets the user sign as somebody else; None: it does not come to that."""
    answer = await broker.ask(_publish_to_nobody, confirms=True)
    if isinstance(answer, ChannelPreconditionFailed):
        return False
    return None if isinstance(answer, ChannelClosed) else True


def _user(broker: Broker, signs_as_others: bool | None) -> list[Finding]:  # noqa: FBT001 - one of three
    if signs_as_others is None:
        return []
    if signs_as_others:
        found = f"{broker.user} may sign as anybody, and the bridge believes what it signed itself"
        advice = f"take the tag impersonator away: rabbitmqctl set_user_tags {broker.user}"
        return [warning("user", found, advice)]
    return [ok("user", f"{broker.user} may not sign as others")]


async def _may_write(
    broker: Broker, subject: str, exchange: str, keys: Iterable[str], refused: Basic.Properties
) -> Finding:
    for key in keys:
        answer = await broker.ask(
            partial(_publish, routing_key=key, properties=refused, exchange=exchange), confirms=True
        )
        if isinstance(answer, ChannelAccessRefused):
            found = f"the user may not write to the exchange {exchange}: {answer}"
            return failed("publish", found, permit(broker, answer, {}, otherwise="write"), subject=subject)
        if not isinstance(answer, ChannelPreconditionFailed | ChannelNotFoundEntity):
            found = f"it is not known whether the user may write to the exchange {exchange}: {answer}"
            return warning("publish", found, _LOG, subject=subject)
    return ok("publish", f"the user may write to the exchange {exchange}", subject=subject)


async def _publish_to_nobody(channel: AbstractChannel) -> None:
    try:
        await _publish(channel, _nobodys_key(), _signed_by_others())
    except PublishError:
        return  # it was taken, and returned


async def _publish(
    channel: AbstractChannel,
    routing_key: str,
    properties: Basic.Properties,
    exchange: str = "",
    *,
    body: bytes = b"",
) -> None:
    # What leads nowhere comes back; the broker takes a direct reply-to for nowhere, and delivers it.
    mandatory = not routing_key.startswith(DIRECT_REPLY_TO)
    await channel.basic_publish(
        body, exchange=exchange, routing_key=routing_key, mandatory=mandatory, properties=properties
    )


def _signed_by_others() -> Basic.Properties:
    return Basic.Properties(user_id="lcm-bridge-check-somebody-else")


def _never_expiring() -> Basic.Properties:
    return Basic.Properties(expiration="never")


def _nobodys_key() -> str:
    return f"lcm-bridge.check.{uuid4().hex}"
