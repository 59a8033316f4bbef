"""``lcm-bridge contacts AGENT``: what the cache holds for an agent, and its erasure."""

import argparse
import asyncio
import sys

from bridge import logs
from bridge.cli.display import moment, print_table
from bridge.cli.store import contact_cache, opened_store
from bridge.configuration import load
from bridge.exitcodes import DONE, FAILED
from bridge.ports import StoreUnavailable
from bridge.settings import Settings
from bridge.store.contacts import ContactStore

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
    except StoreUnavailable as error:
        sys.stderr.write(f"{error}; try: lcm-bridge check\n")
        return FAILED


async def _erase(cache: ContactStore, agent: str) -> str:
    """Erase, and return what there was."""
    try:
        cached = len(await cache.contents(agent))
    except StoreUnavailable:  # perhaps no contacts stand there, which is mended by erasing them
        cached = 0
    if not await cache.erase(agent):
        return "nothing was kept about this agent"
    return f"erased: {cached or 'no'} cached contacts" + ("" if cached else ", but what else was kept")


async def _contacts(settings: Settings, agent: str, *, erase: bool) -> int:
    async with opened_store(settings) as store:
        cache = contact_cache(store, settings)
        if erase:
            sys.stdout.write(f"{await _erase(cache, agent)}\n")
            return DONE
        records = await cache.contents(agent)
    if not records:
        sys.stdout.write("no contacts are cached for this agent\n")
        return DONE
    rows = []
    for record in sorted(records, key=lambda one: (one["kind"], one["expires"])):
        contact = record["contact"]
        shown = [str(contact.get(name)) for name in ("AccountNumber", "PhoneNumber", "CampaignId")]
        times = (moment(record[name] / 1000) for name in ("asked", "expires"))
        rows.append((record["kind"], *shown, record.get("consent") or "", *times))
    print_table(("kind", "account number", "phone number", "campaign", "consent", "given", "leaves"), rows)
    return DONE
