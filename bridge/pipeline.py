"""The story of a request, from delivery to acknowledgement. The order of things is decided here.

    may we answer? -> read the envelope -> which operation? -> permitted? -> valid? -> repeated?
    -> expired? -> cached? -> call LCM -> record -> reply (confirmed) -> acknowledge

What each step knows stands elsewhere: the operations are pure, the adapters hide one system each.
"""

import asyncio
import time
from typing import Literal

import structlog

from bridge.case import Case
from bridge.envelope import Limits, ReplyAsRequest, parse
from bridge.failures import (
    ContactNotFound,
    ContactNotReserved,
    Failure,
    InternalError,
    InvalidEnvelope,
    LcmBadResponse,
    LcmTimeout,
    LcmUnavailable,
    NotPermitted,
    OutcomeUnknown,
    RequestExpired,
)
from bridge.jsontypes import JsonValue
from bridge.messages import Delivery, Reason
from bridge.metrics import Metrics
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Answer, Command, Operation, UnexpectedResult
from bridge.outbox import Outbox
from bridge.ports import CallFailed, CallTerms, ContactCache, Lcm, PublishFailed, StoreUnavailable
from bridge.replies import ReplyPolicy

log = structlog.get_logger(__name__)

REQUEUE_PAUSE = 1.0
"""Seconds before a request that cannot even be dead-lettered is given back: no hot loop."""


class Unanswerable(Exception):
    """Nobody may be told: the request goes to the dead letters under ``reason``."""

    def __init__(self, reason: Reason, error: str) -> None:
        super().__init__(error)
        self.reason = reason


