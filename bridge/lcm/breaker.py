"""The circuit breaker: when LCM keeps failing, it is not called for a while. Pure; the clock is given."""

import math
from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from bridge.settings import Breaker as BreakerSettings


class State(Enum):
    """Closed: calls go through. Open: none does. Half-open: a few do, as probes."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class Verdict(Enum):
    """What one call says about LCM."""

    SUCCESS = auto()
    FAILURE = auto()
    NEITHER = auto()


class Breaker:
    """Counts how calls end, and says whether the next may be made.

    Each admitted call must be settled exactly once, however it ends. ``clock`` gives seconds that
    only rise.
    """

    def __init__(self, settings: BreakerSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._window = _Window(settings.window)
        self._state = State.CLOSED
        # Counts the changes of state: a call that was admitted before the last one is not counted.
        self._generation = 0
        self._half_open_at = 0.0
        self._probing = 0
        self._passed = 0

    @property
    def state(self) -> State:
        """The state at the last look; time alone changes it only at the next `refresh`."""
        return self._state

    @property
    def tally(self) -> tuple[int, int]:
        """Calls and failed calls that are counted: in the window or, half-open, of the probes."""
        return self._window.calls, self._window.failures

    @property
    def open_left(self) -> float:
        """Seconds until it becomes half-open; meaningful while it is open."""
        return max(0.0, self._half_open_at - self._clock())

    def refresh(self) -> None:
        """Become half-open when it has been open for long enough."""
        if self._state is State.OPEN and self._clock() >= self._half_open_at:
            self._turn(State.HALF_OPEN)

    def admit(self) -> int | None:
        """Let a call through and return what it is settled by, or None: the call must not be made."""
        self.refresh()
        if self._state is State.OPEN:
            return None
        if self._state is State.HALF_OPEN:
            if self._probing >= self._settings.probes:
                return None
            self._probing += 1
        return self._generation

    def settle(self, admitted: int, verdict: Verdict) -> None:
        """Note how an admitted call ended; one from before the last change of state changes nothing."""
        if admitted != self._generation:
            return
        if verdict is not Verdict.NEITHER:
            self._window.add(self._clock(), failed=verdict is Verdict.FAILURE)
        if self._state is State.HALF_OPEN:
            self._settle_probe(verdict)
        elif self._too_many_failures():
            self._turn(State.OPEN)

    def _settle_probe(self, verdict: Verdict) -> None:
        self._probing -= 1
        if verdict is Verdict.FAILURE:
            self._turn(State.OPEN)
        elif verdict is Verdict.SUCCESS:
            self._passed += 1
            if self._passed >= self._settings.probes:
                self._turn(State.CLOSED)

    def _too_many_failures(self) -> bool:
        calls, failures = self.tally
        return calls >= self._settings.minimum_calls and failures / calls >= self._settings.failure_ratio

    def _turn(self, state: State) -> None:
        self._state = state
        self._generation += 1
        self._probing = self._passed = 0
        if state is State.OPEN:
            self._half_open_at = self._clock() + self._settings.open_for
        else:  # an open one keeps its tally: that is why it opened
            self._window = _Window(self._settings.window)


class _Window:
    """How many calls ended, and failed, in the last seconds: in slices of about one second."""

    def __init__(self, seconds: float) -> None:
        self._most = math.ceil(seconds)
        self._slice = seconds / self._most
        self._slices: deque[list[int]] = deque()  # each: number of the slice, calls, failures
        self.calls = 0
        self.failures = 0

    def add(self, now: float, *, failed: bool) -> None:
        """Count a call that ended now, and forget what is older than the window."""
        number = int(now / self._slice)
        while self._slices and self._slices[0][0] <= number - self._most:
            _, calls, failures = self._slices.popleft()
            self.calls -= calls
            self.failures -= failures
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append([number, 0, 0])
        self._slices[-1][1] += 1
        self._slices[-1][2] += failed
        self.calls += 1
        self.failures += failed
