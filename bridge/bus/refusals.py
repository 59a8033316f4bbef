"""Whether to believe the broker that it refuses a message.

It refuses what goes to a full queue. But where the leader of a quorum queue dies, RabbitMQ 3.10 also refuses
whatever a channel publishes to that queue for the first time, and goes on to on that channel for ever, while
what the channel publishes elsewhere is confirmed. A channel that is opened after the queue has a new leader
is not refused.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

ELECTION: Final = 2.0
"""Seconds in which a quorum queue finds a new leader; one takes less than half a second."""

LATELY: Final = 30.0
"""Seconds after which a refusal says nothing about the next one."""

MOST: Final = 1_000
"""Destinations that are remembered."""


class Destination(NamedTuple):
    """Where a message is published to."""

    exchange: str
    routing_key: str


@dataclass(slots=True)
class _Refused:
    first: float
    last: float


class Refusals:
    """The destinations of one publisher that refused their last message; times by `time.monotonic`."""

    def __init__(self) -> None:
        self._refused: OrderedDict[Destination, _Refused] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._refused)

    def refused(self, destination: Destination, opened: float) -> bool:
        """Take a refusal down; return whether it is to be believed of a channel that was ``opened`` then."""
        now = time.monotonic()
        before = self._refused.pop(destination, None)
        if before is None or now - before.last > LATELY:
            before = _Refused(now, now)
        before.last = now
        self._refused[destination] = before
        if len(self._refused) > MOST:
            self._refused.popitem(last=False)
        return opened - before.first >= ELECTION

    def taken(self, destination: Destination) -> None:
        """Take down that it is no longer so."""
        self._refused.pop(destination, None)
