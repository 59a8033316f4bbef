"""``lcm-bridge check``: tests each dependency and prints a table."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
from rich.console import Console
from rich.table import Table

from bridge import logs
from bridge.cli.display import plain
from bridge.configuration import load
from bridge.lcm.client import log_in, tls_context
from bridge.settings import Log, Settings

HELP = "test RabbitMQ, Redis and LCM and print what was found"

TIMEOUT_SECONDS = 10


class Finding(NamedTuple):
    """What was found out about one dependency."""

    name: str
    ok: bool
    note: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own."""
    del parser


def main(args: argparse.Namespace) -> int:
    """Return 0 if everything answers, else 1. Raises `bridge.configuration.BadSettings`."""
    del args
    settings = load().settings
    logs.configure(Log(level="ERROR", format="console"))
    findings = asyncio.run(_check(settings))
    table = Table("dependency", "", "found", box=None)
    for finding in findings:
        state = "[green]ok[/green]" if finding.ok else "[red]FAILED[/red]"
        table.add_row(finding.name, state, plain(finding.note))
    Console().print(table)
    return 0 if all(finding.ok for finding in findings) else 1


async def _check(settings: Settings) -> list[Finding]:
    return list(
        await asyncio.gather(
            _tested("RabbitMQ", _rabbit, settings),
            _tested("Redis", _redis, settings),
            _tested("LCM", _lcm, settings),
        )
    )


async def _tested(name: str, test: Callable[[Settings], Awaitable[str]], settings: Settings) -> Finding:
    from aio_pika.exceptions import AMQPError  # noqa: PLC0415 - other commands start without it
    from redis.exceptions import RedisClusterException, RedisError  # noqa: PLC0415

    started = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            note = await test(settings)
    except TimeoutError:
        return Finding(name, ok=False, note=f"no answer within {TIMEOUT_SECONDS} s")
    except (AMQPError, RedisError, RedisClusterException, aiohttp.ClientError, OSError, ValueError) as error:
        return Finding(name, ok=False, note=f"{type(error).__name__}: {error}")
    return Finding(name, ok=True, note=f"{note} ({(time.monotonic() - started) * 1000:.0f} ms)")


async def _rabbit(settings: Settings) -> str:
    import aio_pika  # noqa: PLC0415 - other commands start without it

    from bridge.cli.broker import connect_to_any  # noqa: PLC0415

    # A little earlier than this test as a whole ends, to tell of every node.
    connection, node, away = await connect_to_any(settings.amqp, TIMEOUT_SECONDS * 0.9)
    async with connection:
        found = []
        for queue in (
            settings.amqp.agent_queue,
            settings.amqp.campaign_queue,
            settings.amqp.dead_letters_queue,
        ):
            channel = await connection.channel()
            try:
                declared = await channel.get_queue(queue)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                found.append(f"{queue}: not there yet, a worker declares it")
            else:
                result = declared.declaration_result
                found.append(f"{queue}: {result.message_count} waiting, {result.consumer_count} consumers")
        return "\n".join([*away, f"connected to {node}", *found])


async def _redis(settings: Settings) -> str:
    from bridge.store.connection import connect  # noqa: PLC0415 - other commands start without it
    from bridge.store.durability import warnings  # noqa: PLC0415

    client = connect(settings.redis)
    try:
        await client.ping()
        found = await warnings(client, settings.ledger.wait_replicas)
    finally:
        await client.aclose()
    return "\n".join([*(f"warning: {warning}" for warning in found), "answers"])


async def _lcm(settings: Settings) -> str:
    """Ask for the service's page: reading it has no effect, whatever LCM answers."""
    lcm = settings.lcm
    async with (
        aiohttp.ClientSession(headers=log_in(lcm), trust_env=False) as session,
        session.get(lcm.base_url, ssl=tls_context(lcm), allow_redirects=False) as response,
    ):
        if response.status in (401, 403):
            raise ValueError(f"HTTP {response.status}: the bridge's credentials were refused")
        return f"HTTP {response.status}: reachable"
