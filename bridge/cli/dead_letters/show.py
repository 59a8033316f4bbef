"""``lcm-bridge dead-letters show``: everything about one letter."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from dataclasses import fields

from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.cli.broker import broker_fault
from bridge.cli.dead_letters.box import opened
from bridge.cli.dead_letters.records import Records, described
from bridge.cli.dead_letters.texts import body_text, moment, printable
from bridge.cli.display import plain, print_table
from bridge.configuration import Loaded
from bridge.exitcodes import DONE, FAILED
from bridge.letters import Letter
from bridge.logs import mask_text
from bridge.messages import Properties
from bridge.ports import StoreUnavailable


def run(site: Loaded, args: argparse.Namespace) -> int:
    """Print the letter; 1 if there is none or RabbitMQ is away."""
    try:
        letter = asyncio.run(find(site, args.id))
    except CONNECTION_EXCEPTIONS as error:
        sys.stderr.write(f"{broker_fault(error)}\n")
        return FAILED
    if letter is None:
        sys.stderr.write(f"not among the dead letters: {args.id}\n")
        return FAILED
    known = asyncio.run(_known(site, letter))
    rows = [*_rows(letter), ("ledger", known)]
    print_table(("", ""), [(name, mask_text(value) if args.mask else value) for name, value in rows])
    body = body_text(letter.request.body)
    # By itself: a table's printer takes seconds for a megabyte of short lines.
    sys.stdout.write(plain(f"\n{mask_text(body) if args.mask else body}\n").plain)
    return DONE


async def find(site: Loaded, letter_id: str) -> Letter | None:
    """Return a letter by its id, None if there is none. Raises what a broker that is away raises."""
    async with opened(site) as box:
        async for letter in box.letters():
            if letter.id == letter_id:
                return letter
    return None


async def _known(site: Loaded, letter: Letter) -> str:
    if not letter.protected:
        return letter.key_fault or "knows nothing of it: it has no key, or its operation is unknown"
    records = Records(site.settings)
    try:
        async with records.opened():
            return described(await records.look(letter), unknown_outcome=letter.unknown_outcome)
    except StoreUnavailable as error:
        return str(error)


def _rows(letter: Letter) -> Iterator[tuple[str, str]]:
    yield "id", letter.id
    yield "when", moment(letter)
    yield "reason", letter.reason
    yield "error", letter.error
    yield "operation", letter.operation
    yield "attempts", "" if letter.attempts is None else str(letter.attempts)
    yield "key", f"{letter.key.text} ({letter.key.source})" if letter.key else letter.key_fault or "none"
    yield "published to", f"exchange {letter.request.exchange!r}, routing key {letter.request.routing_key!r}"
    yield "signed", "by the bridge" if letter.signed else "no: from the broker, or from elsewhere"
    if letter.unreadable:
        yield "lost properties", letter.unreadable
    for field in fields(Properties):
        value = getattr(letter.properties, field.name)
        if field.name != "headers" and value is not None:
            yield f"property {field.name}", printable(value)
    for name, value in sorted(letter.properties.headers.items()):
        yield f"header {printable(name)}", printable(value)
