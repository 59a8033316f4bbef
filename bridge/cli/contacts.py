"""``lcm-bridge contacts AGENT``: what the cache holds for an agent, and its erasure."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bridge import logs
from bridge.cli.display import print_table
from bridge.configuration import load
from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Log, Settings
from bridge.store.connection import Store, connect
from bridge.store.contacts import ContactStore

HELP = "list the contacts cached for an agent, or erase them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the agent, and whether to erase."""
    parser.add_argument("agent", metavar="AGENT", help="the agent's id, as requests spell it")
    parser.add_argument("--erase", action="store_true", help="remove everything that is kept about the agent")


def main(args: argparse.Namespace) -> int:
    """Return 0 if Redis answered, else 1. Raises `bridge.configuration.BadSettings`."""
    settings = load().settings
    logs.configure(Log(level="ERROR", format="console"))
    try:
        return asyncio.run(_contacts(settings, args.agent, erase=args.erase))
    except StoreUnavailable:
        sys.stderr.write("Redis does not answer; try: lcm-bridge check\n")
        return 1


async def _contacts(settings: Settings, agent: str, *, erase: bool) -> int:
    store = Store(connect(settings.redis), settings.redis, Metrics())
    cache = ContactStore(
        store, settings.contacts, prefix=settings.redis.prefix, zone=ZoneInfo(settings.lcm.timezone)
    )
    try:
        await store.look()
        if erase:
            await cache.erase(agent)
            sys.stdout.write("erased\n")
            return 0
        records = await cache.contents(agent)
    finally:
        await store.close()
    if not records:
        sys.stdout.write("no contacts are cached for this agent\n")
        return 0
    rows = []
    for record in sorted(records, key=lambda one: (one["kind"], one["expires"])):
        contact = record["contact"]
        told = [str(contact.get(name)) for name in ("AccountNumber", "PhoneNumber", "CampaignId")]
        times = _moment(record["asked"]), _moment(record["expires"])
        rows.append((record["kind"], *told, record.get("consent") or "", *times))
    print_table(("kind", "account number", "phone number", "campaign", "consent", "given", "leaves"), rows)
    return 0


def _moment(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
