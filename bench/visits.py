"""One visit: a variant gets load for a while, and what it used and how it answered is written down."""

import itertools
import json
import sys
from collections.abc import Mapping
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
_FIRST_NUMBERS = itertools.count(step=100_000_000)


async def visit(
    stage: Stage, variant: Running, load: Load, *, round_number: int = 0, keep_redis: bool = False
) -> Visit:
    """Load a variant, and return what was measured; what went wrong with requests stands in `faults`.

    Raises ProgramFailed when the variant or the load ends by itself.
    """
    await stage.begin_anew(latency_ms=load.lcm_ms, contacts=load.contacts, keep_redis=keep_redis)
    clocks.forget_peak(variant.pids)
    command = [sys.executable, "-m", "bench.load", "--amqp-url", stage.amqp_url]
    command += ["--queue", variant.queues[load.work], "--first-number", str(next(_FIRST_NUMBERS))]
    async with talking(
        [*command, *load.arguments()], name="the load", guard=stage.guard, cores=stage.cores.rest
    ) as talk:
        readings = await _watch(stage, variant, talk, load)
        outcome = json.loads(await talk.line(load.seconds + DRAIN_SECONDS + LOAD_START_SECONDS))
    pids = variant.pids  # raises when one of them ended
    asked = expected_calls(variant.variant, load, outcome["sent"])
    faults = faults_in(outcome, await stage.counts(), asked)
    if faults:
        await stage.purge(variant.queues[load.work])
    variant.forget_log()
    measured, seconds = outcome["measured"], outcome["seconds"]
    costs = {
        name: figures.cpu_per_request(begin, end, measured, seconds) * 1e6
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
        servers_us=costs,
        peak_bytes=clocks.peak_bytes(pids),
        resident_bytes=clocks.resident_bytes(pids),
        latency_ms=outcome["latency_ms"],
        sent=outcome["sent"],
        faults=faults,
    )


async def _watch(
    stage: Stage, variant: Running, talk: Talking, load: Load
) -> dict[str, tuple[Reading, Reading]]:
    """Read the CPU clocks when the load says that its measured interval begins and ends.

    Returned by the name of the server, the variant's own under "". Raises ProgramFailed.
    """
    watched = {"": variant.pids} | {name: [pid] for name, pid in stage.servers.items()} | {"load": [talk.pid]}
    taken = []
    for mark, seconds in (("begin", load.warm_up), ("end", load.seconds)):
        said = await talk.line(seconds + LOAD_START_SECONDS)
        if json.loads(said) != {"mark": mark}:
            raise ProgramFailed(f"the load said {said!r} in place of its mark {mark!r}")
        taken.append({name: clocks.read(pids) for name, pids in watched.items()})
    begins, ends = taken
    return {name: (begins[name], ends[name]) for name in watched}


@dataclass(frozen=True, slots=True)
class Asked:
    """How often LCM should have been called, at least and at most."""

    least: int
    most: int


def expected_calls(variant: Variant, load: Load, sent: int) -> Asked:
    """Return how often LCM should be called for `sent` requests."""
    if not variant.calls_lcm:
        return Asked(0, 0)
    if load.cached:
        return Asked(0, min(sent, load.agents))
    return Asked(sent, sent)


def faults_in(outcome: Mapping[str, Any], counts: Mapping[str, Any], asked: Asked) -> list[str]:
    """Say what was wrong with the replies (the load's outcome), or with what LCM was asked (its counts)."""
    faults = [f"{outcome[kind]} replies {kind}" for kind in ("lost", "repeated", "wrong") if outcome[kind]]
    if outcome["first_wrong"]:
        faults.append(f"the first wrong one: {outcome['first_wrong']}")
    if counts["repeated_effects"]:
        faults.append(f"{counts['repeated_effects']} effects carried out again")
    calls = sum(counts["calls"].values())
    if not asked.least <= calls <= asked.most:
        faults.append(f"LCM was called {calls} times for {outcome['sent']} requests")
    return faults
