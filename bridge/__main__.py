"""``python -m bridge`` is ``lcm-bridge run``, and takes every other command as well.

The script ``lcm-bridge`` begins here too.
"""

import os
import signal
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command, by default that of the command line, and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["run"]:
        # Before the long imports: the first process of a container never hears a signal without a handler,
        # and would start, serve and be killed with calls under way.
        signal.signal(signal.SIGTERM, _end_before_start)

    from bridge.cli import main as run  # noqa: PLC0415 - see above

    return run(given)


def _end_before_start(*_: object) -> None:
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["run"]))
