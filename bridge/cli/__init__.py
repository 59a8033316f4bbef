"""The command line: ``lcm-bridge COMMAND``. One module per command, imported when it is used.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 Ctrl-C; ``request`` has more, which say how it
failed.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from bridge import __version__
from bridge.cli import streams
from bridge.configuration import BadSettings
from bridge.exitcodes import FAILED, INTERRUPTED, WRONG_USAGE

COMMANDS = (
    *("run", "check", "config", "request", "contacts", "forget", "dead-letters", "pause", "resume"),
    *("operations", "asyncapi", "docs"),
    *("simulator", "demo", "healthcheck"),
    "completion",
)


def parser_of(names: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows these commands."""
    parser = argparse.ArgumentParser(
        prog="lcm-bridge",
        description="Widget envelopes from RabbitMQ, translated into calls of the LCM WebService.",
        epilog="Settings come from variables BRIDGE_<GROUP>__<NAME>, files of these names in"
        " BRIDGE_SECRETS_DIR, and config/bridge.toml or the file that BRIDGE_CONFIG names; lcm-bridge config"
        " shows them all. Where something does not work: lcm-bridge check. Exit code: 0 done, 1 failed,"
        " 2 wrong usage or settings, 130 Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=f"lcm-bridge {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        module = import_module(f"bridge.cli.{name.replace('-', '_')}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(main=module.main)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; argparse itself exits with 2 on wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    streams.open_closed()
    if given[:1] != ["run"]:  # its log bears that in a way of its own, and says so (`bridge.logs.output`)
        streams.bear()
    # Only the command that is asked for is imported; the list of all needs them all.
    chosen = parser_of(given[:1] if given and given[0] in COMMANDS else COMMANDS).parse_args(given)
    try:
        code: int = chosen.main(chosen)
    except BadSettings as error:
        sys.stderr.write("the settings cannot be right:\n")
        sys.stderr.writelines(f"  {fault}\n" for fault in error.faults)
        return WRONG_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    if given[:1] != ["run"] and (problem := streams.unwritten()):
        sys.stderr.write(f"standard output: {problem}: not all was written\n")
        return code or FAILED
    return code
