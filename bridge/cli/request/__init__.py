"""``lcm-bridge request``: an envelope out, its reply in, and an exit code that says how it ended."""

from bridge.cli.request.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
