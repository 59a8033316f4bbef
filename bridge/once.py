"""At most once per key: claim -> call -> record. What a repetition is told stands here too.

the ledger says     the request is
claimed             carried out, and its end recorded before anybody is told
ended               answered with the stored reply
running             waited for; somebody else carries it out
cut off             OUTCOME_UNKNOWN: its worker died between call and record
other content       refused
(Redis is away)     held, or carried out unrecorded, as the setting says
"""

import asyncio
import random
import time
from typing import Final, assert_never

import orjson
import structlog

from bridge.case import Case, tell_fault
from bridge.endings import Ending
from bridge.failures import Failure, IdempotencyMismatch, OutcomeUnknown
from bridge.messages import KeySource
from bridge.metrics import Metrics
from bridge.operations.model import Answer, Command, Operation
from bridge.performance import Performer, cache_change
from bridge.ports import (
    CacheChange,
    Claim,
    CutOff,
    Ended,
    Found,
    Ledger,
    LedgerKey,
    Mismatch,
    Running,
    StoreUnavailable,
)
from bridge.settings import Ledger as LedgerSettings

log = structlog.get_logger(__name__)

_FIRST_LOOK, _SLOWEST_LOOK = 0.05, 0.5
"""Seconds between looks at a request that somebody else carries out."""

_KEY_IS: Final[dict[KeySource, str]] = {
    "header": "the header idempotency-key",
    "message-id": "its message_id",
    "reply-address": "its reply_to and correlation_id",
}

_NOT_KNOWN_WHO = "the contact cache is away, so it is not known who fetched the contact"


class Held(Exception):
    """Redis is away, and a side effect must not be risked without it."""


class StillRunning(Exception):
    """Somebody else carries the request out, and this process cannot wait for them any longer."""


class AnsweredElsewhere(Exception):
    """It was done, but too late: another copy of the request has been told that this is not known."""


