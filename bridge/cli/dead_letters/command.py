"""The command: takes one of the actions, and leaves it to the module of that name."""

import argparse
import sys
from importlib import import_module

from bridge import logs
from bridge.cli.arguments import number
from bridge.cli.dead_letters.selection import add_selection, count, letter_id
from bridge.configuration import load
from bridge.exitcodes import FAILED, WRONG_USAGE
from bridge.operations.model import UNKNOWN

HELP = "list, show, replay, settle or drop dead letters"

LISTED = 1000
"""Letters that ``list`` shows unless it is told otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take one of the actions, each with arguments of its own; its module is named like it."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    help_of = {
        "list": "what is there, in the queue's order",
        "show": "everything about one letter, with its body",
        "replay": "send requests again, with their keys and without their deadlines",
        "settle": "write into the ledger what became of an unknown outcome",
        "drop": "remove letters for good",
    }
    made = {name: actions.add_parser(name, help=text, description=text) for name, text in help_of.items()}

    add_selection(made["list"])
    made["list"].add_argument(
        "--limit", type=count, default=LISTED, metavar="N", help=f"show at most N ({LISTED})"
    )
    made["list"].add_argument("--json", action="store_true", help="one JSON object per line")

    made["show"].add_argument("id", type=letter_id, metavar="ID", help="as list prints it")
    made["show"].add_argument("--mask", action="store_true", help="mask phone numbers")

    add_selection(made["replay"])
    _add_round(made["replay"])
    made["replay"].add_argument(
        "--rate", type=number(0.001, 1_000_000), metavar="N", help="at most N per second (may be 0.5)"
    )
    made["replay"].add_argument(
        "--unsettled",
        action="store_true",
        help="also those whose outcome is unknown: LCM may do again what it has done",
    )

    settle = made["settle"]
    settle.add_argument("id", type=letter_id, metavar="ID", help="as list prints it")
    found = settle.add_mutually_exclusive_group(required=True)
    found.add_argument(
        "--happened", metavar="REPLY", help="it did: message.response of the reply, as JSON or @FILE"
    )
    found.add_argument("--not-happened", action="store_true", help="it did not: a replay carries it out")

    add_selection(made["drop"])
    _add_round(made["drop"])
    made["drop"].add_argument(
        "--all", action="store_true", help="every letter; needed where nothing is named"
    )


def _add_round(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=count, metavar="N", help="at most N letters")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def main(args: argparse.Namespace) -> int:
    """Return 0 when it was done, 1 when not, 2 for wrong usage. Raises `bridge.configuration.BadSettings`."""
    loaded = load()
    logs.configure_for_a_command()
    wanted = getattr(args, "operation", None)
    names = [*(one.name for one in loaded.catalogue.operations), UNKNOWN]
    if wanted is not None and wanted not in names:
        sys.stderr.write(f"usage: --operation O, where O is one of {', '.join(names)}; not {wanted!a}\n")
        return WRONG_USAGE
    # Imported here so that the other commands start without the client libraries.
    action = import_module(f"bridge.cli.dead_letters.{args.action}")
    try:
        code: int = action.run(loaded, args)
    except KeyboardInterrupt:
        return FAILED
    return code
