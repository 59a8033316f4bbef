"""How much waits in the queues, and whether anybody takes it: told by passive declarations."""

import asyncio
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
    found = await asyncio.gather(
        *(_requests(broker, queue, layout.max_length(queue)) for queue in layout.request_queues),
        *(_held(broker, queue, layout) for queue in layout.request_queues),
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


async def _requests(broker: Broker, name: str, most: int | None) -> Finding | None:
    queue = await _look(broker, name)
    if queue is None:
        return None
    found = f"{queue.waiting} waiting{_at_most(most)}; {_plural(queue.consumers, 'consumer')}"
    if queue.waiting and not queue.consumers:
        advice = "no worker takes them: start one, or see its /readyz; if the queue is paused, see there"
        return warning("queue", found, advice, subject=name)
    if most is not None and queue.waiting >= most * NEARLY_FULL:
        advice = (
            "a full queue refuses requests: see that LCM answers, start workers, slow down the publishers"
        )
        return warning("queue", found, advice, subject=name)
    return ok("queue", found, subject=name)


async def _held(broker: Broker, name: str, layout: Topology) -> Finding | None:
    delayed = layout.retry_queues(name)
    looks = await asyncio.gather(*(_look(broker, one) for one in delayed))
    queues = [
        (queue, layout.max_length(one))
        for one, queue in zip(delayed, looks, strict=True)
        if queue is not None
    ]
    if not queues:
        return None
    held = sum(queue.waiting for queue, _ in queues)
    least = min((most for _, most in queues if most is not None), default=None)
    each = f"{_at_most(least)} each" if least is not None else ""
    found = f"{held} held in {_plural(len(queues), 'delayed queue')}{each}"
    if any(most is not None and queue.waiting >= most * NEARLY_FULL for queue, most in queues):
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


def _at_most(most: int | None) -> str:
    return "" if most is None else f" of at most {most:,}"
