"""A worker that breaks one of its promises: ``python tests/chaos/broken_worker.py skip-claim``.

It shows that the suite notices. The bridge itself knows nothing of this.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from bridge.bus.consumer import Consumer
from bridge.cli import main
from bridge.messages import Delivery
from bridge.pipeline import Pipeline
from bridge.ports import Claim, LedgerKey
from bridge.store.ledger import LedgerStore


class _Settled:
    """A delivery that was acknowledged before its time."""

    lost = False

    async def ack(self) -> None:
        """Do nothing: that was done."""

    async def requeue(self, *, failed: bool) -> None:
        """Do nothing: it is too late."""


def _acknowledge_before_the_reply() -> None:
    handle = Pipeline.handle

    async def acknowledge_and_handle(self: Pipeline, delivery: Delivery) -> None:
        await delivery.settler.ack()
        await handle(self, replace(delivery, settler=_Settled()))

    Pipeline.handle = acknowledge_and_handle  # type: ignore[method-assign]


def _skip_the_claim() -> None:
    async def claim(_: LedgerStore, key: LedgerKey, __: str, *, repeated: bool = False) -> Claim:
        del repeated
        return Claim(key, uuid4().hex)

    async def forget(*_: object) -> bool:
        return True

    LedgerStore.claim = claim  # type: ignore[method-assign, assignment]
    LedgerStore.complete = forget  # type: ignore[method-assign, assignment]
    LedgerStore.release = forget  # type: ignore[method-assign, assignment]


def _record_nothing() -> None:
    async def complete(self: LedgerStore, claim: Claim, *_: object) -> bool:
        self.abandon(claim)
        return True

    LedgerStore.complete = complete  # type: ignore[method-assign, assignment]


def _handle_in_the_callback() -> None:
    serve = Consumer._serve  # noqa: SLF001 - it is what this is for

    async def serve_and_cancel(self: Consumer, *connection: Any) -> None:
        try:
            await serve(self, *connection)
        finally:  # as client libraries do with the callbacks of a channel that is lost
            for task in self._tasks:
                task.cancel()

    Consumer._serve = serve_and_cancel  # type: ignore[method-assign, assignment] # noqa: SLF001


WAYS: dict[str, Callable[[], None]] = {
    "ack-before-reply": _acknowledge_before_the_reply,
    "skip-claim": _skip_the_claim,
    "do-not-record": _record_nothing,
    "in-callback": _handle_in_the_callback,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]]()
    raise SystemExit(main(["run"]))
