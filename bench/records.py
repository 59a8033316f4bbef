"""What is sent, and what was measured: plain records, no I/O."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Work = Literal["read", "side-effect"]

EVERY_AGENT_ONCE = 10_000_000
"""More agents than requests: no read is answered from the bridge's cache, in which it looks all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent: `window` requests in flight always (closed loop), or else `rate` per second (open loop).

    `seconds` are measured after `warm_up` seconds. LCM answers after `lcm_ms` milliseconds, with `contacts`
    contacts per reply to a read. Bodies have at least `body_bytes`; reads go through `agents` in turn.
    `asks_lcm` says how often LCM is called for it: once for each request, for some (the others are answered
    from the cache), or never. `keep_redis` leaves in Redis what earlier visits put there. `beside` is another
    load that the variant's other queue gets meanwhile.
    """

    work: Work
    window: int = 0
    rate: float = 0.0
    seconds: float
    warm_up: float
    lcm_ms: float = 0.0
    contacts: int = 1
    body_bytes: int = 0
    agents: int = EVERY_AGENT_ONCE
    asks_lcm: Literal["always", "sometimes", "never"] = "always"
    keep_redis: bool = False
    beside: "Load | None" = None

    def arguments(self) -> list[str]:
        """Return the arguments of `python -m bench.load` that say so."""
        pace = ["--window", str(self.window)] if self.window else ["--rate", f"{self.rate:g}"]
        return [
            *("--work", self.work, *pace, "--seconds", f"{self.seconds:g}", "--warm-up", f"{self.warm_up:g}"),
            *("--contacts", str(self.contacts), "--body-bytes", str(self.body_bytes)),
            *("--agents", str(self.agents)),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What was measured in one visit.

    `measured` replies came in `seconds`; each took `cpu_us` microseconds of the variant's CPU, and of the
    `servers_us`. `busy` are the cores that the variant used, 1.0 is one; `disturbed` is what anything else
    took of its core meanwhile, None where it had none to itself. Memory is in bytes, latencies in
    milliseconds by percentile. `beside` are rate and latencies of the load beside it, if there was one; its
    requests are among those that share the CPU. `faults` is empty when every request was answered once and
    rightly.
    """

    variant: str
    round: int
    load: Load
    measured: int
    seconds: float
    cpu_us: float
    busy: float
    disturbed: float | None
    servers_us: dict[str, float]
    peak_bytes: int
    resident_bytes: int
    latency_ms: dict[str, float]
    sent: int
    beside: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests per second that were measured."""
        return self.measured / self.seconds

    @property
    def rate_per_core(self) -> float:
        """Requests per second that one core can do at this cost."""
        return 1e6 / self.cpu_us

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return asdict(self) | {"rate": self.rate, "rate_per_core": self.rate_per_core}
