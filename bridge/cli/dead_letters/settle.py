"""``lcm-bridge dead-letters settle``: write into the ledger what became of an unknown outcome."""

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from bridge.cli.broker import broker_fault
from bridge.cli.dead_letters.records import Records
from bridge.cli.dead_letters.show import find
from bridge.configuration import Loaded
from bridge.declarations import limits
from bridge.endings import Ending
from bridge.envelope import ReplyAsRequest, parse
from bridge.exitcodes import DONE, FAILED, WRONG_USAGE
from bridge.failures import Failure
from bridge.jsontypes import JsonObject, JsonValue
from bridge.letters import Letter
from bridge.operations.declared.operation import Declared
from bridge.ports import StoreUnavailable
from bridge.settings import Settings


class NotSettled(Exception):
    """It cannot be settled, for the reason given."""


def run(site: Loaded, args: argparse.Namespace) -> int:
    """Settle one letter and return the exit code: 1 where it cannot be, 2 for a reply that is none."""
    try:
        reply = None if args.not_happened else _value(args.happened)
        letter = _settleable(asyncio.run(find(site, args.id)))
        ending = None if args.not_happened else Ending(_message(site, letter, reply))
        asyncio.run(_settle(site.settings, letter, ending))
    except argparse.ArgumentTypeError as error:
        sys.stderr.write(f"--happened: {error}\n")
        return WRONG_USAGE
    except NotSettled as error:
        sys.stderr.write(f"{args.id} {error}\n")
        return FAILED
    except StoreUnavailable as error:
        sys.stderr.write(f"{error}, so nothing was written; try: lcm-bridge check\n")
        return FAILED
    except CONNECTION_EXCEPTIONS as error:
        sys.stderr.write(f"{broker_fault(error)}\n")
        return FAILED
    _tell(letter, ending)
    return DONE


def _value(text: str) -> JsonValue:
    """Read the value of --happened. Raises `argparse.ArgumentTypeError`, which says what is wrong."""
    if text.startswith("@"):
        try:
            raw = Path(text[1:]).read_bytes()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{text[1:]}: {error.strerror}") from error
    else:
        raw = text.encode(errors="replace")
    try:
        value: JsonValue = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(
            f"not JSON ({error}); a text needs its quotes: '\"0|1|234|0|0|00|1234\"'"
        ) from error
    return value


def _settleable(letter: Letter | None) -> Letter:
    if letter is None:
        raise NotSettled("is not among the dead letters")
    if not letter.unknown_outcome:
        raise NotSettled(f"is there for {letter.reason}: only an outcome-unknown can be settled")
    if not letter.protected:
        raise NotSettled("was unprotected (no key): nothing to settle; replay it with --unsettled or drop it")
    return letter


def _message(site: Loaded, letter: Letter, reply: JsonValue) -> JsonObject:
    """Return the reply's message. Refuses what cannot be the operation's: requesters rely on its form."""
    known = {one.name: one for one in site.catalogue.operations}
    operation = known.get(letter.operation)
    if operation is None or operation.shape is None:
        return {"response": reply}
    if not operation.shape.fits(reply):
        raise argparse.ArgumentTypeError(
            f"the reply of {letter.operation} is {operation.shape.form or 'of another form'}"
        )
    return _as_told(site.settings, operation, letter, reply)


def _as_told(settings: Settings, operation: Declared, letter: Letter, reply: JsonValue) -> JsonObject:
    """Put what the reply repeats of the request beside it."""
    try:
        command = operation.translate(parse(letter.request.body, limits(settings)))
    except (Failure, ReplyAsRequest) as error:
        raise NotSettled(f"cannot be settled: its request is refused today: {error}") from error
    return operation.message(command, reply)


async def _settle(settings: Settings, letter: Letter, ending: Ending | None) -> None:
    records = Records(settings)
    async with records.opened():
        try:
            await records.settle(letter, ending)
        except ValueError as error:
            raise NotSettled(f"cannot be settled: {error}") from error


def _tell(letter: Letter, ending: Ending | None) -> None:
    if ending is None:
        written, replay = "it did not happen", "carries it out"
    else:
        written = f"it happened, and this is its reply: {ending.dump().decode()}"
        replay = "answers the requester with it"
    sys.stdout.write(
        f"written to the ledger, for {letter.operation} with this key: {written}\n"
        f"next:\n"
        f"  lcm-bridge dead-letters replay {letter.id}   # {replay}\n"
        f"  lcm-bridge dead-letters drop {letter.id}     # nobody waits for it\n"
    )
