"""``lcm-bridge dead-letters list``."""

import argparse
import asyncio
import sys

import orjson
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from rich.console import Console
from rich.table import Table

from bridge.cli.dead_letters.box import opened
from bridge.cli.dead_letters.selection import selection
from bridge.cli.dead_letters.texts import as_json, broker_fault, error_text, key_text, letters, moment
from bridge.cli.display import plain
from bridge.letters import Letter
from bridge.settings import Settings


def run(settings: Settings, args: argparse.Namespace) -> int:
    """Print the letters that are meant and how many there are; 1 if RabbitMQ is away."""
    try:
        asyncio.run(_list(settings, args))
    except CONNECTION_EXCEPTIONS as error:
        sys.stderr.write(f"{broker_fault(error)}\n")
        return 1
    return 0


async def _list(settings: Settings, args: argparse.Namespace) -> None:
    chosen, mask = selection(args), settings.log.mask
    table = Table("id", "when", "reason", "operation", "attempts", "error", "key", box=None, pad_edge=False)
    shown = 0
    async with opened(settings) as box:
        async for letter in box.letters():
            if not chosen.takes(letter):
                continue
            shown += 1
            if args.json:
                sys.stdout.write(orjson.dumps(as_json(letter, mask=mask)).decode() + "\n")
            else:
                _add(table, letter, mask=mask)
            if shown >= args.limit:
                break
    if shown and not args.json:
        Console().print(table)
    more = box.waiting - box.looked_at
    rest = f"{more} more were not looked at (--limit {args.limit})" if more else "there are no more"
    # Beside the lines for machines, so that those stay what they are.
    out = sys.stderr if args.json else sys.stdout
    out.write(f"{letters(shown)} of {box.looked_at} looked at; {rest}\n")


def _add(table: Table, letter: Letter, *, mask: bool) -> None:
    cells = (
        letter.id,
        moment(letter),
        letter.reason,
        letter.operation,
        "" if letter.attempts is None else str(letter.attempts),
        error_text(letter, mask=mask),
        key_text(letter, mask=mask),
    )
    table.add_row(*map(plain, cells))
