"""The circuit breaker as a pure state machine, with a clock that the test sets."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from bridge.lcm.breaker import Breaker, State, Verdict
from bridge.settings import Breaker as BreakerSettings

VERDICTS = {"+": Verdict.SUCCESS, "-": Verdict.FAILURE, "o": Verdict.NEITHER}


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Give the time in seconds."""
        return self.now


def made(clock: Clock, **settings: Any) -> Breaker:
    """Make a breaker that opens at half of four calls in ten seconds, for five seconds."""
    values = {"window": 10.0, "minimum_calls": 4, "failure_ratio": 0.5, "open_for": 5.0, "probes": 2}
    return Breaker(BreakerSettings.model_validate({**values, **settings}), clock)


def admitted(breaker: Breaker) -> int:
    """Begin a call that must be let through."""
    permit = breaker.admit()
    assert permit is not None
    return permit


def play(breaker: Breaker, verdicts: str) -> None:
    """Make one call after the other: ``+`` succeeds, ``-`` fails, ``o`` ends neither way."""
    for verdict in verdicts:
        breaker.settle(admitted(breaker), VERDICTS[verdict])


def half_open(clock: Clock, **settings: Any) -> Breaker:
    """Make a breaker that has just become half-open."""
    breaker = made(clock, **settings)
    play(breaker, "----")
    clock.now += 5.0
    breaker.refresh()
    assert State.HALF_OPEN is breaker.state
    return breaker


@pytest.mark.parametrize(
    ("calls", "ratio", "expected"),
    [
        ("---", 0.5, State.CLOSED),
        ("----", 0.5, State.OPEN),
        ("++--", 0.5, State.OPEN),
        ("+++-", 0.5, State.CLOSED),
        ("+++---", 0.5, State.OPEN),
        ("--++", 0.5, State.OPEN),
        ("---o", 0.5, State.CLOSED),
        ("---ooo-", 0.5, State.OPEN),
        ("oooooooo", 0.5, State.CLOSED),
        ("---+", 1.0, State.CLOSED),
        ("----", 1.0, State.OPEN),
        ("+" * 93 + "-" * 7, 0.07, State.OPEN),
        ("+" * 94 + "-" * 6, 0.07, State.CLOSED),
    ],
)
def test_it_opens_at_the_share_of_failures_of_enough_calls(calls: str, ratio: float, expected: State) -> None:
    """At the minimum and the ratio exactly, never below; calls that say nothing do not count."""
    breaker = made(Clock(), failure_ratio=ratio)

    play(breaker, calls)

    assert expected is breaker.state


@pytest.mark.parametrize(
    ("later", "expected"), [(0.0, State.OPEN), (8.9, State.OPEN), (10.0, State.CLOSED), (1e6, State.CLOSED)]
)
def test_the_window_slides(later: float, expected: State) -> None:
    """Failures count for as long as the window, to about a second, and then no more."""
    clock = Clock()
    breaker = made(clock)

    play(breaker, "---")
    clock.now += later
    play(breaker, "-")

    assert expected is breaker.state


def test_only_what_has_left_the_window_is_forgotten() -> None:
    """Each second is forgotten by itself."""
    clock = Clock()
    breaker = made(clock, minimum_calls=100)
    for _ in range(30):
        play(breaker, "+-")
        clock.now += 1.0

    assert (20, 10) == breaker.tally


def test_the_window_keeps_nothing_per_call() -> None:
    """However many calls there are, only a count per second is kept."""
    breaker = made(Clock(), minimum_calls=1_000_000)

    play(breaker, "+" * 1000)

    assert 1 == len(breaker._window._slices)  # noqa: SLF001 - memory is not seen from outside
    assert (1000, 0) == breaker.tally


def test_an_open_one_admits_nothing_until_its_time_is_over() -> None:
    """It is half-open after ``open_for``, by a look or by a call."""
    clock = Clock()
    breaker = made(clock)
    play(breaker, "----")

    assert (None, 5.0) == (breaker.admit(), breaker.open_left)
    clock.now += 4.9
    assert breaker.admit() is None
    assert State.OPEN is breaker.state
    clock.now += 0.1
    assert breaker.admit() is not None
    assert (State.HALF_OPEN, 0.0) == (breaker.state, breaker.open_left)


@pytest.mark.parametrize("probes", [1, 3])
def test_half_open_it_lets_so_many_probes_through_at_once(probes: int) -> None:
    """Each that ends makes room for the next."""
    breaker = half_open(Clock(), probes=probes)

    under_way = [admitted(breaker) for _ in range(probes)]
    assert breaker.admit() is None
    breaker.settle(under_way[0], Verdict.NEITHER)
    admitted(breaker)
    assert breaker.admit() is None


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        ("+", State.HALF_OPEN),
        ("++", State.CLOSED),
        ("o+o+", State.CLOSED),
        ("o" * 50, State.HALF_OPEN),
        ("-", State.OPEN),
        ("+-", State.OPEN),
        ("oo-", State.OPEN),
    ],
)
def test_the_probes_decide(probes: str, expected: State) -> None:
    """Two successes close it, one failure opens it again, what says nothing decides nothing."""
    breaker = half_open(Clock())

    play(breaker, probes)

    assert expected is breaker.state


