"""One round through the letters: those that are meant are judged, and acted upon one by one."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from rich.console import Console
from rich.progress import Progress

from bridge.cli.broker import broker_fault
from bridge.cli.dead_letters.box import Box, opened
from bridge.cli.dead_letters.selection import selection
from bridge.cli.dead_letters.texts import letters, row
from bridge.configuration import Loaded
from bridge.exitcodes import DONE, FAILED, WRONG_USAGE
from bridge.letters import Letter
from bridge.ports import PublishFailed

TOLD_ONE_BY_ONE = 20
"""Letters that are told of in a line each; the others are counted."""


class Errand(Protocol):
    """What a command does to letters."""

    verb: str
    past: str

    def at_hand(self) -> AbstractAsyncContextManager[None]:
        """Have open what judging needs, for one round."""

    async def judge(self, letter: Letter) -> str | None:
        """Tell why a letter is left alone; None: it is not."""

    async def act(self, box: Box, letter: Letter) -> None:
        """Do it. Raises `PublishFailed` and what a lost connection raises."""


@dataclass(slots=True)
class Tally:
    """What a round came to. ``failed`` says why it ended early."""

    done: int = 0
    skipped: int = 0
    looked_at: int = 0
    waiting: int = 0
    meant: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    interrupted: bool = False
    failed: str = ""


class Round:
    """One pass over the queue, as the arguments and the selection say."""

    def __init__(self, site: Loaded, args: argparse.Namespace, errand: Errand) -> None:
        self._site = site
        self._args = args
        self._errand = errand
        self._selection = selection(args)

    async def walk(self, *, pretend: bool) -> Tally:
        """Act upon every letter that is meant, or with ``pretend`` only count; ends early on a signal."""
        tally, stop = Tally(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _stop, stop)
        try:
            async with self._errand.at_hand(), opened(self._site) as box:
                tally.waiting = box.waiting
                with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
                    bar = progress.add_task("letters", total=box.waiting)
                    await self._pass(box, tally, stop, lambda: progress.advance(bar), pretend=pretend)
        except (*CONNECTION_EXCEPTIONS, PublishFailed) as error:
            tally.failed = broker_fault(error)
        tally.interrupted = stop.is_set()
        return tally

    async def _pass(
        self, box: Box, tally: Tally, stop: asyncio.Event, advance: Callable[[], None], *, pretend: bool
    ) -> None:
        rate, limit = getattr(self._args, "rate", None), self._args.limit
        async for letter in box.letters():
            tally.looked_at = box.looked_at
            acted = await self._meet(box, letter, tally, pretend=pretend)
            advance()
            if limit is not None and tally.done >= limit:
                return
            if acted and rate and not pretend and box.looked_at < box.waiting:
                await _wait(stop, 1 / rate)
            if stop.is_set():
                return

    async def _meet(self, box: Box, letter: Letter, tally: Tally, *, pretend: bool) -> bool:
        if not self._selection.takes(letter):
            return False
        if self._selection.ids:
            tally.seen.add(letter.id)
        reason = await self._errand.judge(letter)
        if reason is None and not pretend:
            reason = await self._act(box, letter)
        if reason is not None:
            tally.skipped += 1
            if self._selection.ids:
                tally.refused.add(letter.id)
            if len(tally.reasons) < TOLD_ONE_BY_ONE:
                tally.reasons.append(f"{letter.id} is left alone: {reason}")
            return False
        tally.done += 1
        if pretend and len(tally.meant) < TOLD_ONE_BY_ONE:
            tally.meant.append(row(letter))
        return True

    async def _act(self, box: Box, letter: Letter) -> str | None:
        try:
            await self._errand.act(box, letter)
        except PublishFailed as error:
            if error.kind != "impossible":  # the next one would fare no better
                raise
            return str(error)
        return None

    def tell(self, tally: Tally, *, what: str, skipped: bool) -> int:
        """Print what a round came to and return the exit code."""
        if skipped:
            _write_bounded(tally.reasons, tally.skipped)
        sys.stdout.flush()
        left = tally.waiting - tally.looked_at
        line = f"{letters(tally.done)} {what}, {tally.skipped} left alone, of {tally.looked_at} looked at"
        missing = sorted(self._selection.ids - tally.seen)
        if tally.interrupted:
            line = f"interrupted: {line}; the other {left} were not touched"
        elif left and not tally.failed:
            line += f"; {left} more were not looked at"
        sys.stdout.write(f"{line}\n")
        if tally.failed:
            sys.stderr.write(f"{tally.failed}\n")
        elif missing and not left:
            sys.stderr.write(f"not among the dead letters: {', '.join(missing)}\n")
        return FAILED if tally.failed or tally.interrupted or missing or tally.refused else DONE


def _stop(stop: asyncio.Event) -> None:
    if stop.is_set():  # the second signal: the broker takes back what is not settled
        os._exit(FAILED)
    stop.set()


def carry_out(site: Loaded, args: argparse.Namespace, errand: Errand) -> int:
    """Do the errand with every letter that is meant, after asking, and return the exit code."""
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        sys.stderr.write(
            f"there is no terminal to ask on: add --yes to {errand.verb}, "
            "or --dry-run to see what would be done\n"
        )
        return WRONG_USAGE
    one = Round(site, args, errand)
    if args.dry_run or not args.yes:
        tally = asyncio.run(one.walk(pretend=True))
        sys.stdout.writelines(f"{line}\n" for line in tally.meant)
        if tally.done > len(tally.meant):
            sys.stdout.write(f"... and {tally.done - len(tally.meant)} more\n")
        code = one.tell(tally, what=f"would be {errand.past}", skipped=True)
        if args.dry_run or tally.failed or tally.interrupted or not tally.done:
            return code
        if not _agreed(f"{errand.verb} {letters(tally.done)}? [y/N] "):
            sys.stdout.write("nothing was done\n")
            return FAILED
    tally = asyncio.run(one.walk(pretend=False))
    return one.tell(tally, what=errand.past, skipped=args.yes)


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().casefold() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        sys.stdout.write("\n")
        return False


def _write_bounded(lines: list[str], total: int) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    if total > len(lines):
        sys.stderr.write(f"... and {total - len(lines)} more\n")


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
