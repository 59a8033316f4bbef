"""``lcm-bridge completion SHELL``: a script by which a shell completes commands, options and operations."""

import argparse
import sys

from bridge.exitcodes import DONE

HELP = "print a script that completes commands, options and names of operations in a shell"

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the shell."""
    parser.add_argument("shell", choices=SHELLS, help="for bash: source <(lcm-bridge completion bash)")


def main(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab  # noqa: PLC0415 - other commands start without it

    from bridge.cli import COMMANDS, parser_of  # noqa: PLC0415 - it imports this

    sys.stdout.write(shtab.complete(parser_of(COMMANDS), args.shell) + "\n")
    return DONE
