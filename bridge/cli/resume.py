"""``lcm-bridge resume QUEUE``: workers take requests from a paused queue again."""

import argparse

from bridge.cli.brake import act_on_queue, add_queue
from bridge.settings import Settings
from bridge.store.brake import Brake

HELP = "have all workers take requests from a paused queue again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the queue."""
    add_queue(parser)


def main(args: argparse.Namespace) -> int:
    """Return 0 if Redis answered, 1 if not, 2 for no queue of ours."""
    return act_on_queue(args, _resume)


async def _resume(brake: Brake, queue: str, settings: Settings) -> str:
    if not await brake.resume(queue):
        return f"{queue} was not paused"
    return f"{queue} is resumed; workers take requests within {settings.redis.watch_interval:g} s"
