"""What becomes of the requests of one run: in flight, answered, repeated, wrong, and how long each took."""

import math
import time
from array import array
from dataclasses import dataclass
from typing import Final

from bench.work import NUMBER_DIGITS, Work

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run of the load saw. Times are those of CLOCK_MONOTONIC in seconds, latencies milliseconds.

    Over the whole run: `sent` requests, `answered` ones, `lost` ones without an answer within the bound,
    `repeated` further answers to an answered request, `wrong` answers (`first_wrong` says what the first
    was). In the measured interval (`marks`: its begin and end, `seconds` apart): `measured` replies came,
    and `latency_ms` is that of all requests that were due in it, whenever they were answered. `late_ms`
    is how much later than due the load itself sent them, which the latency holds; `cpu_us` the load's own
    CPU time per reply.
    """

    sent: int
    answered: int
    lost: int
    repeated: int
    wrong: int
    first_wrong: str | None
    seconds: float
    measured: int
    marks: tuple[float, float]
    latency_ms: dict[str, float]
    late_ms: dict[str, float]
    cpu_us: float


class Tally:
    """Counts a run. `begin` and `end` mark the measured interval, `outcome` sums up.

    An identity is 8 hexadecimal digits of the run, "-" and the request's number in 12 digits.
    """

    def __init__(self, work: Work, run: bytes, first_number: int) -> None:
        self.in_flight: dict[bytes, tuple[float, bytes]] = {}
        """By identity: when the request was due, and the key that its reply must bear."""
        self.sent = self.answered = 0
        self._work = work
        self._prefix = run + b"-"
        self._first = self._next = first_number
        self._repeated = self._wrong = 0
        self._first_wrong: str | None = None
        self._latencies = array("d")
        self._late = array("d")
        self._begin = self._end = float("inf")
        self._cpu = 0.0
        self._measured = 0

    def send(self, due: float, now: float) -> tuple[bytes, bytes]:
        """Take the next request, due at `due` and sent at `now`; return its identity and key."""
        number = self._next
        self._next = number + 1
        identity = b"%b%0*d" % (self._prefix, NUMBER_DIGITS, number)
        key = self._work.key(number)
        self.in_flight[identity] = (due, key)
        self.sent += 1
        if self._begin <= due < self._end:
            self._late.append(now - due)
        return identity, key

    def reply(self, identity: bytes, body: bytes, now: float) -> None:
        """Take a reply that came at `now`."""
        request = self.in_flight.pop(identity, None)
        if request is None:
            self._stray(identity)
            return
        self.answered += 1
        due, key = request
        if self._begin <= due < self._end:
            self._latencies.append(now - due)
        problem = self._work.problem(key, body)
        if problem is not None:
            self._count_wrong(problem)

    def begin(self, now: float) -> None:
        """Begin the measured interval."""
        self._begin = now
        self._cpu = time.process_time()
        self._measured = -self.answered

    def end(self, now: float) -> None:
        """End the measured interval."""
        self._end = now
        self._cpu = time.process_time() - self._cpu
        self._measured += self.answered

    def outcome(self) -> Outcome:
        """Sum up; what is still in flight is lost."""
        return Outcome(
            sent=self.sent,
            answered=self.answered,
            lost=len(self.in_flight),
            repeated=self._repeated,
            wrong=self._wrong,
            first_wrong=self._first_wrong,
            seconds=round(self._end - self._begin, 6),
            measured=self._measured,
            marks=(self._begin, self._end),
            latency_ms=quantiles_ms(self._latencies),
            late_ms=quantiles_ms(self._late),
            cpu_us=round(self._cpu / max(1, self._measured) * 1e6, 2),
        )

    def _stray(self, identity: bytes) -> None:
        prefix, number = identity[: len(self._prefix)], identity[len(self._prefix) :]
        if prefix == self._prefix and number.isdigit() and self._first <= int(number) < self._next:
            self._repeated += 1
        else:
            self._count_wrong(f"a reply to the unknown correlation id {identity.decode(errors='replace')!r}")

    def _count_wrong(self, problem: str) -> None:
        self._wrong += 1
        if self._first_wrong is None:
            self._first_wrong = problem


def quantiles_ms(seconds: "array[float]") -> dict[str, float]:
    """Return the quantiles by nearest rank, in milliseconds; none of none."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {
        name: round(ordered[math.ceil(share * len(ordered)) - 1] * 1000, 3)
        for name, share in QUANTILES.items()
    }
