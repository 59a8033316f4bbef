"""The story of a request, from delivery to acknowledgement. The order of things is decided here.

    may we answer? -> read the envelope -> which operation? -> permitted? -> valid?
    -> side effect: claimed in the ledger? (`once`) -> too late? -> cached? -> call LCM (`performance`)
    -> record -> reply (confirmed) -> acknowledge
    -> or not now: parked in a delayed queue (confirmed) -> acknowledge

What each step knows stands elsewhere: the operations are pure, the adapters hide one system each.
"""

import asyncio
import time

import structlog

from bridge.case import Case, keep_private, log_about, note, tell_fault
from bridge.envelope import ReplyAsRequest, parse
from bridge.failures import (
    Failure,
    InternalError,
    InvalidEnvelope,
    LcmTimeout,
    LcmUnavailable,
    OutcomeUnknown,
    RequestExpired,
)
from bridge.messages import Delivery, Reason, Unanswered
from bridge.metrics import OK, Metrics
from bridge.once import AnsweredElsewhere, Held, Once, StillRunning
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Answer
from bridge.outbox import Outbox
from bridge.performance import Performer
from bridge.permission import Permission
from bridge.ports import PublishFailed
from bridge.replies import ReplyPolicy
from bridge.retries import Delays
from bridge.room import LARGE_BYTES, Room
from bridge.settings import Retry
from bridge.strictjson import Limits
from bridge.tracing.trace import Tracing

log = structlog.get_logger(__name__)

REQUEUE_PAUSE = 1.0
"""Seconds before a request that cannot even be dead-lettered is given back: no hot loop."""

PARKED, UNSETTLED = "parked", "unsettled"
"""How a delivery may end besides the outcomes: it comes back, from a delayed queue or from its own."""


class Unanswerable(Exception):
    """Nobody may be told: the request goes to the dead letters under ``reason``."""

    def __init__(self, reason: Unanswered, error: str) -> None:
        super().__init__(error)
        self.reason = reason


