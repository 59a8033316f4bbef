"""Chooses what to measure: `python -m bench compare`; `--help` names the others."""

import argparse
import asyncio
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import compare, growth, latency, machine, profile, report, scaling, startup
from bench.amqp import AmqpFailed
from bench.processes import ProgramFailed
from bench.stage import set_stage
from bridge.demo.servers import ServerFailed, ServerMissing

EXPERIMENTS = {
    "compare": compare,
    "latency": latency,
    "scaling": scaling,
    "growth": growth,
    "startup": startup,
    "profile": profile,
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(prog="python -m bench", description=compare.__doc__.splitlines()[0])
    experiments = whole.add_subparsers(dest="experiment", metavar="EXPERIMENT", required=True)
    for name, module in EXPERIMENTS.items():
        one = experiments.add_parser(name, help=module.HELP, description=module.__doc__)
        one.add_argument("--output", type=Path, help="JSON file; bench/results/<date>-<experiment>.json")
        module.add_arguments(one)
    return whole


async def run(arguments: argparse.Namespace) -> int:
    """Run one experiment; return the exit code."""
    async with set_stage() as stage:
        described = await machine.describe(stage)
        found = await EXPERIMENTS[arguments.experiment].run(stage, arguments)
    report.show(found, described)
    given = {name: _plain(value) for name, value in vars(arguments).items() if name != "output"}
    path = report.write(found, described | {"arguments": given}, arguments.output)
    sys.stdout.write(f"\nwritten: {path}\n")
    if arguments.experiment == "compare" and importlib.util.find_spec("matplotlib"):
        from bench import plot  # noqa: PLC0415 - needs matplotlib, which is not wanted for measuring

        plot.main([str(path)])
    return 1 if found.faults else 0


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def main(given: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 1 when a reply was lost, repeated or wrong."""
    arguments = parser().parse_args(given)
    try:
        return asyncio.run(run(arguments))
    except (AmqpFailed, ProgramFailed, ServerFailed, ServerMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
