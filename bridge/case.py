"""What is known of one request while it is worked on."""

from dataclasses import dataclass
from typing import Literal

from bridge.messages import Delivery
from bridge.metrics import UNKNOWN
from bridge.operations.model import Operation, Route

CacheUse = Literal["hit", "miss", "stale"]


@dataclass(slots=True)
class Case:
    """What has become known of one request while it is worked on.

    ``effect_begun``: LCM may act on this delivery; ``doubtful``: it may have acted on another of the request;
    ``effect_done``: it did act on one of them.
    ``replayed``: its answer was stored by an earlier delivery. ``breaker_open``: LCM was not even asked.
    """

    delivery: Delivery
    started: float
    channel: str | None = None
    operation: Operation | None = None
    route: Route | None = None
    deadline: float | None = None
    cache: CacheUse | None = None
    effect_begun: bool = False
    effect_done: bool = False
    doubtful: bool = False
    breaker_open: bool = False
    replayed: bool = False
    outcome: str = "ok"
    error: str | None = None

    @property
    def operation_name(self) -> str:
        """Return the label of the operation, ``unknown`` while it cannot be told."""
        return self.operation.name if self.operation else UNKNOWN