class Pipeline:
    """Handles deliveries; one instance serves every queue."""

    def __init__(  # noqa: PLR0913 - the one place where everything meets
        self,
        *,
        catalogue: Catalogue,
        limits: Limits,
        access: dict[str, list[str]],
        require_fetched: bool,
        reply_policy: ReplyPolicy,
        lcm: Lcm,
        cache: ContactCache,
        outbox: Outbox,
        metrics: Metrics,
    ) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._access = {name.casefold(): frozenset(users) for name, users in access.items()}
        self._require_fetched = require_fetched
        self._reply_policy = reply_policy
        self._lcm = lcm
        self._cache = cache
        self._outbox = outbox
        self._metrics = metrics

    async def handle(self, delivery: Delivery) -> None:
        """Work on one request until it is settled. Raises nothing but cancellation."""
        case = Case(delivery, started=time.monotonic())
        structlog.contextvars.bind_contextvars(
            queue=delivery.queue,
            correlation_id=delivery.properties.correlation_id,
            message_id=delivery.properties.message_id,
            trace_id=delivery.trace_id(),
        )
        try:
            await self._answer(case)
        except PublishFailed as error:
            await self._not_answered(case, error)
        except Exception as error:  # the last boundary: whatever it is, the request must come back
            log.exception("request.internal_error", error=str(error))
            await self._not_answered(case, error)
        else:
            await delivery.settler.ack()
            self._settled(case)

    async def _not_answered(self, case: Case, error: Exception) -> None:
        if case.delivery.settler.lost:
            log.warning("request.delivery_lost", next="the broker delivers it again")
            return
        log.error("request.not_answered", error=str(error), next="given back to the queue")
        await asyncio.sleep(REQUEUE_PAUSE)
        await case.delivery.settler.requeue()

    # --- the way to an answer -------------------------------------------------------------------

    async def _answer(self, case: Case) -> None:
        try:
            answer = await self._find_answer(case)
            await self._outbox.tell_success(case, answer)
        except PublishFailed:
            raise
        except Unanswerable as end:
            case.outcome = end.reason.value
            await self._outbox.dead_letter(case, end.reason, str(end))
        except Failure as failure:
            await self._outbox.tell_failure(case, failure)
        except Exception as error:  # the boundary: a fault of ours must not lose the request
            log.exception("request.internal_error", error=str(error))
            await self._outbox.tell_failure(
                case,
                OutcomeUnknown("the bridge failed after LCM was called")
                if case.effect_begun
                else InternalError("the bridge failed; its log says more"),
            )

    async def _find_answer(self, case: Case) -> Answer:
        delivery = case.delivery
        if refusal := self._reply_policy.refusal(delivery.reply_to):
            raise Unanswerable(Reason.REPLY_TO_REFUSED, refusal)
        try:
            envelope = parse(delivery.body, self._limits)
        except InvalidEnvelope as invalid:
            case.channel = invalid.channel
            raise
        except ReplyAsRequest as error:
            raise Unanswerable(Reason.REPLY_AS_REQUEST, "the envelope is a reply") from error
        case.channel = envelope.channel
        operation, case.route = self._catalogue.find(envelope)
        case.operation = operation
        structlog.contextvars.bind_contextvars(operation=operation.name, source=_bounded(envelope.source))
        if delivery.unreadable:
            raise InvalidEnvelope(f"AMQP properties that cannot be read: {delivery.unreadable}")
        deadline, _ = delivery.deadline(), delivery.key()
        self._check_permission(operation, delivery.properties.user_id)
        command = operation.translate(envelope)
        return await self._perform(case, operation, command, deadline)

    def _check_permission(self, operation: Operation, user: str | None) -> None:
        permitted = self._access.get(operation.name.casefold())
        if permitted is not None and user not in permitted:
            raise NotPermitted(
                f"this user may not use {operation.name}"
                if user
                else f"{operation.name} is restricted: publish with the broker-validated property user_id"
            )

    async def _perform(
        self, case: Case, operation: Operation, command: Command, deadline: float | None
    ) -> Answer:
        if command.side_effect and case.delivery.redelivered:
            # Whether it ran the first time cannot be told, and LCM does not recognise a repetition.
            # Judged before the deadline: "expired" would say that there was no effect.
            raise OutcomeUnknown("the request was delivered before and may have been carried out then")
        if deadline is not None and deadline <= time.time():
            raise RequestExpired("the request's deadline passed before LCM was called")
        if command.reserved and (cached := await self._from_cache(case, operation, command, "fresh")):
            return cached
        if command.skips is not None and self._require_fetched:
            await self._check_fetched(command)
        asked = time.time()
        try:
            result = await self._call(case, command, deadline)
        except (LcmUnavailable, LcmTimeout):
            if command.reserved and (stale := await self._from_cache(case, operation, command, "any")):
                return stale
            raise
        try:
            answer = self._read(operation, command, result)
        except ContactNotFound:
            if command.reserved:  # LCM says that none is reserved: forget what was
                await self._record(command, Answer({}), asked)
            raise
        await self._record(command, answer, asked)
        return answer

    async def _call(self, case: Case, command: Command, deadline: float | None) -> JsonValue:
        if command.call is None:
            return None
        case.effect_begun = command.side_effect
        try:
            return await self._lcm.call(
                command.call, CallTerms(deadline=deadline, side_effect=command.side_effect)
            )
        except CallFailed as failed:
            if command.side_effect and failed.effect_possible:
                if command.skips is not None:  # it may be gone, so the cache must not offer it
                    await self._record(command, Answer({}), time.time())
                raise OutcomeUnknown(
                    f"LCM may or may not have carried this out: {failed.failure.message}"
                ) from failed
            raise failed.failure from failed

    @staticmethod
    def _read(operation: Operation, command: Command, result: JsonValue) -> Answer:
        try:
            return operation.answer(command, result)
        except UnexpectedResult as unexpected:
            message = f"LCM's answer to {operation.name} has not the expected shape: {unexpected}"
            if command.side_effect:
                raise OutcomeUnknown(message) from unexpected
            raise LcmBadResponse(message) from unexpected

    # --- the contact cache ----------------------------------------------------------------------

    async def _from_cache(
        self, case: Case, operation: Operation, command: Command, age: Literal["fresh", "any"]
    ) -> Answer | None:
        if command.reserved is None or command.agent is None:
            return None
        case.cache = "miss"
        try:
            contacts = await self._cache.find(command.agent, command.reserved, age=age)
        except StoreUnavailable:
            self._metrics.contact_cache.labels("error").inc()
            return None
        if not contacts or (age == "fresh" and len(contacts) < command.reserved.count):
            if age == "fresh":
                self._metrics.contact_cache.labels("miss").inc()
            return None
        case.cache = "hit" if age == "fresh" else "stale"
        self._metrics.contact_cache.labels(case.cache).inc()
        return operation.answer_cached(contacts[: command.reserved.count])

    async def _check_fetched(self, command: Command) -> None:
        try:
            fetched = await self._cache.holds(command.agent or "", command.skips or "")
        except StoreUnavailable as error:
            raise InternalError(
                "the contact cache is away, so it is not known who fetched the contact"
            ) from error
        if not fetched:
            raise ContactNotReserved("the contact is not among those that this agent has fetched")

    async def _record(self, command: Command, answer: Answer, asked: float) -> None:
        """Bring the cache up to date. LCM has answered: a Redis that is away does not change the reply."""
        if command.agent is None:
            return
        try:
            if command.skips is not None:
                await self._cache.drop(command.agent, command.skips)
            elif command.shelf is not None:
                await self._cache.keep(
                    command.agent, command.shelf, answer.contacts, asked=asked, reserved=command.reserved
                )
        except StoreUnavailable as error:
            self._metrics.contact_cache.labels("error").inc()
            log.warning("contact_cache.not_updated", error=str(error))

    def _settled(self, case: Case) -> None:
        seconds = time.monotonic() - case.started
        self._metrics.requests.labels(case.operation_name, case.outcome).inc()
        self._metrics.request_seconds.labels(case.operation_name).observe(seconds)
        log.info(
            "request.settled",
            operation=case.operation_name,
            outcome=case.outcome,
            error=case.error,
            seconds=round(seconds, 4),
            cache=case.cache,
            redelivered=case.delivery.redelivered,
        )


def _bounded(text: str | None) -> str | None:
    return text if text is None else text[:128]
