"""``lcm-bridge dead-letters``: list, show, replay, settle and drop what a person must look at."""

from bridge.cli.dead_letters.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
