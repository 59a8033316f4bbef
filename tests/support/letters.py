"""Dead letters of every kind, and what is in a queue without taking it."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from support.command import Ended, run_command
from support.requester import BOUND, Requester
from support.site import Site

DeadLetter = dict[str, Any]
"""A line of ``dead-letters list --json``."""


async def run_letters(site: Site, folder: Path, *arguments: str, **settings: str) -> Ended:
    """Run ``lcm-bridge dead-letters`` with the site's settings."""
    return await run_command("dead-letters", *arguments, folder=folder, settings=site.settings | settings)


async def listed(site: Site, folder: Path, *arguments: str) -> list[DeadLetter]:
    """Return the dead letters as the command lists them."""
    ended = await run_letters(site, folder, "list", "--json", *arguments)
    assert 0 == ended.code, ended.errors
    return [json.loads(line) for line in ended.output.splitlines()]


async def until_letters(widget: Requester, count: int) -> None:
    """Wait until that many letters lie in the dead-letter queue."""
    await until_ready(widget, f"{widget.prefix}.dead-letters", count)


async def until_ready(widget: Requester, queue: str, count: int) -> None:
    """Wait until a queue holds exactly so many messages that nobody has taken."""
    async with asyncio.timeout(BOUND):
        while await ready(widget, queue) != count:
            await asyncio.sleep(0.02)


async def ready(widget: Requester, queue: str) -> int:
    """Return how many messages a queue holds that nobody has taken."""
    declared = await widget.channel.declare_queue(queue, passive=True)
    return declared.declaration_result.message_count or 0


async def everything_in(widget: Requester, queue: str) -> list[AbstractIncomingMessage]:
    """Take every message out of a queue."""
    found = []
    taken = await widget.channel.get_queue(queue, ensure=False)
    while (message := await taken.get(fail=False, no_ack=True)) is not None:
        found.append(message)
    return found


async def everything_once(site: Site) -> list[AbstractIncomingMessage]:
    """Look at the letters and put them back."""
    queue = await site.widget.channel.get_queue(f"{site.prefix}.dead-letters", ensure=False)
    messages = []
    while (message := await queue.get(fail=False)) is not None:
        messages.append(message)
    for message in messages:
        await message.nack()
    return messages


async def put_letter(
    widget: Requester,
    body: bytes | dict[str, Any],
    *,
    reason: str = "retries-exhausted",
    operation: str = "CreateContact",
    age: float = 0.0,
    headers: dict[str, Any] | None = None,
    **properties: Any,
) -> None:
    """Put a letter there as the bridge writes it, signed with its name."""
    notes: dict[str, Any] = {
        "x-reason": reason,
        "x-error": "LCM was away",
        "x-operation": operation,
        "x-attempts": 3,
        "x-original-exchange": f"{widget.prefix}.requests",
        "x-original-routing-key": f"LCM.WebService.{operation}",
        "x-dead-lettered-at": datetime.now(UTC) - timedelta(seconds=age),
    }
    await widget.publish(
        body,
        queue=f"{widget.prefix}.dead-letters",
        headers=notes | (headers or {}),
        user_id="bridge",
        timestamp=time.time(),
        delivery_mode=2,
        **properties,
    )


async def replayed_to(site: Site, lane: str = "campaign") -> list[AbstractIncomingMessage]:
    """Take what was replayed to a request queue."""
    return await everything_in(site.widget, f"{site.prefix}.requests.{lane}")
