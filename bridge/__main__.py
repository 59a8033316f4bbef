"""``python -m bridge`` is ``lcm-bridge run``, and takes every other command as well."""

import sys

from bridge.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["run"]))
