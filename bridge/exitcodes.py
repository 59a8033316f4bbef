"""How a process of the bridge ends. ``lcm-bridge request`` has more, see `bridge.cli.request.ending`."""

from signal import SIGINT
from typing import Final

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
"""Or wrong settings."""
INTERRUPTED: Final = 128 + SIGINT
"""By Ctrl-C, as shells tell it."""
