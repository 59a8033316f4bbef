"""The plan of faults: what goes wrong, for which method, how often, before or after the effect."""

import random
from dataclasses import dataclass, fields
from typing import Literal, cast, get_args

from bridge.simulator.fields import Fields

FaultKind = Literal[
    "none",
    "result",
    "fault",
    "html",
    "status",
    "hang",
    "half",
    "reset",
    "redirect",
    "not_json",
    "wrong_shape",
    "drip",
    "huge",
]
When = Literal["before", "after"]
DEFAULT_STATUS = {"fault": 500, "html": 502, "status": 503, "redirect": 302}
MOST_FAULTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Every call of `method` (wire name or operation; None: all) within the next `count` such calls (None:
    for ever) waits `latency_ms` plus up to `jitter_ms`, and with probability `error_rate` is answered as
    `kind` says, `before` or `after` its effect. `result` is the value of `d` for kind `result`. `status`
    applies to fault, html, status and redirect, `location` to redirect, `message` to fault and html,
    `drip_ms` is the pause between two bytes, `size_bytes` the size of a huge answer.
    """

    kind: FaultKind = "none"
    latency_ms: float = 0
    jitter_ms: float = 0
    error_rate: float = 1
    when: When = "before"
    method: str | None = None
    count: int | None = None
    status: int | None = None
    result: object = None
    location: str = "/elsewhere"
    message: str = "Simulated fault"
    drip_ms: float = 100
    size_bytes: int = 67_108_864

    @property
    def http_status(self) -> int:
        """Give the status to answer with."""
        return self.status if self.status is not None else DEFAULT_STATUS.get(self.kind, 200)

    @classmethod
    def from_json(cls, value: object) -> "Fault":
        """Read one fault of `PUT /control/faults`. Raises FieldsError.

        Without `kind` it is `result` where a result is given, `fault` where an error_rate is given, else
        `none`: only the latency applies.
        """
        given = Fields(value, "fault")
        default = "result" if "result" in given else "fault" if "error_rate" in given else "none"
        kind = given.choice("kind", get_args(FaultKind), default)
        fault = cls(
            kind=cast("FaultKind", kind),
            latency_ms=given.number("latency_ms", 0, most=3_600_000),
            jitter_ms=given.number("jitter_ms", 0, most=3_600_000),
            error_rate=given.number("error_rate", 1, most=1),
            when=cast("When", given.choice("when", get_args(When), "before")),
            method=given.optional_text("method"),
            count=given.whole("count", 1, least=1) if "count" in given else None,
            status=given.whole("status", 503, least=200, most=599) if "status" in given else None,
            result=given.raw("result"),
            location=given.text("location", "/elsewhere"),
            message=given.text("message", "Simulated fault"),
            drip_ms=given.number("drip_ms", 100, most=60_000),
            size_bytes=given.whole("size_bytes", 67_108_864, least=1, most=2**32),
        )
        given.finish()
        return fault


@dataclass(slots=True)
class Planned:
    """A fault in the plan: how many calls it still applies to (None: no end), and how often it was played."""

    fault: Fault
    left: int | None
    played: int = 0

    def to_json(self) -> dict[str, object]:
        """Give the fault with `left` and `played` as a JSON object."""
        members: dict[str, object] = {
            member.name: getattr(self.fault, member.name) for member in fields(self.fault)
        }
        return members | {"left": self.left, "played": self.played}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plan decides for one call: how long it waits, and the fault that is played, if any."""

    delay_seconds: float = 0
    fault: Fault | None = None


class FaultPlan:
    """The faults in force, in order. The same seed and the same order of calls give the same faults."""

    def __init__(self, faults: tuple[Fault, ...] = (), *, seed: int = 1) -> None:
        self._seed = seed
        self._planned: list[Planned] = []
        self._rng = random.Random(seed)  # noqa: S311 (repeatable, no secret)
        self.put(*faults)

    @property
    def planned(self) -> tuple[Planned, ...]:
        """The faults in force, including those that are used up."""
        return tuple(self._planned)

    def put(self, *faults: Fault, seed: int | None = None) -> None:
        """Replace the plan, and start its random numbers afresh. Raises ValueError over 1,000 faults."""
        if len(faults) > MOST_FAULTS:
            raise ValueError(f"a plan has at most {MOST_FAULTS} faults")
        self._planned = [Planned(fault, fault.count) for fault in faults]
        self._rng = random.Random(self._seed if seed is None else seed)  # noqa: S311 (repeatable, no secret)

    def clear(self) -> None:
        """Let nothing go wrong."""
        self.put()

    def draw(self, *names: str) -> Verdict:
        """Decide for one call that goes by any of `names`.

        Waits add up. The first fault that is drawn is played, and those after it are not asked.
        """
        delay = 0.0
        for planned in self._planned:
            fault = planned.fault
            if planned.left == 0 or (fault.method is not None and fault.method not in names):
                continue
            if planned.left is not None:
                planned.left -= 1
            delay += (fault.latency_ms + fault.jitter_ms * self._rng.random()) / 1000
            if fault.kind != "none" and self._rng.random() < fault.error_rate:
                planned.played += 1
                return Verdict(delay, fault)
        return Verdict(delay)
