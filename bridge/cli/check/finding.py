"""What a check found out, and how several of them run beside each other within a bound."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

State = Literal["ok", "warning", "failed"]

MOST_SKEW: Final = 2.0
"""Seconds that two clocks may differ without a warning."""

LEAST_DAYS: Final = 14
"""Days that a certificate should be good for."""

_CLEAN_UP: Final = 1.0
"""Seconds that cancelled checks have to end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    ``check`` is one of the names in docs/operating.md, ``subject`` the node, queue or exchange that it is
    about (empty: the dependency as a whole), ``advice`` what to do, for whatever is not ok.
    """

    check: str
    state: State
    found: str
    advice: str = ""
    subject: str = ""
    milliseconds: float | None = None


def ok(check: str, found: str, *, subject: str = "", milliseconds: float | None = None) -> Finding:
    """Return a finding that asks nothing of anybody."""
    return Finding(check, "ok", found, subject=subject, milliseconds=milliseconds)


def warning(check: str, found: str, advice: str, *, subject: str = "") -> Finding:
    """Return what does not keep the bridge from working, now."""
    return Finding(check, "warning", found, advice, subject)


def failed(check: str, found: str, advice: str, *, subject: str = "") -> Finding:
    """Return what keeps the bridge from working."""
    return Finding(check, "failed", found, advice, subject)


def at_fault(check: str, error: BaseException) -> Finding:
    """Return what nobody foresaw, and is not a fault of the site."""
    return failed(check, f"{type(error).__name__}: {error}", "a fault of lcm-bridge check: report it")


def timed(finding: Finding, seconds: float) -> Finding:
    """Return it with the time that it took."""
    return replace(finding, milliseconds=round(seconds * 1000, 1))


def clock(skew: float, theirs: str, matters: str, *, subject: str = "") -> Finding:
    """Compare two clocks; ``skew`` is by how many seconds theirs is ahead of this machine's."""
    if abs(skew) <= MOST_SKEW:
        return ok("clock", f"{theirs} agrees with this machine's within {MOST_SKEW:g} s", subject=subject)
    way = "ahead of" if skew > 0 else "behind"
    return warning(
        "clock",
        f"{theirs} is {abs(skew):.1f} s {way} this machine's: {matters}",
        "have both clocks set by NTP; the one that differs from the others is the one that is wrong",
        subject=subject,
    )


def expiry(check: str, until: float, advice: str, *, subject: str = "") -> Finding:
    """Tell how long a certificate is good: ``until``, in seconds of the Unix clock."""
    days = (until - time.time()) / 86_400
    found = f"good until {datetime.fromtimestamp(until, UTC):%Y-%m-%d}, {days:.0f} days"
    if days < LEAST_DAYS:
        return warning(check, found, advice, subject=subject)
    return ok(check, found, subject=subject)


class RoundTrips(NamedTuple):
    """How long some round trips took, in seconds, and that in words."""

    median: float
    worst: float
    found: str


async def round_trips(ask: Callable[[], Awaitable[object]], times: int) -> RoundTrips:
    """Ask so many times, one after the other. Raises what asking does."""
    took = []
    for _ in range(times):
        started = time.monotonic()
        await ask()
        took.append(time.monotonic() - started)
    found = f"median of {times}; the slowest {max(took) * 1000:.1f} ms"
    return RoundTrips(statistics.median(took), max(took), found)


Test = Callable[[], Awaitable[list[Finding]]]


async def beside(
    tests: dict[str, Test], seconds: float, advice: str, lost: tuple[type[BaseException], ...] = ()
) -> list[Finding]:
    """Run tests at the same time and return all that they found, in their order.

    ``tests`` by the check that fails, with that advice, where one has no end within so many seconds, or
    raises what ``lost`` lists: the server has gone. What else it raises nobody foresaw.
    """
    tasks = {check: asyncio.ensure_future(test()) for check, test in tests.items()}
    try:
        _, late = await asyncio.wait(tasks.values(), timeout=seconds)
        found: list[Finding] = []
        for check, task in tasks.items():
            if task in late:
                found.append(failed(check, f"no answer within {seconds:.1f} s", advice))
            elif error := asyncio.CancelledError() if task.cancelled() else task.exception():
                told = failed(check, f"{type(error).__name__}: {error}", advice)
                found.append(told if isinstance(error, lost) else at_fault(check, error))
            else:
                found += task.result()
        return found
    finally:
        await end(*tasks.values())


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs, and see it end within a second; what it raises then says no more than that."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        ended, _ = await asyncio.wait(running, timeout=_CLEAN_UP)
        for task in ended:
            if not task.cancelled():
                task.exception()
