"""How much waits in the queues, and whether anybody takes it: told by passive declarations."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelClosed

from bridge.bus.topology import Topology
from bridge.cli.check.broker import Broker
from bridge.cli.check.finding import Finding, ok, warning

NEARLY_FULL: Final = 0.8
"""Share of its longest length from which a queue is warned of."""


class _Queue(NamedTuple):
    waiting: int
    consumers: int


async def depths(broker: Broker, layout: Topology) -> list[Finding]:
    """Tell how many messages wait in each queue that is there, and how many consumers it has."""
    most = layout.settings.max_length
    found = await asyncio.gather(
        *(_requests(broker, queue, most) for queue in layout.request_queues),
        *(_held(broker, queue, layout.retry_queues(queue), most) for queue in layout.request_queues),
        _letters(broker, layout.settings.dead_letters_queue),
    )
    return [one for one in found if one is not None]


async def _look(broker: Broker, name: str) -> _Queue | None:
    """Return None for a queue that is not there, of which the declarations tell."""
    answer = await broker.ask(partial(_passive, name=name))
    return None if isinstance(answer, ChannelClosed) else answer


async def _passive(channel: AbstractChannel, name: str) -> _Queue:
    declared = await channel.queue_declare(name, passive=True)
    return _Queue(declared.message_count or 0, declared.consumer_count or 0)


async def _requests(broker: Broker, name: str, most: int) -> Finding | None:
    queue = await _look(broker, name)
    if queue is None:
        return None
    found = f"{queue.waiting} waiting of at most {most:,}; {_plural(queue.consumers, 'consumer')}"
    if queue.waiting and not queue.consumers:
        advice = "no worker takes them: start one, or see its /readyz; if the queue is paused, see there"
        return warning("queue", found, advice, subject=name)
    if queue.waiting >= most * NEARLY_FULL:
        advice = (
            "a full queue refuses requests: see that LCM answers, start workers, slow down the publishers"
        )
        return warning("queue", found, advice, subject=name)
    return ok("queue", found, subject=name)


async def _held(broker: Broker, name: str, delayed: Sequence[str], most: int) -> Finding | None:
    looks = await asyncio.gather(*(_look(broker, one) for one in delayed))
    queues = [queue for queue in looks if queue is not None]
    if not queues:
        return None
    held = sum(queue.waiting for queue in queues)
    found = f"{held} held in {_plural(len(queues), 'delayed queue')} of at most {most:,} each"
    if max(queue.waiting for queue in queues) >= most * NEARLY_FULL:
        advice = "they wait for Redis or LCM: see there; what a full queue refuses is dead-lettered"
        return warning("held", found, advice, subject=name)
    return ok("held", found, subject=name)


async def _letters(broker: Broker, name: str) -> Finding | None:
    queue = await _look(broker, name)
    if queue is None:
        return None
    if queue.waiting:
        found = f"{queue.waiting}, which a person should look at"
        return warning("dead letters", found, "lcm-bridge dead-letters list", subject=name)
    return ok("dead letters", "none", subject=name)


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
