"""What a request's lines bear ends with the request, whatever was opened while it was worked on."""

import asyncio
import json
import logging
from contextvars import Context, copy_context
from typing import Any, cast

from logs.log_lines import Lines
from operations.core_deliveries import delivered
from operations.core_requests import CATALOGUE, LIMITS

from bridge.case import kept_private, noted
from bridge.messages import Delivery
from bridge.metrics import Metrics
from bridge.operations.model import Answer
from bridge.permission import Permission
from bridge.pipeline import Pipeline
from bridge.replies import ReplyPolicy
from bridge.settings import Retry
from bridge.tracing.trace import Tracing

library = logging.getLogger("some.library")


class Settler:
    """Takes every acknowledgement."""

    lost = False

    async def ack(self) -> None:
        """Take it."""

    async def requeue(self, *, failed: bool) -> None:
        """Fail the test."""
        raise AssertionError("given back in vain" if failed else "given back")


class Connecting:
    """Stands for LCM and the broker: opens what keeps the context of the request that needed it first."""

    def __init__(self) -> None:
        self.kept: list[Context] = []

    async def perform(self, *_: Any) -> Answer:
        """Answer, after a task of the request's own has logged."""
        self.kept.append(copy_context())
        await asyncio.create_task(self._in_a_task())
        return Answer({})

    async def _in_a_task(self) -> None:
        library.warning("no such name %s", "Erika Mustermann")

    async def tell_success(self, *_: Any) -> None:
        """Take the answer."""


def pipeline(parts: Connecting) -> Pipeline:
    """Return one with nothing behind it."""
    anything = cast("Any", parts)
    return Pipeline(
        catalogue=CATALOGUE,
        limits=LIMITS,
        permission=Permission({}),
        reply_policy=ReplyPolicy(allowed=["*"], own_queues=[], own_prefix="lcm."),
        performer=anything,
        once=anything,
        outbox=anything,
        retry=Retry(),
        hold_for=1.0,
        campaign_queue="lcm.requests.campaign",
        metrics=Metrics(),
        tracing=Tracing(),
    )


def read(number: int) -> Delivery:
    """Return a request that changes nothing."""
    envelope = {"channel": "LCM", "topic": "WebService", "subtopic": "GetReservedContactOD"}
    data = {"UserID": "testagent", "about": "Erika Mustermann"}
    delivery = delivered(
        body=json.dumps(envelope | {"data": data}).encode(),
        correlation_id=f"c-{number}",
        reply_to="replies",
    )
    delivery.settler = Settler()
    return delivery


async def test_a_connection_keeps_nothing_of_the_request_that_opened_it(lines: Lines) -> None:
    """Neither its data in memory nor its ids on lines; while it was worked on, its tasks had both."""
    lines.configure()
    lcm = Connecting()
    await asyncio.gather(*(pipeline(lcm).handle(read(number)) for number in range(3)))
    during = [line for line in lines.read() if line["event"] != "request.settled"]
    for context in lcm.kept:
        context.run(library.warning, "connection lost")
    after = lines.read()

    assert {"c-0", "c-1", "c-2"} == {line["correlation_id"] for line in during}
    assert {"no such name ***nn"} == {line["event"] for line in during}
    assert [None] * 3 == [context.run(kept_private) for context in lcm.kept]
    assert [{}] * 3 == [context.run(noted) for context in lcm.kept]
    assert ["connection lost"] * 3 == [line["event"] for line in after]
    assert [] == [line for line in after if "correlation_id" in line]
