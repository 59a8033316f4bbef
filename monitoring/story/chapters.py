"""What happens to the site, one thing after the other, with time between to be well again."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from bridge.simulator import Fault
from monitoring.story.load import Load
from monitoring.story.site import Site

RATE: Final = 45.0
WELL_SECONDS: Final = 18.0
FIRST_SECONDS: Final = 12.0
"""Until the first rates look back at scrapes under load only."""

Chapter = Callable[[Site], Awaitable[None]]


async def all_is_well(_site: Site) -> None:
    """Agents are served."""
    await asyncio.sleep(WELL_SECONDS)


async def lcm_is_slow(site: Site) -> None:
    """LCM takes seconds."""
    site.lcm.faults.put(Fault(latency_ms=1200, jitter_ms=1200))
    await asyncio.sleep(22)
    site.lcm.faults.clear()


async def redis_is_away(site: Site) -> None:
    """Redis crashes and comes back: side effects are held."""
    await site.redis.kill()
    await asyncio.sleep(15)
    await site.redis.start()


async def campaigns_are_paused(site: Site) -> None:
    """Somebody pauses the campaigns."""
    await site.command("pause", "campaign")
    await asyncio.sleep(12)
    await site.command("resume", "campaign")


async def outcomes_are_unknown(site: Site) -> None:
    """LCM acts and cuts the connection: nobody knows what happened. It also answers nonsense."""
    site.lcm.faults.put(
        Fault(kind="reset", when="after", method="CreateContact", count=4),
        Fault(kind="wrong_shape", method="GetReservedContactOD", count=12),
    )
    await asyncio.sleep(12)
    site.lcm.faults.clear()


async def rabbitmq_is_away(site: Site) -> None:
    """RabbitMQ crashes and comes back: workers reconnect, and it delivers again."""
    await site.rabbit.kill()
    await asyncio.sleep(8)
    await site.rabbit.start()


async def a_worker_crashes(site: Site) -> None:
    """Kill a worker, and start it again."""
    worker = site.workers[-1]
    worker.signal(signal.SIGKILL)
    await worker.wait()
    await asyncio.sleep(4)
    await worker.start()


async def lcm_is_away(site: Site) -> None:
    """LCM is down for maintenance: the breaker opens."""
    site.lcm.faults.put(Fault(kind="status", status=503))
    await asyncio.sleep(26)


STORY: Final[tuple[Chapter, ...]] = (
    all_is_well,
    lcm_is_slow,
    all_is_well,
    redis_is_away,
    all_is_well,
    campaigns_are_paused,
    outcomes_are_unknown,
    rabbitmq_is_away,
    all_is_well,
    a_worker_crashes,
    all_is_well,
    lcm_is_away,
)


async def tell(site: Site) -> tuple[float, float]:
    """Go through the story under load; return its beginning and its end in unix seconds.

    Raises what a chapter does, in an ExceptionGroup.
    """
    load = Load(site.rabbit.url, rate=RATE)
    async with asyncio.TaskGroup() as group:
        pressing = group.create_task(load.run())
        try:
            await asyncio.sleep(FIRST_SECONDS)
            began = time.time()
            for chapter in STORY:
                said = (chapter.__doc__ or "").partition("\n")[0]
                _say(f"{time.time() - began:6.1f} s  {said}")
                await chapter(site)
            ended = time.time()
        finally:
            pressing.cancel()
    _say(f"{ended - began:6.1f} s  {load.published} requests, {load.replies} replies")
    return began, ended


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
