"""Telling the end of a request: reply, event or dead letter, each confirmed by the broker."""

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

import structlog

from bridge import forwarding, replies
from bridge.case import Case
from bridge.failures import Failure, OutcomeUnknown, RequestExpired
from bridge.messages import DIRECT_ADDRESS, Outgoing, Reason
from bridge.metrics import Metrics
from bridge.operations.model import Answer
from bridge.ports import Confirmation, PublishFailed, Sender

log = structlog.get_logger(__name__)

REFUSED_PUBLISHES = 3
"""How often the broker may refuse a reply or event (a full queue) before the request is dead-lettered."""


class Addresses(NamedTuple):
    """Where the pipeline publishes to besides the requester's own queue."""

    events_exchange: str
    dead_letters_exchange: str
    dead_letters_queue: str
    retry_queue: Callable[[str, int], str]
    """The delayed queue of a request queue, by milliseconds."""


class Outbox:
    """Publishes what a request ends in. Every method raises `bridge.ports.PublishFailed`."""

    def __init__(self, sender: Sender, addresses: Addresses, metrics: Metrics) -> None:
        self._sender = sender
        self._addresses = addresses
        self._metrics = metrics

    async def tell_success(self, case: Case, answer: Answer) -> None:
        """Reply to the requester; without one, and for what softphones listen to, publish an event.

        Of an operation without a reply nobody is told anything.
        """
        if case.route is None or case.operation is None:
            raise AssertionError("an answer without an operation")
        if not case.replies:
            return
        address = case.route.reply
        body = replies.reply_body(address, answer.message)
        if case.delivery.reply_to is not None:
            await self._reply(
                case, replies.reply(case.delivery, body, cache=case.cache, replayed=case.replayed)
            )
        if case.delivery.reply_to is None or case.operation.broadcast:
            exchange = self._addresses.events_exchange
            event = replies.event(
                case.delivery, address, body, exchange=exchange, cache=case.cache, replayed=case.replayed
            )
            await self._event(case, event)

    async def tell_failure(self, case: Case, failure: Failure) -> None:
        """Reply to the requester; without one, and where a person must look, dead-letter the request."""
        case.outcome, case.error = failure.error_type, failure.message
        if isinstance(failure, OutcomeUnknown):
            await self.dead_letter(case, Reason.OUTCOME_UNKNOWN, failure.message)
        elif case.reply_to is None:
            expired = isinstance(failure, RequestExpired)
            reason = Reason.EXPIRED if expired else Reason.FAILURE_WITHOUT_REPLY_TO
            await self.dead_letter(case, reason, f"{failure.error_type}: {failure.message}")
        if case.reply_to is not None:
            if case.route is not None:
                body = replies.failure_body(case.route.reply, failure)
            else:
                body = replies.error_event(case.channel, failure)
            await self._reply(
                case,
                replies.reply(
                    case.delivery,
                    body,
                    error_type=failure.error_type,
                    cache=case.cache,
                    replayed=case.replayed,
                ),
            )

    async def _reply(self, case: Case, outgoing: Outgoing) -> None:
        try:
            confirmation = case.told = await self._publish(case, outgoing)
        except PublishFailed as error:
            self._metrics.replies.labels("failed").inc()
            if error.kind == "unconfirmed":
                raise
            case.error = f"the reply was refused: {error}"
            no_address = error.kind == "impossible" and outgoing.routing_key.startswith(DIRECT_ADDRESS)
            if case.outcome != OutcomeUnknown.error_type:  # that one is among the dead letters already
                reason = Reason.REPLY_TO_REFUSED if no_address else Reason.RETRIES_EXHAUSTED
                await self.dead_letter(case, reason, case.error)
            return
        self._metrics.replies.labels(confirmation.value).inc()
        if confirmation is Confirmation.UNROUTABLE:
            log.warning("reply.unroutable", reply_to=outgoing.routing_key, next="none: nobody waits for it")

    async def _event(self, case: Case, outgoing: Outgoing) -> None:
        try:
            confirmation = await self._publish(case, outgoing, to=outgoing.exchange)
        except PublishFailed as error:
            self._metrics.events.labels("failed").inc()
            if error.kind == "unconfirmed":
                raise
            # Given back, it would be told again and again to all who did take it.
            case.error = f"the event was refused: {error}"
            await self.dead_letter(case, Reason.RETRIES_EXHAUSTED, case.error)
            return
        self._metrics.events.labels(confirmation.value).inc()

    async def dead_letter(self, case: Case, reason: Reason, error: str) -> None:
        """Publish the request itself to the dead letters, with why in its headers."""
        letter = forwarding.dead_letter(
            case.delivery,
            exchange=self._addresses.dead_letters_exchange,
            queue=self._addresses.dead_letters_queue,
            reason=reason,
            error=error,
            operation=case.operation_name,
            attempts=case.delivery.attempts + 1,
            effect_done=case.effect_done,
        )
        if await self._publish(case, letter, to=letter.exchange) is Confirmation.UNROUTABLE:
            raise PublishFailed("the dead-letter queue is gone")
        case.dead_letter = reason
        self._metrics.dead_letters.labels(reason.value).inc()
        log.warning(
            "request.dead_lettered", reason=reason.value, error=error, next="lcm-bridge dead-letters list"
        )

    async def park(self, case: Case, delay: int, *, attempts: int, why: str, held: bool = False) -> None:
        """Publish the request itself to a delayed queue, from where it comes back after ``delay`` ms."""
        queue = self._addresses.retry_queue(case.delivery.queue, delay)
        message = forwarding.parked(
            case.delivery, queue=queue, attempts=attempts, deadline=case.deadline, held=held
        )
        again = forwarding.perhaps_copied(message)
        if await self._publish(case, message, to=queue, again=again) is Confirmation.UNROUTABLE:
            raise PublishFailed(f"the delayed queue {queue} is gone")
        log.info(
            "request.parked",
            operation=case.operation_name,
            error=why,
            delay_ms=delay,
            attempts=attempts,
            held=held,
            next="it comes back after the delay",
        )

    async def _publish(
        self, case: Case, outgoing: Outgoing, *, to: str | None = None, again: Outgoing | None = None
    ) -> Confirmation:
        """Publish until it is confirmed, refused for good, or the delivery is lost.

        ``to`` names the exchange or queue of the bridge's own for the log; ``again`` is what is published
        after the first attempt, in its place.

        While the delivery lives the broker counts it as ours, so an answer is tried for as long as
        that: the number of such requests is bounded by the prefetch.
        """
        attempt = 0
        with case.step("publish"), case.trace.sending(outgoing):
            while True:
                attempt += 1
                try:
                    return await self._sender.publish(outgoing)
                except PublishFailed as error:
                    given_up = error.kind == "impossible" or (
                        error.kind == "refused" and attempt >= REFUSED_PUBLISHES
                    )
                    if case.delivery.settler.lost or given_up:
                        raise
                    log.warning(
                        "publish.failed",
                        to=to,
                        error=str(error),
                        attempt=attempt,
                        next="published again",
                    )
                outgoing = again or outgoing
                await asyncio.sleep(random.uniform(0.05, min(2.0, 0.1 * 2**attempt)))  # noqa: S311 - jitter
