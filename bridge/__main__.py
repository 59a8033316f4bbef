"""``python -m bridge`` is ``lcm-bridge run``, and takes every other command as well."""

import os
import signal
import sys


def _end_before_start(*_: object) -> None:
    os._exit(0)


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["run"]
    if arguments[0] == "run":
        # Before the long imports: the first process of a container never hears a signal without a handler,
        # and would start, serve and be killed with calls under way.
        signal.signal(signal.SIGTERM, _end_before_start)

    from bridge.cli import main

    sys.exit(main(arguments))
