"""``lcm-bridge healthcheck``: for a container's HEALTHCHECK, which has no curl."""

import argparse
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from bridge.configuration import load
from bridge.exitcodes import DONE, FAILED

HELP = "ask a running worker on this machine whether it is alive (or --ready)"

TIMEOUT_SECONDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take ``--ready``."""
    parser.add_argument("--ready", action="store_true", help="ask whether it serves requests")


def main(args: argparse.Namespace) -> int:
    """Return 0 if the worker says yes, else 1. Raises `bridge.configuration.BadSettings`."""
    admin = load().settings.admin
    host = "127.0.0.1" if admin.host in ("0.0.0.0", "::", "") else admin.host  # noqa: S104 - compared, not bound
    connection = HTTPConnection(host, admin.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz" if args.ready else "/livez")
        response = connection.getresponse()
        body = response.read(10_000).decode(errors="replace")
    except (OSError, HTTPException) as error:
        problem = f"no answer from the admin server on {host}:{admin.port}: {error}"
        sys.stderr.write(f"{problem}; does a worker run here, with this admin.host and admin.port?\n")
        return FAILED
    finally:
        connection.close()
    sys.stdout.write(body + "\n")
    return DONE if response.status == HTTPStatus.OK else FAILED
