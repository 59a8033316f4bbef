"""The command: runs all checks, prints them as a table or as JSON, and sums up."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Final

from bridge import logs
from bridge.cli.check.finding import Finding, Test, at_fault
from bridge.cli.check.report import Dependency, as_json, print_table
from bridge.configuration import Loaded, load
from bridge.exitcodes import DONE, FAILED

HELP = "test RabbitMQ, Redis and LCM: what is wrong, and what to do"

BOUND: Final = 8.0
"""Seconds in which a dependency has told everything. Closing connections to what hangs takes two more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")


def main(args: argparse.Namespace) -> int:
    """Return 0 if nothing failed, else 1. Raises `bridge.configuration.BadSettings`."""
    loaded = load()
    with redirect_stdout(sys.stderr):  # a log line among the output would be no JSON
        logs.configure_for_a_command()
    found = asyncio.run(_check(loaded))
    if args.json:
        as_json(found)
    else:
        print_table(found)
    return FAILED if any(one.state == "failed" for findings in found.values() for one in findings) else DONE


_SERVERS: Final[Mapping[str, Dependency]] = {"amqp": "RabbitMQ", "redis": "Redis", "lcm": "LCM"}


async def _check(loaded: Loaded) -> dict[Dependency, list[Finding]]:
    # Imported here so that other commands start without their client libraries.
    from bridge.cli.check import here, lcm, rabbitmq, redis  # noqa: PLC0415

    settings = loaded.settings
    found = await every(
        {
            "RabbitMQ": lambda: rabbitmq.check(settings, loaded.catalogue, BOUND),
            "Redis": lambda: redis.check(settings, BOUND),
            "LCM": lambda: lcm.check(settings, BOUND),
        }
    )
    return {name: found[name] + here.check(settings, server) for server, name in _SERVERS.items()}


async def every(checks: Mapping[Dependency, Test]) -> dict[Dependency, list[Finding]]:
    """Check all dependencies at the same time; a fault of one check is a finding, beside the others'."""
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(_guarded(check)) for name, check in checks.items()}
    return {name: task.result() for name, task in tasks.items()}


async def _guarded(check: Test) -> list[Finding]:
    try:
        return await check()
    except Exception as error:  # noqa: BLE001 - it is told, and hides nothing of what others found
        return [at_fault("check", error)]