def test_a_probe_that_ends_neither_way_gives_its_place_back() -> None:
    """Cancelled probes do not wedge it half-open."""
    breaker = half_open(Clock())
    for _ in range(10):
        both = admitted(breaker), admitted(breaker)
        assert breaker.admit() is None
        for probe in both:
            breaker.settle(probe, Verdict.NEITHER)

    play(breaker, "++")

    assert State.CLOSED is breaker.state


def test_a_failed_probe_opens_it_for_the_whole_time_again() -> None:
    """The time starts anew, and so do the places and the successes."""
    clock = Clock()
    breaker = half_open(clock)
    play(breaker, "+")
    other = admitted(breaker)
    play(breaker, "-")

    assert (State.OPEN, 5.0, (2, 1)) == (breaker.state, breaker.open_left, breaker.tally)
    breaker.settle(other, Verdict.SUCCESS)
    clock.now += 5.0
    first, second = admitted(breaker), admitted(breaker)
    assert breaker.admit() is None
    states = []
    for probe in (first, second):
        breaker.settle(probe, Verdict.SUCCESS)
        states.append(breaker.state)
    assert [State.HALF_OPEN, State.CLOSED] == states


def test_closed_again_it_has_forgotten_the_failures() -> None:
    """The window starts empty."""
    breaker = half_open(Clock())
    play(breaker, "++---")

    assert (State.CLOSED, (3, 3)) == (breaker.state, breaker.tally)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_call_from_before_the_opening_decides_nothing(verdict: Verdict) -> None:
    """It neither closes nor opens nor frees a place, in whatever state it ends."""
    clock = Clock()
    breaker = made(clock)
    late = [admitted(breaker) for _ in range(20)]
    play(breaker, "----")

    for permit in late[:5]:
        breaker.settle(permit, verdict)
    assert (State.OPEN, (4, 4)) == (breaker.state, breaker.tally)
    clock.now += 5.0
    probes = [admitted(breaker), admitted(breaker)]
    for permit in late[5:10]:
        breaker.settle(permit, verdict)
    assert (State.HALF_OPEN, (0, 0), None) == (breaker.state, breaker.tally, breaker.admit())
    for probe in probes:
        breaker.settle(probe, Verdict.SUCCESS)
    for permit in late[10:]:
        breaker.settle(permit, verdict)
    assert (State.CLOSED, (0, 0)) == (breaker.state, breaker.tally)


class AnyCourse(RuleBasedStateMachine):
    """Any calls, overlapping in any way, at any times."""

    calls: Bundle[int] = Bundle("calls")

    @initialize(probes=st.integers(1, 4), minimum=st.integers(1, 5))
    def make(self, probes: int, minimum: int) -> None:
        """Start closed."""
        self.clock = Clock()
        self.probes = probes
        self.breaker = made(self.clock, probes=probes, minimum_calls=minimum)
        self.opened_at: float | None = None
        self.probing: set[int] = set()
        self.under_way: dict[int, int] = {}
        self.number = 0

    def note(self, before: State) -> None:
        """Keep a model of what must hold after a step."""
        after = self.breaker.state
        if after is not before:
            self.probing.clear()
            self.opened_at = self.clock.now if after is State.OPEN else None

    @rule(target=calls)
    def begin(self) -> Any:
        """Ask for a call; an open breaker refuses it, and gives in once its time is over."""
        before = self.breaker.state
        waited = self.opened_at is not None and self.clock.now - self.opened_at >= 5.0
        permit = self.breaker.admit()
        self.note(before)
        assert (permit is None) is (
            (before is State.OPEN and not waited)
            or (before is State.HALF_OPEN and len(self.probing) == self.probes)
        )
        if permit is None:
            return multiple()
        self.number += 1
        self.under_way[self.number] = permit
        if self.breaker.state is State.HALF_OPEN:
            self.probing.add(self.number)
        return self.number

    @rule(number=consumes(calls), verdict=st.sampled_from(Verdict))
    def end(self, number: int, verdict: Verdict) -> None:
        """End one of the calls that are under way, in any order."""
        before = self.breaker.state
        permit = self.under_way.pop(number)
        probe = number in self.probing
        self.breaker.settle(permit, verdict)
        if before is State.HALF_OPEN and not probe:
            assert State.HALF_OPEN is self.breaker.state
        if probe and verdict is Verdict.FAILURE:
            assert State.OPEN is self.breaker.state
        self.probing.discard(number)
        self.note(before)

    @rule(seconds=st.sampled_from([0.3, 1.0, 4.0, 5.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    @invariant()
    def never_more_probes_than_allowed(self) -> None:
        """Count the probes under way by the model, not by the breaker itself."""
        assert len(self.probing) <= self.probes


TestAnyCourse = AnyCourse.TestCase
