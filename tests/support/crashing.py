"""A worker that dies at a named point: ``python tests/support/crashing.py claimed``.

The death is a real SIGKILL from inside, right after the named step has succeeded and before the next
one begins. The bridge itself knows nothing of this.
"""

import os
import signal
import sys
from typing import Any

from bridge.cli import main
from bridge.lcm.client import LcmClient
from bridge.outbox import Outbox
from bridge.pipeline import Pipeline
from bridge.store.ledger import LedgerStore

POINTS: dict[str, tuple[type, str]] = {
    "claimed": (LedgerStore, "claim"),
    "called": (LcmClient, "call"),
    "recorded": (LedgerStore, "complete"),
    "released": (LedgerStore, "release"),
    "replied": (Outbox, "tell_success"),
    "failure told": (Outbox, "tell_failure"),
    "dead-lettered": (Outbox, "dead_letter"),
    "parked": (Outbox, "park"),
}
"""Each point, and the method whose success it follows; ``delivered`` comes before them all."""


def program(point: str) -> tuple[str, ...]:
    """Return the arguments of Python that run a worker which dies there."""
    return (__file__, point)


def _die_after(point: str) -> None:
    if point == "delivered":
        Pipeline.handle = _die  # type: ignore[method-assign, assignment]  # it is what this is for
        return
    owner, name = POINTS[point]
    step = getattr(owner, name)

    async def succeed_and_die(*args: Any, **options: Any) -> None:
        await step(*args, **options)
        await _die()

    setattr(owner, name, succeed_and_die)


async def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _die_after(sys.argv[1])
    raise SystemExit(main(["run"]))
