"""``lcm-bridge contacts AGENT``: what the cache holds for an agent, and its erasure."""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.table import Table

from bridge import logs
from bridge.cli.display import moment, plain
from bridge.cli.store import contact_cache, opened_store
from bridge.configuration import load
from bridge.exitcodes import DONE, FAILED
from bridge.ports import StoreUnavailable
from bridge.settings import Settings

HELP = "list the contacts cached for an agent, or erase them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the agent, and whether to erase."""
    parser.add_argument("agent", metavar="AGENT", help="the agent's id, as requests spell it")
    parser.add_argument("--erase", action="store_true", help="remove everything that is kept about the agent")


def main(args: argparse.Namespace) -> int:
    """Return 0 if Redis answered, else 1. Raises `bridge.configuration.BadSettings`."""
    settings = load().settings
    logs.configure_for_a_command()
    try:
        return asyncio.run(_contacts(settings, args.agent, erase=args.erase))
    except StoreUnavailable:
        sys.stderr.write("Redis does not answer; try: lcm-bridge check\n")
        return FAILED


async def _contacts(settings: Settings, agent: str, *, erase: bool) -> int:
    async with opened_store(settings) as store:
        cache = contact_cache(store, settings)
        if erase:
            await cache.erase(agent)
            sys.stdout.write("erased\n")
            return DONE
        records = await cache.contents(agent)
    table = Table(
        "kind", "account number", "phone number", "campaign", "consent", "given", "leaves", box=None
    )
    for record in sorted(records, key=lambda one: (one["kind"], one["expires"])):
        contact = record["contact"]
        cells = (
            record["kind"],
            str(contact.get("AccountNumber")),
            str(contact.get("PhoneNumber")),
            str(contact.get("CampaignId")),
            record.get("consent") or "",
            moment(record["asked"] / 1000),
            moment(record["expires"] / 1000),
        )
        table.add_row(*map(plain, cells))
    Console().print(table if records else "no contacts are cached for this agent")
    return DONE
