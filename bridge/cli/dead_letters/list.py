"""``lcm-bridge dead-letters list``."""

import argparse
import asyncio
import sys
from typing import NamedTuple

import orjson
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.cli.broker import broker_fault
from bridge.cli.dead_letters.box import opened
from bridge.cli.dead_letters.selection import selection
from bridge.cli.dead_letters.texts import as_json, error_text, key_text, letters, moment
from bridge.cli.display import print_table
from bridge.configuration import Loaded
from bridge.exitcodes import DONE, FAILED
from bridge.letters import Letter, without_body


class Listed(NamedTuple):
    """The letters that are meant, and what was not looked at for them."""

    letters: list[Letter]
    looked_at: int
    more: int


def run(site: Loaded, args: argparse.Namespace) -> int:
    """Print the letters that are meant and how many there are; 1 if RabbitMQ is away."""
    try:
        listed = asyncio.run(_list(site, args))
    except CONNECTION_EXCEPTIONS as error:
        sys.stderr.write(f"{broker_fault(error)}\n")
        return FAILED
    mask = site.settings.log.mask
    if args.json:
        lines = (orjson.dumps(as_json(letter, mask=mask)).decode() for letter in listed.letters)
        sys.stdout.writelines(f"{line}\n" for line in lines)
    elif listed.letters:
        headings = ("id", "when", "reason", "operation", "attempts", "error", "key")
        print_table(headings, (_row(letter, mask=mask) for letter in listed.letters))
    rest = (
        f"{listed.more} more were not looked at (--limit {args.limit})"
        if listed.more
        else "there are no more"
    )
    # Beside the lines for machines, so that those stay what they are.
    out = sys.stderr if args.json else sys.stdout
    out.write(f"{letters(len(listed.letters))} of {listed.looked_at} looked at; {rest}\n")
    return DONE


async def _list(site: Loaded, args: argparse.Namespace) -> Listed:
    chosen, found = selection(args), []
    async with opened(site) as box:
        async for letter in box.letters():
            if chosen.takes(letter):
                found.append(without_body(letter))
                if len(found) == args.limit:
                    break
        return Listed(found, box.looked_at, box.waiting - box.looked_at)


def _row(letter: Letter, *, mask: bool) -> tuple[str, ...]:
    return (
        letter.id,
        moment(letter),
        letter.reason,
        letter.operation,
        "" if letter.attempts is None else str(letter.attempts),
        error_text(letter, mask=mask),
        key_text(letter, mask=mask),
    )
