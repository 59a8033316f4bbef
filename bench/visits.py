"""One visit: a variant gets load for a while, and what it used and how it answered is written down."""

import itertools
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

from bench import clocks, figures
from bench.figures import Reading
from bench.processes import ProgramFailed, Talking, talking
from bench.records import Load, Visit
from bench.stage import Stage
from bench.variants import Running, Variant

DRAIN_SECONDS = 30.0
"""Seconds that the load waits for the last replies."""

LOAD_START_SECONDS = 30.0

# No two requests of a run have the same number, so that no two have the same key.
FIRST_NUMBERS = itertools.count(step=100_000_000)


async def visit(stage: Stage, variant: Running, load: Load, round_number: int = 0) -> Visit:
    """Load a variant, and return what was measured; what went wrong with requests stands in `faults`.

    Raises ProgramFailed when the variant or the load ends by itself.
    """
    await stage.begin_anew(latency_ms=load.lcm_ms, contacts=load.contacts, keep_redis=load.keep_redis)
    clocks.forget_peak(variant.pids)
    async with AsyncExitStack() as stack:
        background = None
        if load.beside is not None:
            background = await stack.enter_async_context(_sending(stage, variant, load.beside))
            await _mark(background, "begin", load.beside.warm_up)
        talk = await stack.enter_async_context(_sending(stage, variant, load))
        readings = await _watch(stage, variant, talk, load)
        outcome = await _outcome(talk, load)
        outcomes = {load.work: outcome}
        if background is not None and load.beside is not None:
            await _mark(background, "end", load.beside.seconds)
            outcomes[load.beside.work] = await _outcome(background, load.beside)
    _ = variant.pids  # raises when one of them ended
    counts = await stage.counts()
    faults = faults_in(outcomes.values(), counts, expected_calls(variant.variant, load, outcomes.values()))
    if faults:
        for work in outcomes:
            await stage.purge(variant.queues[work])
    variant.forget_log()
    beside = _beside(outcome, outcomes[load.beside.work]) if load.beside else None
    return measured_visit(stage, variant, load, round_number, readings, outcome, faults, beside)


def measured_visit(  # noqa: PLR0913, PLR0917 - all that is known of a visit
    stage: Stage,
    variant: Running,
    load: Load,
    round_number: int,
    readings: dict[str, tuple[Reading, Reading]],
    outcome: Mapping[str, Any],
    faults: list[str],
    beside: dict[str, Any] | None = None,
) -> Visit:
    """Return a visit from the CPU clocks, as `read_all` gives them, and what the load says.

    Raises ProgramFailed when the variant has ended.
    """
    disturbed = disturbance(stage, variant, readings)
    measured, seconds = outcome["measured"], outcome["seconds"]
    shared_by = measured + (round(beside["rate"] * seconds) if beside else 0)
    costs = {
        name: figures.cpu_per_request(begin, end, shared_by, seconds) * 1e6
        for name, (begin, end) in readings.items()
    }
    return Visit(
        variant=variant.name,
        round=round_number,
        load=load,
        measured=measured,
        seconds=seconds,
        cpu_us=costs.pop(""),
        busy=figures.busy(*readings[""]),
        disturbed=disturbed,
        servers_us=costs,
        peak_bytes=clocks.peak_bytes(variant.pids),
        resident_bytes=clocks.resident_bytes(variant.pids),
        latency_ms=outcome["latency_ms"],
        sent=outcome["sent"],
        beside=beside,
        faults=faults,
    )


def _sending(stage: Stage, variant: Running, load: Load) -> AbstractAsyncContextManager[Talking]:
    """Return a context in which the load runs."""
    command = [sys.executable, "-m", "bench.load", "--amqp-url", stage.amqp_url]
    command += ["--queue", variant.queues[load.work], "--first-number", str(next(FIRST_NUMBERS))]
    return talking([*command, *load.arguments()], name="the load", guard=stage.guard, cores=stage.cores.rest)


