"""A connection to RabbitMQ for a command that needs it once."""

import asyncio
import time
from typing import NamedTuple

import aio_pika
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.bus.frames import SocketConnection
from bridge.bus.login import cut_off, node_name, why_refused
from bridge.logs import hide_log_ins
from bridge.settings import Amqp


class Connected(NamedTuple):
    """An open connection, and what was wrong with the nodes before it."""

    connection: SocketConnection
    node: str
    away: list[str]


async def connect_to_any(settings: Amqp, seconds: float) -> Connected:
    """Connect to the first node that lets us in; each gets its share of the time.

    Raises ConnectionError, which names every node with its fault, if none does.
    """
    urls = settings.urls
    until = time.monotonic() + seconds
    away: list[str] = []
    for position, url in enumerate(urls):
        node = node_name(url)
        share = min(settings.connect_timeout, (until - time.monotonic()) / (len(urls) - position))
        try:
            async with asyncio.timeout(share):
                return Connected(await aio_pika.connect(url, connection_class=SocketConnection), node, away)
        except TimeoutError:
            away.append(f"{node}: no answer within {share:.1f} s")
        except (*CONNECTION_EXCEPTIONS, ValueError) as error:
            why = why_refused(error, url) or cut_off(error, url)
            away.append(
                f"{node}: {why.found}: {why.advice}" if why else f"{node}: {type(error).__name__}: {error}"
            )
    raise ConnectionError("\n".join(away))


def broker_fault(error: BaseException) -> str:
    """Say what RabbitMQ or the way to it had against a command."""
    said = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return hide_log_ins(f"RabbitMQ: {said}; try: lcm-bridge check")