class Once:
    """Carries out side effects at most once per key."""

    def __init__(  # noqa: PLR0913 - two adapters and what bounds their use
        self,
        *,
        ledger: Ledger,
        performer: Performer,
        settings: LedgerSettings,
        longest_call: float,
        draining: asyncio.Event,
        metrics: Metrics,
    ) -> None:
        self._ledger = ledger
        self._performer = performer
        self._settings = settings
        # An owner who renews the lease for longer than this is not calling LCM any more.
        self._patience = longest_call + settings.record_within + 2 * settings.lease
        self._draining = draining
        self._metrics = metrics

    async def carry_out(self, case: Case, operation: Operation, command: Command) -> Answer:
        """Return the answer, now or as it was stored.

        Raises `Failure`, `Held`, `StillRunning` or `AnsweredElsewhere`.
        """
        answer = await self._carry_out(case, operation, command)
        case.effect_done = True
        return answer

    async def _carry_out(self, case: Case, operation: Operation, command: Command) -> Answer:
        request = case.delivery.key()
        if request is None:
            return await self._unprotected(case, operation, command)
        key = LedgerKey(operation.name, request)
        case.doubtful = case.delivery.repeated  # until the ledger has said what is known
        try:
            with case.step("claim"):
                found = await self._claim(key, content(command), case)
        except StoreUnavailable as error:
            if case.delivery.repeated or self._settings.when_unavailable == "hold":
                raise Held("the request ledger is away") from error
            case.ledger = "unrecorded"
            log.warning("request.unrecorded", error=str(error), next="a repetition is not recognised")
            return await self._unrecorded(case, operation, command)
        case.doubtful = found.doubtful if isinstance(found, Claim) else True
        match found:
            case Claim():
                return await self._under(found, case, operation, command)
            case Ended():
                return await self._told_again(found.ending, case, command)
            case CutOff():
                await self._performer.update(case, cache_change(command, None, time.time()))
                raise OutcomeUnknown(
                    "an earlier delivery of the request called LCM, and what came of it is not recorded: "
                    "it may or may not have been carried out"
                )
            case Mismatch():
                raise IdempotencyMismatch(
                    f"the key of the request ({_KEY_IS[request.source]}) was used before, with other data:"
                    " a new request needs a new key"
                )
            case Running():
                raise StillRunning("another delivery of the request is being carried out")
            case _:
                assert_never(found)

    async def _unprotected(self, case: Case, operation: Operation, command: Command) -> Answer:
        self._metrics.ledger.labels("unprotected").inc()
        case.ledger = "unprotected"
        log.warning("request.unprotected", next="give it an idempotency-key or a message_id")
        if case.delivery.redelivered:
            raise OutcomeUnknown("the request has no key, was delivered before and may have been carried out")
        return await self._unrecorded(case, operation, command)

    async def _unrecorded(self, case: Case, operation: Operation, command: Command) -> Answer:
        try:
            return await self._performer.perform(case, operation, command)
        except StoreUnavailable as error:
            raise Held(_NOT_KNOWN_WHO) from error

    async def _claim(self, key: LedgerKey, text: str, case: Case) -> Found:
        """Claim, or wait for whoever has: their end is the answer.

        Raises `StoreUnavailable`, but `Held` once it is known that somebody else carries it out.
        """
        until = time.monotonic() + self._patience
        pause = _FIRST_LOOK
        repeated = case.delivery.repeated and case.reply_to is not None
        found = await self._ledger.claim(key, text, repeated=repeated)
        if isinstance(found, Running):
            self._metrics.ledger.labels("waited").inc()
        while isinstance(found, Running) and time.monotonic() < until and not self._draining.is_set():
            try:
                async with asyncio.timeout(random.uniform(pause / 2, pause)):  # noqa: S311 - jitter
                    await self._draining.wait()
            except TimeoutError:
                pass
            pause = min(2 * pause, _SLOWEST_LOOK)
            try:
                found = await self._ledger.claim(key, text, repeated=repeated)
            except StoreUnavailable as error:
                raise Held("the request ledger went away while another delivery was waited for") from error
        return found

    async def _under(self, claim: Claim, case: Case, operation: Operation, command: Command) -> Answer:
        asked = time.time()
        try:
            answer = await self._performer.call(
                case, operation, command, idempotency_key=self._header(claim.key)
            )
        except Failure as failure:
            if failure.retryable and claim.doubtful:
                failure = OutcomeUnknown(f"it may have been carried out before; now: {failure.message}")
            if failure.retryable:
                # Whoever is told that there was no effect is told so again, should this worker die now.
                await self._release(claim, case, failure if case.reply_to is not None else None)
            else:
                unknown = isinstance(failure, OutcomeUnknown)
                change = cache_change(command, None, asked) if unknown else None
                await self._complete(claim, Ending(failure), change, case)
            raise failure from failure.__cause__
        except StoreUnavailable as error:
            await self._release(claim, case)
            raise Held(_NOT_KNOWN_WHO) from error
        except asyncio.CancelledError:
            self._ledger.abandon(claim)
            raise
        except Exception as error:  # a fault of ours: whoever asks again must learn whether LCM was called
            if not (case.effect_begun or case.doubtful):
                await self._release(claim, case)
                raise
            tell_fault(error, "LCM may have acted, see the dead letters")
            unknown_outcome = OutcomeUnknown("the bridge failed after LCM was called")
            await self._complete(claim, Ending(unknown_outcome), cache_change(command, None, asked), case)
            raise unknown_outcome from error
        await self._complete(claim, Ending(answer.message), cache_change(command, answer, asked), case)
        return answer

    async def _complete(self, claim: Claim, ending: Ending, change: CacheChange | None, case: Case) -> None:
        try:
            with case.step("record"):
                first = await self._ledger.complete(claim, ending, change)
        except StoreUnavailable as error:
            case.ledger = "not_recorded"
            log.error(
                "ledger.not_recorded",
                error=str(error),
                next="recorded when Redis is back; until then a repetition is OUTCOME_UNKNOWN",
            )
            return
        if not first:
            case.ledger = "recorded_late"
            log.warning("ledger.recorded_late", next="a repetition was told that the outcome is unknown")
            if case.delivery.settler.lost:  # the repetition was this request's, and it has its answer
                case.error = "it was done, but after another delivery of it was told that this is not known"
                raise AnsweredElsewhere
            # This copy is a request of its own, and gets the truth.

    async def _release(self, claim: Claim, case: Case, told: Failure | None = None) -> None:
        try:
            with case.step("record"):
                await self._ledger.release(claim, told)
        except StoreUnavailable as error:
            case.ledger = "not_released"
            log.warning("ledger.not_released", error=str(error), next="released when Redis is back")

    async def _told_again(self, ending: Ending, case: Case, command: Command) -> Answer:
        case.replayed = True
        if isinstance(ending.end, Failure):
            raise ending.end
        if command.skips is not None or command.forgets is not None:
            await self._performer.update(case, cache_change(command, None, time.time()))
        return Answer(ending.end)

    def _header(self, key: LedgerKey) -> str | None:
        """Return what an LCM front recognises a repetition by, where the setting counts on one."""
        return None if self._settings.unknown_outcome == "report" else key.digest


def content(command: Command) -> str:
    """Return a command's content in the form that repetitions are compared by."""
    return orjson.dumps(command.content, option=orjson.OPT_SORT_KEYS).decode()
