"""What is known of one request while it is worked on."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from bridge.messages import Delivery
from bridge.metrics import OK, UNKNOWN
from bridge.operations.model import Operation, Route

CacheUse = Literal["hit", "miss", "stale"]

# One variable: structlog has one for each key, and goes through the whole context for each line.
_noted: Final[ContextVar[Mapping[str, str | None]]] = ContextVar("request", default=MappingProxyType({}))


def note(**facts: str | None) -> None:
    """Have these stand on every line that is logged in the task from now on, also on those of libraries."""
    _noted.set({**_noted.get(), **facts})


def noted() -> Mapping[str, str | None]:
    """Return what has been noted in the task."""
    return _noted.get()


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
    outcome: str = OK
    error: str | None = None

    @property
    def operation_name(self) -> str:
        """Return the label of the operation, ``unknown`` while it cannot be told."""
        return self.operation.name if self.operation else UNKNOWN
