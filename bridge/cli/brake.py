"""What the commands ``pause`` and ``resume`` have in common."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from bridge import logs
from bridge.cli.store import opened_store
from bridge.configuration import load
from bridge.exitcodes import DONE, FAILED, WRONG_USAGE
from bridge.ports import StoreUnavailable
from bridge.settings import Amqp, Settings
from bridge.store.brake import Brake

Action = Callable[[Brake, str, Settings], Awaitable[str]]
"""Does something to the queue of that name and returns what to tell the person."""


def add_queue(parser: argparse.ArgumentParser) -> None:
    """Take the queue."""
    parser.add_argument("queue", metavar="QUEUE", help="a request queue's full name, or: agent, campaign")


def act_on_queue(args: argparse.Namespace, action: Action) -> int:
    """Return 0 if Redis answered, 1 if not, 2 for no queue of ours.

    Raises `bridge.configuration.BadSettings`.
    """
    settings = load().settings
    logs.configure_for_a_command()
    queue = _full_name(args.queue, settings.amqp)
    if queue is None:
        sys.stderr.write(
            f"there is no queue {args.queue!a}; there are: agent ({settings.amqp.agent_queue}), "
            f"campaign ({settings.amqp.campaign_queue})\n"
        )
        return WRONG_USAGE
    try:
        sys.stdout.write(f"{asyncio.run(_act(settings, queue, action))}\n")
    except StoreUnavailable as error:
        sys.stderr.write(f"{error}; try: lcm-bridge check\n")
        return FAILED
    return DONE


async def _act(settings: Settings, queue: str, action: Action) -> str:
    async with opened_store(settings) as store:
        return await action(Brake(store, settings.redis.prefix), queue, settings)


def _full_name(given: str, amqp: Amqp) -> str | None:
    if given in (amqp.agent_queue, amqp.campaign_queue):
        return given
    return {"agent": amqp.agent_queue, "campaign": amqp.campaign_queue}.get(given)
