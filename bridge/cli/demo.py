"""``lcm-bridge demo``: run the whole thing and show every operation."""

import argparse
import os
from typing import get_args

from bridge.demo.demo import Options, run
from bridge.simulator.faults import FaultKind

HELP = "run the bridge between private servers and a simulated LCM, and show every operation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --keep, --amqp-url, --redis-url and --fault."""
    parser.add_argument("--keep", action="store_true", help="leave everything running, until Ctrl-C")
    parser.add_argument(
        "--amqp-url",
        default=os.environ.get("BRIDGE_AMQP__URL", ""),
        metavar="URL",
        help="use this RabbitMQ, with names of our own (default: BRIDGE_AMQP__URL, else a private one)",
    )
    parser.add_argument(
        "--redis-url",
        default=os.environ.get("BRIDGE_REDIS__URL", ""),
        metavar="URL",
        help="use this Redis (default: BRIDGE_REDIS__URL, else a private one)",
    )
    parser.add_argument(
        "--fault",
        default="",
        choices=get_args(FaultKind),
        metavar="KIND",
        help="have the simulated LCM misbehave from the start (e.g. wrong_shape): see the demo notice it",
    )


def main(args: argparse.Namespace) -> int:
    """Play it. Gives 0 when every answer was as the contract says, 1 when not or when interrupted."""
    return run(Options(keep=args.keep, amqp_url=args.amqp_url, redis_url=args.redis_url, fault=args.fault))
