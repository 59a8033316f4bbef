"""``python -m chaos``: many clients, several workers, everything fails, and the sums must hold."""

import argparse
import asyncio
import sys
from pathlib import Path

from chaos.forgetful import measure
from chaos.run import run
from chaos.sites import Plan
from chaos.workers import BRIDGE

BROKEN_WORKER = Path(__file__).with_name("broken_worker.py")
SHOWN_BY = {
    "ack-before-reply": "worker killed",
    "skip-claim": "same request twice",
    "do-not-record": "same request twice",
    "in-callback": "all connections cut",
}
"""The fault by which each way to break a worker shows soonest."""


def main() -> int:
    """Read the command line, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("mode", nargs="?", choices=["run", "forgetful"], default="run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=0, help="how many at least (20,000)")
    parser.add_argument(
        "--seconds", type=float, default=0, help="how long at least; then --requests is not used"
    )
    parser.add_argument("--rate", type=float, default=80, help="new requests per second")
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault is injected at least")
    parser.add_argument("--faults", default="", help="only these, comma separated")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument(
        "--break",
        dest="broken",
        default="",
        choices=SHOWN_BY,
        help="break the workers, to see that it is noticed",
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="how long each call of LCM takes")
    parser.add_argument("--pause", type=float, default=2.5, help="seconds between two faults, on average")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    given = parser.parse_args()
    if given.mode == "forgetful":
        asyncio.run(measure(given.seed, _print))
        return 0
    requests = given.requests or (600 if given.broken else 20_000)
    faults = given.faults or SHOWN_BY.get(given.broken, "")
    plan = Plan(
        seed=given.seed,
        requests=0 if given.seconds else requests,
        seconds=given.seconds,
        rate=given.rate,
        rounds=given.rounds,
        pause=(0.5 * given.pause, 1.5 * given.pause),
        faults=tuple(name.strip() for name in faults.split(",") if name.strip()) or None,
        workers=given.workers,
        latency_ms=given.latency_ms or (150 if given.broken else 0),
        program=(str(BROKEN_WORKER), given.broken) if given.broken else BRIDGE,
        keep=given.keep,
    )
    outcome = asyncio.run(run(plan, _print))
    return 0 if outcome.passed else 1


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    sys.exit(main())
