"""``make soak``: an hour of load with a fault every two minutes, and nothing that grows.

The load is a share of what the same site can bear, which is measured first. All but the last worker live
through everything, so that what they hold is seen over the whole time.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

import aiohttp
from chaos.counted_worker import LEAKING, TASKS
from chaos.growth import growths
from chaos.run import run
from chaos.sites import Plan, Site
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis
from redis.exceptions import RedisError
from support.worker import admin_url

WORKERS: Final = 3
SETTINGS: Final = {
    "BRIDGE_LEDGER__RETENTION": "300",
    "BRIDGE_LEDGER__UNKNOWN_RETENTION": "300",
    "BRIDGE_CONTACTS__MAX_AGE": "300",
    "BRIDGE_CONTACTS__DEFAULT_AGE": "300",
}
"""What lies in Redis stays for five minutes and not for a day, so that it is seen to go."""

CAPACITY_SECONDS: Final = 60.0
SAMPLE_SECONDS: Final = 10.0
MORE_THAN_IT_BEARS: Final = 2_000.0
"""Requests per second; the clients send the next one when too many are under way."""
MIB: Final = 2**20


SERIES: Final = {
    "rss": ("process_resident_memory_bytes", MIB),
    "fds": ("process_open_fds", 1),
    "tasks": (TASKS, 1),
}
"""What a worker's own metrics say of it, and by what that is divided."""


class Sampler:
    """Takes down now and then what must not grow, one JSON object per line."""

    def __init__(self, site: Site, file: TextIO) -> None:
        self.samples: list[dict[str, Any]] = []
        self._site = site
        self._file = file
        self._started = time.monotonic()
        self._urls: dict[int, str] = {}

    async def run(self) -> None:
        """Sample until cancelled."""
        async with self._clients() as (session, redis):
            for number in range(1, sys.maxsize):
                await asyncio.sleep(self._started + number * SAMPLE_SECONDS - time.monotonic())
                gc.freeze()  # the books of the run grow, and are not garbage
                sample = {
                    "at": round(time.monotonic() - self._started, 1),
                    "requests": len(self._site.traffic.requests),
                    "fault": self._site.now,
                }
                for part in (self._workers(session), self._redis(redis), self._broker(session)):
                    sample |= await part
                self.samples.append(sample)
                self._file.write(f"{json.dumps(sample)}\n")
                self._file.flush()

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[aiohttp.ClientSession, Redis]]:
        redis = Redis.from_url(self._site.redis.url, socket_timeout=2)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            try:
                yield session, redis
            finally:
                await redis.aclose()

    async def _workers(self, session: aiohttp.ClientSession) -> dict[str, float]:
        found = {}
        for number, worker in enumerate(self._site.spared):
            try:
                url = self._urls.setdefault(worker.pid, admin_url(worker.log))
                values = await _scraped(session, f"{url}/metrics")
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue  # it is paused
            for name, (metric, divisor) in SERIES.items():
                found[f"{name} {number}"] = values[metric, ""] / divisor
        return found

    async def _redis(self, redis: Redis) -> dict[str, float]:
        try:
            used = (await redis.info("memory"))["used_memory"] / MIB
            return {"keys": await redis.dbsize(), "redis": used}
        except (RedisError, OSError, TimeoutError):
            return {}

    async def _broker(self, session: aiohttp.ClientSession) -> dict[str, float]:
        try:
            values = await _scraped(session, f"{self._site.rabbit.metrics_url}/per-object")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}
        unacknowledged = [
            values.get(("rabbitmq_queue_messages_unacked", name)) for name in self._site.request_queues
        ]
        known = [value for value in unacknowledged if value is not None]
        return {"unacknowledged": sum(known)} if known else {}


async def _scraped(session: aiohttp.ClientSession, url: str) -> dict[tuple[str, str], float]:
    """Return the values by metric and queue."""
    async with session.get(url) as response:
        families = text_string_to_metric_families(await response.text())
    return {
        (sample.name, sample.labels.get("queue", "")): sample.value
        for family in families
        for sample in family.samples
    }


async def soak(given: argparse.Namespace) -> bool:
    """Measure what the site bears, run it at a share of that, and tell whether nothing grew."""
    plan = Plan(
        seed=given.seed,
        title="capacity",
        program=(str(Path(__file__).with_name("counted_worker.py")), *([LEAKING] if given.leak else [])),
        workers=WORKERS,
        spared=WORKERS - 1,
        latency_ms=given.latency_ms,
        settings=SETTINGS,
        rate=MORE_THAN_IT_BEARS,
        seconds=given.capacity_seconds,
        faults=(),
        pause=(given.capacity_seconds, given.capacity_seconds),
        rounds=0,
        keep=given.keep,
        plugins=("rabbitmq_prometheus",),
    )
    rate = given.rate
    if not rate:
        unbroken = await run(plan, _print)
        capacity = unbroken.sums.sent / given.capacity_seconds
        rate = given.share * capacity
        _print(f"capacity: {capacity:.0f} requests/s; soaked with {given.share:.0%} of it: {rate:.0f}")
    given.samples.parent.mkdir(parents=True, exist_ok=True)
    with given.samples.open("w") as file:
        samplers: list[Sampler] = []

        async def watch(site: Site) -> None:
            samplers.append(Sampler(site, file))
            await samplers[0].run()

        outcome = await run(
            replace(
                plan,
                title="soak",
                rate=rate,
                seconds=given.seconds,
                rounds=1,
                pause=(given.every, given.every),
                faults=None,
                watch=watch,
            ),
            _print,
        )
    found = growths(samplers[0].samples)
    for one in found:
        _print(one.line())
    return outcome.passed and bool(found) and all(one.flat for one in found)


def main() -> int:
    """Read the command line, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chaos.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600, help="how long (3600)")
    parser.add_argument("--every", type=float, default=120, help="seconds between two faults (120)")
    parser.add_argument("--share", type=float, default=0.6, help="of the capacity (0.6)")
    parser.add_argument("--rate", type=float, default=0, help="requests per second, in place of a share")
    parser.add_argument("--capacity-seconds", type=float, default=CAPACITY_SECONDS)
    parser.add_argument("--latency-ms", type=float, default=20, help="how long each call of LCM takes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, default=Path("build/soak.jsonl"), help="where they are kept")
    parser.add_argument("--leak", action="store_true", help="leak in the workers, to see that it is noticed")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    return 0 if asyncio.run(soak(parser.parse_args())) else 1


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    sys.exit(main())
