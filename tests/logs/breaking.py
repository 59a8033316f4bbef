"""A worker with a fault of its own: it fails at requests that say so, quoting all that it knows of them."""

from typing import Any

from bridge.case import Case
from bridge.cli import main
from bridge.operations.model import Answer
from bridge.outbox import Outbox

BREAKS = "breaks"
"""Message ids begin with it where the worker is to fail."""

PROGRAM = (__file__,)

tell_success = Outbox.tell_success


async def fail(self: Outbox, case: Case, answer: Answer) -> None:
    """Tell of a success, or fail with local variables that hold personal data."""
    body: Any = case.delivery.body
    if (case.delivery.properties.message_id or "").startswith(BREAKS):
        raise ValueError(f"cannot tell {answer.message!r} of {body!r}")
    await tell_success(self, case, answer)


if __name__ == "__main__":
    Outbox.tell_success = fail  # type: ignore[method-assign]  # it is what this is for
    main(["run"])
