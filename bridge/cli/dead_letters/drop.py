"""``lcm-bridge dead-letters drop``: remove letters for good."""

import argparse
import sys
from contextlib import AbstractAsyncContextManager, nullcontext

from bridge.cli.dead_letters.box import Box
from bridge.cli.dead_letters.rounds import carry_out
from bridge.cli.dead_letters.selection import selection
from bridge.configuration import Loaded
from bridge.exitcodes import WRONG_USAGE
from bridge.letters import Letter


def run(site: Loaded, args: argparse.Namespace) -> int:
    """Drop what is meant and return the exit code."""
    if selection(args).everything and not args.all:
        sys.stderr.write("say which letters to drop: ids, a filter, or --all\n")
        return WRONG_USAGE
    return carry_out(site, args, Drop())


class Drop:
    """Removes each letter."""

    verb = "drop"
    past = "dropped"

    def at_hand(self) -> AbstractAsyncContextManager[None]:
        """Need nothing."""
        return nullcontext()

    async def judge(self, letter: Letter) -> str | None:
        """Leave none alone."""
        del letter
        return None

    async def act(self, box: Box, letter: Letter) -> None:
        """Remove one."""
        await box.remove(letter)
