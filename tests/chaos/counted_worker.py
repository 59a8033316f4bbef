"""A worker that tells how many asyncio tasks it has: ``python tests/chaos/counted_worker.py [leak]``."""

import asyncio
import sys

from prometheus_client import Gauge

from bridge.cli import main
from bridge.messages import Delivery
from bridge.metrics import Metrics
from bridge.pipeline import Pipeline

TASKS = "soak_asyncio_tasks"
LEAKING = "leak"
LEAKED_BYTES = 2_000


def _count_tasks() -> None:
    initialise = Metrics.__init__

    def initialise_and_count(self: Metrics) -> None:
        initialise(self)
        gauge = Gauge(TASKS, "tasks of the event loop", registry=self.registry)
        gauge.set_function(lambda: float(len(asyncio.all_tasks())))

    Metrics.__init__ = initialise_and_count  # type: ignore[method-assign]


def _leak() -> None:
    handle, kept = Pipeline.handle, []

    async def keep_and_handle(self: Pipeline, delivery: Delivery) -> None:
        kept.append(bytearray(LEAKED_BYTES))
        await handle(self, delivery)

    Pipeline.handle = keep_and_handle  # type: ignore[method-assign]


if __name__ == "__main__":
    _count_tasks()
    if LEAKING in sys.argv[1:]:
        _leak()
    raise SystemExit(main(["run"]))