class Pipeline:
    """Handles deliveries; one instance serves every queue."""

    def __init__(  # noqa: PLR0913 - the one place where everything meets
        self,
        *,
        catalogue: Catalogue,
        limits: Limits,
        permission: Permission,
        reply_policy: ReplyPolicy,
        performer: Performer,
        once: Once,
        outbox: Outbox,
        retry: Retry,
        hold_for: float,
        campaign_queue: str,
        metrics: Metrics,
        tracing: Tracing,
    ) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._permission = permission
        self._reply_policy = reply_policy
        self._performer = performer
        self._once = once
        self._outbox = outbox
        self._retry = retry
        self._delays = Delays(retry.delays)
        self._hold_for = hold_for
        self._campaign_queue = campaign_queue
        self._metrics = metrics
        self._tracing = tracing
        self._room = Room()

    async def handle(self, delivery: Delivery) -> None:
        """Work on one request until it is settled. Raises nothing but cancellation."""
        if len(delivery.body) <= LARGE_BYTES:
            await self._handle(delivery)
        else:
            async with self._room.taken(len(delivery.body)):
                await self._handle(delivery)

    async def _handle(self, delivery: Delivery) -> None:
        case = Case(delivery, started=delivery.arrived, trace=self._tracing.begin(delivery))
        about = log_about(delivery.body, **delivery.ids, trace_id=case.trace.id)
        ending = UNSETTLED
        try:
            done = await self._answer(case)
        except PublishFailed as error:
            await self._not_answered(case, error)
        except Exception as error:  # noqa: BLE001 - the last boundary: whatever it is, the request must come back
            tell_fault(error, "the request is given back")
            await self._not_answered(case, error)
        else:
            await delivery.settler.ack()
            ending = case.outcome if done else PARKED
            if done:
                self._settled(case)
        finally:
            about.end()
            case.trace.end(
                operation=case.operation_name,
                outcome=ending,
                cache=case.cache,
                failed=ending not in (OK, PARKED),
            )

    async def _not_answered(self, case: Case, error: Exception) -> None:
        if case.delivery.settler.lost:
            log.warning("request.delivery_lost", error=str(error), next="the broker delivers it again")
            return
        log.error("request.not_answered", error=str(error), next="given back to the queue")
        await asyncio.sleep(REQUEUE_PAUSE)
        await case.delivery.settler.requeue(failed=True)

    # --- the end of a request -------------------------------------------------------------------

    async def _answer(self, case: Case) -> bool:
        """Bring a request to its end, or park it; return whether it has ended."""
        try:
            answer = await self._find_answer(case)
            await self._outbox.tell_success(case, answer)
        except PublishFailed:
            raise
        except Unanswerable as end:
            case.outcome = end.reason.value
            await self._outbox.dead_letter(case, end.reason, str(end))
        except AnsweredElsewhere:
            case.outcome = OutcomeUnknown.error_type
        except Held as held:
            return await self._hold(case, str(held))
        except StillRunning as running:
            return await self._give_back(case, str(running))
        except Failure as failure:
            return await self._fail(case, failure)
        except Exception as error:  # noqa: BLE001 - the boundary: a fault of ours must not lose the request
            tell_fault(error, "the requester is told")
            await self._outbox.tell_failure(
                case,
                OutcomeUnknown("the bridge failed, perhaps after LCM was called")
                if case.effect_begun or case.doubtful
                else InternalError("the bridge failed; its log says more"),
            )
        return True

    async def _fail(self, case: Case, failure: Failure) -> bool:
        """Tell whoever waits. Where nobody does, LCM gets more time, in the delayed queues."""
        delivery = case.delivery
        # What has no reply says how things stand now, as an agent's state: minutes later it may be wrong.
        at_once = case.reply_to is not None or not case.replies
        if at_once or not isinstance(failure, LcmUnavailable | LcmTimeout):
            await self._outbox.tell_failure(case, failure)
            return True
        if case.breaker_open and delivery.queue == self._campaign_queue:
            return await self._give_back(case, failure.message)  # its queue is paused until LCM is back
        attempts = delivery.attempts + 1
        if attempts >= self._retry.attempts:
            case.outcome, case.error = failure.error_type, failure.message
            await self._outbox.dead_letter(
                case, Reason.RETRIES_EXHAUSTED, f"{failure.error_type}: {failure.message}"
            )
            return True
        delay = self._delays.before_retry(attempts)
        await self._outbox.park(case, delay, attempts=attempts, why=failure.message)
        return False

    async def _give_back(self, case: Case, why: str) -> bool:
        """Return a request to its queue: by a delayed one, so that it is not marked as redelivered."""
        await self._outbox.park(case, self._delays.shortest, attempts=case.delivery.attempts, why=why)
        return False

    async def _hold(self, case: Case, why: str) -> bool:
        """Park a request until Redis is back, within its deadline or ``ledger.hold_for``."""
        delivery, now = case.delivery, time.time()
        since = delivery.held_since or now
        until = since + self._hold_for if case.deadline is None else case.deadline
        if now < until:
            left = until - now
            await self._outbox.park(
                case,
                self._delays.while_held(now - since, left),
                attempts=delivery.attempts,
                why=why,
                held=True,
            )
            return False
        message = "its time was up before the request ledger could be asked"
        if delivery.repeated:  # another copy may have been carried out
            told = f"{message}, and a copy of it may have been carried out"
            await self._outbox.tell_failure(case, OutcomeUnknown(told))
        else:
            await self._outbox.tell_failure(case, RequestExpired(message))
        return True

    # --- the way to an answer -------------------------------------------------------------------

    async def _find_answer(self, case: Case) -> Answer:
        delivery = case.delivery
        if delivery.deliveries >= self._retry.deliveries:
            raise Unanswerable(Reason.DELIVERY_LIMIT, f"delivered {delivery.deliveries} times without an end")
        if refusal := self._reply_policy.refusal(delivery.reply_to):
            raise Unanswerable(Reason.REPLY_TO_REFUSED, refusal)
        try:
            envelope = parse(delivery.body, self._limits, left_out=delivery.left_out)
        except InvalidEnvelope as invalid:
            case.channel = invalid.channel
            raise
        except ReplyAsRequest as error:
            raise Unanswerable(Reason.REPLY_AS_REQUEST, "the envelope is a reply") from error
        keep_private(delivery.body if envelope.data is None else envelope.data)
        case.channel = envelope.channel
        operation, case.route = self._catalogue.find(envelope)
        case.operation = operation
        note(operation=operation.name, source=_bounded(envelope.source))
        if delivery.unreadable:
            raise InvalidEnvelope(f"AMQP properties that cannot be read: {delivery.unreadable}")
        # What broker and bridge write on a request that comes again is not its publisher's fault.
        if not delivery.repeated and delivery.header_bytes > self._limits.header_bytes:
            raise InvalidEnvelope(
                f"the AMQP properties have {delivery.header_bytes} bytes, headers included;"
                f" at most {self._limits.header_bytes} are taken (the bridge's setting limits.header_bytes)"
            )
        case.deadline, _ = delivery.deadline(), delivery.key()  # both may be no such thing
        self._permission.check(operation.name, user=delivery.properties.user_id, source=envelope.source)
        command = operation.translate(envelope)
        if command.side_effect:
            return await self._once.carry_out(case, operation, command)
        return await self._performer.perform(case, operation, command)

    def _settled(self, case: Case) -> None:
        seconds = time.monotonic() - case.started
        self._metrics.requests.labels(case.operation_name, case.outcome).inc()
        self._metrics.request_seconds.labels(case.operation_name).observe(seconds)
        log.info("request.settled", **case.account(seconds))


def _bounded(text: str | None) -> str | None:
    return text if text is None else text[:128]
