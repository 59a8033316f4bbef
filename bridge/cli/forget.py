"""``lcm-bridge forget TEXT``: erase from Redis what mentions a person or an agent."""

import argparse
import asyncio
import shlex
import sys

from bridge import logs
from bridge.cli.arguments import mention
from bridge.cli.store import contact_cache, opened_store
from bridge.configuration import load
from bridge.exitcodes import DONE, FAILED
from bridge.mentions import Mention
from bridge.ports import StoreUnavailable
from bridge.settings import Settings
from bridge.store.erasure import Erased, Erasure

HELP = "erase cached contacts and stored replies that mention a phone number, an LCM key or an agent"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is looked for."""
    parser.add_argument(
        "text",
        type=mention,
        metavar="TEXT",
        help="a phone number, an LCM key or an agent's id, as LCM spells it",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say how much there is")


def main(args: argparse.Namespace) -> int:
    """Return 0 if Redis answered, else 1. Raises `bridge.configuration.BadSettings`."""
    settings = load().settings
    logs.configure_for_a_command()
    try:
        erased = asyncio.run(_forget(settings, args.text, pretend=args.dry_run))
    except StoreUnavailable as error:
        sys.stderr.write(f"not all is erased: {error}; try: lcm-bridge check, then again\n")
        return FAILED
    told = "there are" if args.dry_run else "erased:"
    sys.stdout.write(f"{told} {erased.contacts} cached contacts, {erased.replies} stored replies\n")
    letters = f"lcm-bridge dead-letters list --mentioning {shlex.quote(args.text.wanted)}"
    sys.stdout.write(f"what else may mention it: {letters}\n")
    return DONE


async def _forget(settings: Settings, wanted: Mention, *, pretend: bool) -> Erased:
    async with opened_store(settings) as store:
        erasure = Erasure(store, contact_cache(store, settings), prefix=settings.redis.prefix)
        return await erasure.erase(wanted, pretend=pretend)
