"""Are the exchanges and queues there, as the settings say, and may the user declare, bind and consume.

Where a permission can be told only by trying, what is tried is refused in any case: RabbitMQ looks at the
permission first (https://www.rabbitmq.com/docs/access-control says which, its ``rabbit_channel.erl`` in
which order), so the refusal tells which of both it was. Nothing is made, and no message taken: a consumer
on a live queue would be given requests, and give them back as redelivered. RabbitMQ logs each refusal.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelClosed,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from bridge.bus.differences import Difference, compare, kind_of, limits, read
from bridge.bus.topology import Binding, Exchange, Limits, Part, Queue, declare, look_for
from bridge.cli.check.broker import Broker
from bridge.cli.check.broker_access import permit
from bridge.cli.check.finding import Finding, failed, ok, warning
from bridge.settings import Amqp

_NO_INTEGER: Final = "lcm-bridge check"
"""What no queue is declared with, and no consumer registered with, where an integer must stand."""

Item = TypeVar("Item")


async def declarations(
    broker: Broker, parts: Iterable[Part], *, may_declare: bool
) -> tuple[list[Finding], dict[str, Limits]]:
    """Look at each exchange and queue; one line if all is well, else one for each that is not.

    With them come the limits that queues have otherwise than the settings say, by their names.
    """
    things = _once(part for part in parts if isinstance(part, Exchange | Queue))
    looks = await asyncio.gather(*(_declaration(broker, part, may_declare=may_declare) for part in things))
    kept = {
        part.name: limits(look.differs)
        for part, look in zip(things, looks, strict=True)
        if isinstance(part, Queue)
    }
    if faults := [finding for look in looks for finding in look.faults]:
        return faults, kept
    there = sum(look.there for look in looks)
    found = f"{there} exchanges and queues are there"
    if there:
        found += ", as the settings say" if may_declare else "; amqp.declare is false"
    if missing := len(looks) - there:
        found += f"; {missing} are not there yet: the first worker declares them, which the user may do"
    return [ok("declare", found)], kept


class _Look(NamedTuple):
    there: bool
    faults: Sequence[Finding] = ()
    differs: Sequence[Difference] = ()


async def _declaration(broker: Broker, part: Exchange | Queue, *, may_declare: bool) -> _Look:
    kind = kind_of(part)
    answer = await broker.ask(partial(look_for, part=part))
    differs: list[Difference] = []
    missing = isinstance(answer, ChannelNotFoundEntity)
    if missing and not may_declare:
        finding = failed(
            "declare",
            f"this {kind} is not there, and amqp.declare is false",
            "have whoever declares the site's exchanges and queues declare it, or set amqp.declare to true",
            subject=part.name,
        )
        return _Look(there=False, faults=[finding])
    if missing:
        answer = await broker.ask(partial(_declare_in_vain, part=part))
        if isinstance(answer, ChannelPreconditionFailed):
            return _Look(there=False)
    elif may_declare and answer is None:
        # What every worker does all the time: it changes nothing about what is there.
        differs, answer = await compare(part, broker.ask)
    faults = [_differs(one) for one in differs]
    if answer is not None and all(one.kept for one in differs):
        faults.append(_not_declared(broker, part, answer))
    return _Look(there=True, faults=faults, differs=differs)


def _differs(one: Difference) -> Finding:
    """Tell of a difference in the words of a worker's log."""
    tell = warning if one.kept else failed
    return tell(
        "declare", f"this {one.kind} is declared otherwise: {one.found}", one.advice, subject=one.name
    )


async def _declare_in_vain(channel: AbstractChannel, part: Exchange | Queue) -> None:
    if isinstance(part, Exchange):
        await declare(channel, part._replace(arguments={"alternate-exchange": 0}))  # must be a text
    else:
        await declare(channel, part._replace(arguments=part.arguments | {"x-expires": _NO_INTEGER}))


def _not_declared(broker: Broker, part: Exchange | Queue, refusal: ChannelClosed) -> Finding:
    kind, name = kind_of(part), part.name
    if (
        differs := read(refusal, part)
    ) is not None:  # somebody else's exclusive queue cannot even be looked at
        return _differs(differs)
    found, advice = f"this {kind} cannot be looked at: {refusal}", "see the log of RabbitMQ"
    if isinstance(refusal, ChannelAccessRefused):
        found = f"the user may not declare this {kind}: {refusal}"
        # A queue's dead-letter exchange is written to on the user's behalf, which reads the queue.
        granted = permit(broker, refusal, {f"{kind} {name}": "configure (and read)"}, otherwise="write")
        advice = f"{granted}; or have others declare it, with amqp.declare = false"
    return failed("declare", found, advice, subject=name)


async def bindings(broker: Broker, parts: Iterable[Part]) -> list[Finding]:
    """Try whether the user may bind, by unbinding what is not bound: no binding has these arguments."""
    bound = _once(part for part in parts if isinstance(part, Binding))
    nobodys = {"x-lcm-bridge-check": uuid4().hex}
    answers = await asyncio.gather(
        *(broker.ask(partial(_unbind, binding=binding, arguments=nobodys)) for binding in bound)
    )
    faults: dict[str, Finding] = {}
    for binding, answer in zip(bound, answers, strict=True):
        if isinstance(answer, ChannelAccessRefused):
            found = f"the user may not bind this queue to {binding.exchange}: {answer}"
            advice = permit(broker, answer, {f"queue {binding.queue}": "write"}, otherwise="read")
            faults[str(answer)] = failed("bind", found, advice, subject=binding.queue)
    return list(faults.values()) or [ok("bind", f"{len(bound)} bindings, which the user may make")]


async def _unbind(channel: AbstractChannel, binding: Binding, arguments: dict[str, Any]) -> None:
    await channel.queue_unbind(
        binding.queue, binding.exchange, routing_key=binding.routing_key, arguments=arguments
    )


async def consuming(broker: Broker, settings: Amqp) -> list[Finding]:
    """Try whether the user may consume, with a priority that is no integer: no consumer is registered."""
    if broker.properties.get("product") != "RabbitMQ":
        # Another broker might register the consumer.
        found = "not tried: only RabbitMQ is known to refuse the trial without a consumer"
        return [warning("consume", found, "see that the user may consume")]
    queues = (settings.agent_queue, settings.campaign_queue, settings.dead_letters_queue)
    answers = await asyncio.gather(*(broker.ask(partial(_consume_in_vain, queue=queue)) for queue in queues))
    found_out = []
    for queue, answer in zip(queues, answers, strict=True):
        if isinstance(answer, ChannelPreconditionFailed | ChannelNotFoundEntity):
            continue
        found = f"the user may not consume from this queue: {answer}"
        advice = permit(broker, answer, {}, otherwise="read")
        if queue == settings.dead_letters_queue:
            advice = f"lcm-bridge dead-letters needs it: {advice}"
            found_out.append(warning("consume", found, advice, subject=queue))
        else:
            found_out.append(failed("consume", found, advice, subject=queue))
    return found_out or [ok("consume", "the user may consume from the request queues and the dead letters")]


async def _consume_in_vain(channel: AbstractChannel, queue: str) -> None:
    await channel.basic_consume(queue, _never, arguments={"x-priority": _NO_INTEGER})


async def _never(message: DeliveredMessage) -> None:
    raise AssertionError(f"a consumer was registered, and got delivery {message.delivery_tag}")


def _once(items: Iterable[Item]) -> Sequence[Item]:
    found: list[Item] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
