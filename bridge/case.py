"""What is known of one request while it is worked on."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any, Final, Literal, get_args

import structlog

from bridge.messages import Delivery, Reason
from bridge.metrics import OK
from bridge.operations.model import UNKNOWN, Operation, Route
from bridge.ports import Confirmation, Tries
from bridge.quotes import Quotes
from bridge.tracing.trace import UNTRACED, Span, Trace

log = structlog.get_logger(__name__)

CacheUse = Literal["hit", "miss", "stale"]

StepName = Literal["claim", "cache", "lcm", "record", "publish"]
"""What a request waits for: the ledger before and after the call, the contact cache, LCM, the broker."""

LedgerUse = Literal["unprotected", "unrecorded", "not_recorded", "recorded_late", "not_released"]
"""How a side effect went without the ledger, or past it: the events of these names say more."""

_SECONDS: Final = {name: f"{name}_seconds" for name in get_args(StepName)}


class About:
    """What the lines about one request bear, and must not quote, until it is settled: its ids and its data.

    Connections, timers and shared tasks keep the context that they are made in, and outlive the request:
    after its `end` they hold an empty one.
    """

    __slots__ = ("ids", "quotes")

    def __init__(self, quotes: Quotes | None, ids: dict[str, str | None]) -> None:
        self.ids = ids
        self.quotes = quotes

    def end(self) -> None:
        """Have no line bear its ids any more, and let go of its data."""
        self.ids = {}
        self.quotes = None


_NOBODY: Final = About(None, {})

# One variable: structlog has one for each key, and goes through the whole context for each line.
_about: Final[ContextVar[About]] = ContextVar("about")


def log_about(said: Mapping[str, Any] | bytes | None = None, /, **ids: str | None) -> About:
    """Have these ids stand on every line that is logged in the task from now on, also on those of libraries.

    ``said`` is what lines must not quote: the request's body, while it is unread.
    """
    about = About(Quotes(said) if said else None, ids)
    _about.set(about)
    return about


def note(**facts: str | None) -> None:
    """Have these stand on the lines of the request too. Raises LookupError outside of one."""
    _about.get().ids.update(facts)


def noted() -> Mapping[str, str | None]:
    """Return what stands on the lines of the request that is worked on, if there is one."""
    return _about.get(_NOBODY).ids


def tell_fault(error: Exception, then: str) -> None:
    """Log a fault of the bridge itself at a request; ``then`` says what becomes of the request."""
    log.error(
        "request.internal_error",
        error=f"{type(error).__name__}: {error}",
        exc_info=error,
        next=f"a fault of the bridge: report it; {then}",
    )


def keep_private(said: Mapping[str, Any] | bytes) -> None:
    """Have nothing of it quoted on the lines of the request: its data. Raises LookupError outside of one."""
    _about.get().quotes = Quotes(said)


def kept_private() -> Quotes | None:
    """Return what lines that are logged in the task must not quote."""
    return _about.get(_NOBODY).quotes


class Step:
    """The time that a ``with`` block takes, added to that of earlier ones of the same name; and its span.

    A class, since every request has a handful of them: a generator makes each three times as dear.
    """

    __slots__ = ("_name", "_span", "_started", "_took")

    def __init__(self, took: dict[StepName, float], name: StepName, span: Span | None) -> None:
        self._took = took
        self._name = name
        self._span = span

    def __enter__(self) -> None:
        if self._span is not None:
            self._span.__enter__()
        self._started = monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took, name = self._took, self._name
        took[name] = took.get(name, 0.0) + monotonic() - self._started
        if self._span is not None:
            self._span.__exit__(kind, error, trace)


@dataclass(slots=True)
class Case:
    """What has become known of one request while it is worked on.

    ``effect_begun``: LCM may act on this delivery; ``doubtful``: it may have acted on another of the request;
    ``effect_done``: it did act on one of them.
    ``replayed``: its answer was stored by an earlier delivery. ``breaker_open``: LCM was not even asked.
    ``tries``: how often LCM was called, None if that never came up; ``lcm_status``: the HTTP status of a call
    that failed, ``lcm_error`` why one failed that was answered from the cache. ``ledger``: what the ledger
    did not do for it. ``took``: the seconds of each step. ``told``: how the broker took the reply. ``trace``
    is told of the steps too.
    """

    delivery: Delivery
    started: float
    trace: Trace = UNTRACED
    channel: str | None = None
    operation: Operation | None = None
    route: Route | None = None
    deadline: float | None = None
    cache: CacheUse | None = None
    ledger: LedgerUse | None = None
    effect_begun: bool = False
    effect_done: bool = False
    doubtful: bool = False
    breaker_open: bool = False
    replayed: bool = False
    outcome: str = OK
    error: str | None = None
    dead_letter: Reason | None = None
    told: Confirmation | None = None
    tries: Tries | None = None
    lcm_status: int | None = None
    lcm_error: str | None = None
    took: dict[StepName, float] = field(default_factory=dict)

    def step(self, name: StepName) -> Step:
        """Return a context manager that measures a step; one that is taken again adds to its time."""
        return Step(self.took, name, self.trace.step(name))

    def account(self, seconds: float) -> dict[str, object]:
        """Return what the line that tells its end says; ``seconds`` from delivery to settled.

        Durations are in seconds, to a tenth of a millisecond. What does not apply is None, or not there.
        """
        delivery, tries = self.delivery, self.tries
        account: dict[str, object] = {
            "operation": self.operation_name,
            "outcome": self.outcome,
            "error": self.error,
            "dead_letter": self.dead_letter and self.dead_letter.value,
            "seconds": round(seconds, 4),
            "cache": self.cache,
            "attempt": delivery.attempts + 1,
            "redelivered": delivery.redelivered,
        }
        for name, took in self.took.items():
            account[_SECONDS[name]] = int(took * 10_000 + 0.5) / 10_000  # as `round` does, in half its time
        if tries is not None and tries.made != 1:
            account["lcm_tries"] = tries.made
        if self.lcm_status is not None:
            account["lcm_status"] = self.lcm_status
        if self.lcm_error is not None:
            account["lcm_error"] = self.lcm_error
        if self.ledger is not None:
            account["ledger"] = self.ledger
        if self.replayed:
            account["replayed"] = True
        if self.told is Confirmation.UNROUTABLE:
            account["reply"] = self.told.value
        if delivery.held_since is not None:
            account["held_seconds"] = round(max(0.0, delivery.received - delivery.held_since), 1)
        elif not delivery.parked and (waited := delivery.waited()) is not None:
            account["wait_seconds"] = round(waited, 1)
        return account

    @property
    def replies(self) -> bool:
        """Whether anybody may be told by a reply or an event: of most operations, and of unknown ones."""
        return self.operation is None or self.operation.replies

    @property
    def reply_to(self) -> str | None:
        """Return where somebody waits for a reply: nowhere for an operation without one."""
        return self.delivery.reply_to if self.replies else None

    @property
    def operation_name(self) -> str:
        """Return the label of the operation, ``unknown`` while it cannot be told."""
        return self.operation.name if self.operation else UNKNOWN
