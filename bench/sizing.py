"""How many workers a site needs: writes the table of docs/scaling.md anew, from what was measured.

Run it after a change: python -m bench.sizing. Little's law: requests in flight = rate x time. Pure but for
`main`; a test holds the page to it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.settings import Amqp

PAGE: Final = Path(__file__).parents[1] / "docs" / "scaling.md"
BEGIN: Final = "<!-- written by bench/sizing.py -->\n"
END: Final = "<!-- end -->\n"

AGENTS: Final = (50, 100, 250, 500, 1_000, 2_000, 5_000, 12_000)
LCM_MS: Final = (50, 200, 1_000)

MESSAGES_PER_DIAL: Final = 8
DIALS_PER_HOUR: Final = 30
SMALL_SITE: Final = 500
"""Agents up to whom all may be at work in the same seconds of a shift's start; of more, not all are."""

CPU_US: Final = 339
"""CPU of a side effect, the dearest kind of request: docs/performance.md."""
OWN_SECONDS: Final = 0.01
"""What a request spends in a worker besides LCM's time, at the load that is planned for."""
REDIS_COMMANDS: Final = 14
"""Commands of a side effect, and what scripts run: `make bench BENCH_ARGS="scaling --parts servers"`."""
MIB: Final = 68
MIB_IN_FLIGHT: Final = 0.03
"""Memory of a worker, and of each request in flight: docs/performance.md, by prefetch."""
CONNECTIONS: Final = 4
"""To RabbitMQ, per worker."""

BUSY: Final = 0.6
"""Share of the messages that fill a core, which a worker gets at the peak: beyond it, waits grow."""
SPARE: Final = 1.5
"""Places per request that is expected to be in flight, since neither rate nor time is even."""
PREFETCHES: Final = (100, 200, 300, 400, 500)
CAMPAIGN_PREFETCH: Final[int] = Amqp.model_fields["campaign_prefetch"].default


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a site needs for `rate` messages a second, of which LCM takes `lcm_seconds` each.

    `in_lcm` calls are under way at LCM. `workers` are one more than needed, so that one may be away.
    """

    rate: float
    lcm_seconds: float
    in_lcm: float
    workers: int
    prefetch: int

    @property
    def concurrency(self) -> int:
        """`lcm.concurrency`: both prefetches together, so that no request waits for a place."""
        return self.prefetch + CAMPAIGN_PREFETCH

    @property
    def memory_mib(self) -> float:
        """Memory of all workers."""
        return self.workers * (MIB + MIB_IN_FLIGHT * self.prefetch)


def mean_rate(agents: int) -> float:
    """Return the messages a second of so many agents, over an hour."""
    return agents * DIALS_PER_HOUR * MESSAGES_PER_DIAL / 3600


def peak_rate(agents: int) -> float:
    """Return the messages a second of so many agents at the start of a shift."""
    return 0.4 * min(agents, SMALL_SITE) + max(0, agents - SMALL_SITE) / 3


def plan(rate: float, lcm_seconds: float) -> Plan:
    """Return the fewest workers for a rate (messages/s) and LCM's time. Raises ValueError for 0 of either."""
    if rate <= 0 or lcm_seconds <= 0:
        raise ValueError(f"a rate of {rate}/s and a time of {lcm_seconds} s need no workers")
    places = SPARE * rate * (lcm_seconds + OWN_SECONDS)
    needed = max(math.ceil(rate * CPU_US / 1e6 / BUSY), math.ceil(places / PREFETCHES[-1]))
    return Plan(
        rate=rate,
        lcm_seconds=lcm_seconds,
        in_lcm=rate * lcm_seconds,
        workers=needed + 1,
        prefetch=next(one for one in PREFETCHES if one * needed >= places),
    )


def table(agents: Sequence[int] = AGENTS, lcm_ms: Sequence[int] = LCM_MS) -> str:
    """Return the table in Markdown."""
    head = [
        *("agents", "messages/s, mean", "peak", "LCM ms", "calls under way at LCM"),
        *("workers", "`agent_prefetch`", "`lcm.concurrency`", "calls at LCM at most"),
        *("connections to RabbitMQ", "Redis commands/s", "memory of all workers, MiB"),
    ]
    rows = [[*head], ["---"] * len(head), *_rows(agents, lcm_ms)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows(agents: Sequence[int], lcm_ms: Sequence[int]) -> Iterator[list[str]]:
    for count in agents:
        for number, milliseconds in enumerate(lcm_ms):
            one = plan(peak_rate(count), milliseconds / 1000)
            site = [f"{count:,}", _rounded(mean_rate(count)), _rounded(one.rate)]
            yield [
                *(site if number == 0 else [""] * len(site)),
                f"{milliseconds:,}",
                _rounded(one.in_lcm),
                str(one.workers),
                str(one.prefetch),
                str(one.concurrency),
                f"{one.workers * one.concurrency:,}",
                str(one.workers * CONNECTIONS),
                _rounded(one.rate * REDIS_COMMANDS),
                _rounded(one.memory_mib),
            ]


def _rounded(value: float) -> str:
    """Return two significant digits: more would promise too much."""
    digits = 1 - math.floor(math.log10(value))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def text(page: str) -> str:
    """Return the page with the table as it should be. Raises ValueError where it has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{begin}\n{table()}\n{end}{after}"


def main() -> None:
    """Write the table into the page. Raises OSError and ValueError."""
    PAGE.write_text(text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
