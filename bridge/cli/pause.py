"""``lcm-bridge pause QUEUE``: all workers stop taking requests from a queue."""

import argparse

from bridge.cli.brake import act_on_queue, add_queue
from bridge.cli.display import moment
from bridge.settings import Settings
from bridge.store.brake import Brake

HELP = "have all workers stop taking requests from a queue, until: lcm-bridge resume"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the queue."""
    add_queue(parser)


def main(args: argparse.Namespace) -> int:
    """Return 0 if Redis answered, 1 if not, 2 for no queue of ours."""
    return act_on_queue(args, _pause)


async def _pause(brake: Brake, queue: str, settings: Settings) -> str:
    since = await brake.pause(queue)
    if since is not None:
        return f"{queue} is paused already, since {moment(since)}"
    return f"{queue} is paused; workers stop taking requests within {settings.redis.watch_interval:g} s"