async def _mark(talk: Talking, mark: str, seconds: float) -> None:
    """Wait until the load says that its measured interval begins or ends. Raises ProgramFailed."""
    said = await talk.line(seconds + LOAD_START_SECONDS)
    if json.loads(said) != {"mark": mark}:
        raise ProgramFailed(f"the load said {said!r} in place of its mark {mark!r}")


async def _outcome(talk: Talking, load: Load) -> dict[str, Any]:
    return dict(json.loads(await talk.line(load.seconds + DRAIN_SECONDS + LOAD_START_SECONDS)))


async def _watch(
    stage: Stage, variant: Running, talk: Talking, load: Load
) -> dict[str, tuple[Reading, Reading]]:
    """Read the CPU clocks when the load's measured interval begins and ends. Raises ProgramFailed.

    They are returned by the name of the server, the variant's own under "", those of its cores under "cores".
    """
    watched = {"": variant.pids} | {name: [pid] for name, pid in stage.servers.items()} | {"load": [talk.pid]}
    await _mark(talk, "begin", load.warm_up)
    begins = read_all(watched, variant.cores)
    await _mark(talk, "end", load.seconds)
    watched[""] = variant.pids  # raises when one of them ended meanwhile
    ends = read_all(watched, variant.cores)
    return {name: (begins[name], ends[name]) for name in begins}


def read_all(watched: Mapping[str, list[int]], cores: frozenset[int]) -> dict[str, Reading]:
    """Read the CPU clocks of processes by name, and under "cores" that of the cores."""
    return {name: clocks.read(pids) for name, pids in watched.items()} | {"cores": clocks.read_cores(cores)}


def disturbance(stage: Stage, variant: Running, readings: dict[str, tuple[Reading, Reading]]) -> float | None:
    """Return what anything but the variant took of its core; takes the cores' readings out of `readings`."""
    cores = readings.pop("cores")
    if not stage.cores.apart or variant.cores != stage.cores.measured:
        return None
    return max(0.0, figures.busy(*cores) - figures.busy(*readings[""]))


def _beside(outcome: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return rate and latencies of the other load. Raises ProgramFailed if it was not there all the time."""
    (began, ended), (other_began, other_ended) = outcome["marks"], other["marks"]
    if not other_began <= began < ended <= other_ended:
        raise ProgramFailed("the load beside began too late or ended too early: give it more seconds")
    return {"rate": other["measured"] / other["seconds"], "latency_ms": other["latency_ms"]}


@dataclass(frozen=True, slots=True)
class Asked:
    """How often LCM should have been called, at least and at most."""

    least: int
    most: int


def expected_calls(variant: Variant, load: Load, outcomes: Iterable[Mapping[str, Any]]) -> Asked:
    """Return how often LCM should be called for what was sent."""
    sent = sum(outcome["sent"] for outcome in outcomes)
    if not variant.calls_lcm or load.asks_lcm == "never":
        return Asked(0, 0)
    return Asked(0 if load.asks_lcm == "sometimes" else sent, sent)


def faults_in(outcomes: Iterable[Mapping[str, Any]], counts: Mapping[str, Any], asked: Asked) -> list[str]:
    """Say what was wrong with the replies (the load's outcomes), or with what LCM was asked (its counts)."""
    faults = []
    for outcome in outcomes:
        faults += [
            f"{outcome[kind]} replies {kind} of {outcome['sent']}"
            for kind in ("lost", "repeated", "wrong")
            if outcome[kind]
        ]
        if outcome["first_wrong"]:
            faults.append(f"the first wrong one: {outcome['first_wrong']}")
    if counts["repeated_effects"]:
        faults.append(f"{counts['repeated_effects']} effects carried out again")
    calls = sum(counts["calls"].values())
    if not asked.least <= calls <= asked.most:
        faults.append(f"LCM was called {calls} times, not {asked.least} to {asked.most} times")
    return faults
