"""CPU time and memory of processes, from /proc."""

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from bench.figures import Reading

PROC = Path("/proc")
_NANOSECONDS = 1_000_000_000


def processes_of(pid: int) -> list[int]:
    """Return `pid` and all its descendants. Raises ProcessLookupError when `pid` does not run."""
    if not _threads(pid):
        raise ProcessLookupError(f"process {pid} does not run")
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        for thread in _threads(found[-1]):
            left += map(int, _text(thread / "children").split())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds, exact to nanoseconds, that these processes and their children used so far.

    All threads that run now are counted; those that have ended are not. Raises ProcessLookupError.
    """
    return sum(_cpu_nanoseconds(one) for pid in pids for one in processes_of(pid)) / _NANOSECONDS


def read(pids: Iterable[int]) -> Reading:
    """Return the CPU seconds of the processes, and when they were read. Raises ProcessLookupError."""
    at = time.monotonic()
    return Reading(at=at, cpu=cpu_seconds(pids))


def read_cores(cores: Iterable[int]) -> Reading:
    """Return the seconds that these cores were busy with anything since the machine started.

    Exact to the kernel's clock tick, usually 10 ms.
    """
    at, wanted = time.monotonic(), {f"cpu{core}" for core in cores}
    ticks = 0
    for line in (PROC / "stat").read_text().splitlines():
        name, *counts = line.split()
        if name in wanted:
            user, nice, system, _idle, _waiting, interrupts, soft_interrupts, *_ = map(int, counts)
            ticks += user + nice + system + interrupts + soft_interrupts
    return Reading(at=at, cpu=ticks / os.sysconf("SC_CLK_TCK"))


def resident_bytes(pids: Iterable[int]) -> int:
    """Return the memory that the processes and their children hold now. Raises ProcessLookupError."""
    return _status(pids, "VmRSS")


def peak_bytes(pids: Iterable[int]) -> int:
    """Return the most memory that they held since `forget_peak`: the sum of each one's own peak.

    Raises ProcessLookupError.
    """
    return _status(pids, "VmHWM")


def forget_peak(pids: Iterable[int]) -> None:
    """Let the peak memory of the processes and their children begin anew.

    Raises OSError where the kernel does not let us: they must be of the same user.
    """
    for pid in pids:
        for one in processes_of(pid):
            (PROC / str(one) / "clear_refs").write_text("5")  # proc(5): reset the peak resident set size


def _text(path: Path) -> str:
    """Return what the kernel tells; "" when the process or thread ended while we looked."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _threads(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []


def _cpu_nanoseconds(pid: int) -> int:
    told = (_text(thread / "schedstat") for thread in _threads(pid))
    return sum(int(text.split()[0]) for text in told if text)


def _status(pids: Iterable[int], name: str) -> int:
    total = 0
    for pid in pids:
        for one in processes_of(pid):
            found = re.search(rf"^{name}:\s+(\d+) kB$", _text(PROC / str(one) / "status"), re.MULTILINE)
            if found:  # a process that has ended and waits for its parent has none
                total += int(found[1]) * 1024
    return total
