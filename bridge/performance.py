"""Carrying out a command: not too late? -> cached? -> call LCM -> read its answer -> cache up to date."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import structlog

from bridge.case import Case
from bridge.failures import (
    ContactNotFound,
    ContactNotReserved,
    LcmBadResponse,
    LcmTimeout,
    LcmUnavailable,
    OutcomeUnknown,
    RequestExpired,
)
from bridge.headers import DEADLINE
from bridge.jsontypes import JsonValue
from bridge.metrics import Metrics
from bridge.operations.model import Answer, Command, Contact, Operation, Reserved, UnexpectedResult
from bridge.ports import CacheChange, CallFailed, CallTerms, ContactCache, Lcm, StoreUnavailable, Tries

log = structlog.get_logger(__name__)

_EPOCH: Final = 1970

NOT_UPDATED: Final = "what was cached stays until it expires; a skip is dropped when Redis is back"
"""What comes of a contact cache that could not be brought up to date."""


class Performer:
    """Carries out commands against LCM and the contact cache; knows nothing of repetitions."""

    def __init__(
        self, *, lcm: Lcm, cache: ContactCache, require_fetched: bool, campaign_queue: str, metrics: Metrics
    ) -> None:
        self._lcm = lcm
        self._cache = cache
        self._require_fetched = require_fetched
        self._campaign_queue = campaign_queue
        self._metrics = metrics

    async def perform(self, case: Case, operation: Operation, command: Command) -> Answer:
        """Answer from the cache or from LCM, and bring the cache up to date. Raises `Failure`."""
        check_deadline(case)
        if command.reserved and (cached := await self._from_cache(case, operation, command, "fresh")):
            return cached
        asked = time.time()
        try:
            answer = await self.call(case, operation, command)
        except (LcmUnavailable, LcmTimeout) as failure:
            if command.reserved and (stale := await self._from_cache(case, operation, command, "any")):
                case.lcm_error = failure.message
                return stale
            raise
        except ContactNotFound:
            if command.reserved:  # LCM says that none is reserved: forget what was
                await self.update(case, cache_change(command, Answer({}), asked))
            raise
        except OutcomeUnknown:
            await self.update(case, cache_change(command, None, asked))
            raise
        await self.update(case, cache_change(command, answer, asked))
        return answer

    async def call(
        self, case: Case, operation: Operation, command: Command, *, idempotency_key: str | None = None
    ) -> Answer:
        """Call LCM and read its answer.

        Raises `Failure`; where a side effect may have happened, `OutcomeUnknown`.
        Raises `StoreUnavailable` if the cache had to be asked first and is away.
        """
        check_deadline(case)
        if command.skips is not None and command.fetched and self._require_fetched and not case.doubtful:
            await self._check_fetched(case, command)
        return self._read(operation, command, await self._result(case, command, idempotency_key))

    async def _result(self, case: Case, command: Command, idempotency_key: str | None) -> JsonValue:
        if command.call is None:
            return None
        case.tries = Tries()
        terms = CallTerms(
            deadline=case.deadline,
            side_effect=command.side_effect,
            quick_retries=case.delivery.reply_to is not None or not case.replies,
            patient=case.delivery.queue == self._campaign_queue,
            idempotency_key=idempotency_key,
            tries=case.tries,
            trace=case.trace,
        )
        case.effect_begun = command.side_effect
        try:
            with case.step("lcm"):
                return await self._lcm.call(command.call, terms)
        except CallFailed as failed:
            case.lcm_status = failed.status
            case.breaker_open = failed.breaker_open
            no_answer = case.doubtful and not failed.fault  # to the call before
            if command.side_effect and (failed.effect_possible or no_answer):
                raise OutcomeUnknown(
                    f"LCM may or may not have carried this out: {failed.failure.message}"
                ) from failed
            case.effect_begun = False
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
            with case.step("cache"):
                contacts = await self._cache.find(command.agent, command.reserved, age=age)
        except StoreUnavailable:
            self._metrics.contact_cache.labels("error").inc()
            return None
        answer = None
        if contacts and (age == "any" or len(contacts) >= command.reserved.count):
            answer = _presented(operation, contacts[: command.reserved.count])
        if answer is None:
            if age == "fresh":
                self._metrics.contact_cache.labels("miss").inc()
            return None
        case.cache = "hit" if age == "fresh" else "stale"
        self._metrics.contact_cache.labels(case.cache).inc()
        return answer

    async def _check_fetched(self, case: Case, command: Command) -> None:
        with case.step("cache"):
            fetched = await self._cache.holds(command.agent or "", command.skips or "")
        if not fetched:
            raise ContactNotReserved("the contact is not among those that this agent has fetched")

    async def update(self, case: Case, change: CacheChange | None) -> None:
        """Bring the cache up to date. LCM has answered: a Redis that is away does not change the reply."""
        if change is None:
            return
        try:
            with case.step("cache"):
                await self._change(change)
        except StoreUnavailable as error:
            self._metrics.contact_cache.labels("error").inc()
            log.warning("contact_cache.not_updated", error=str(error), next=NOT_UPDATED)

    async def _change(self, change: CacheChange) -> None:
        if change.skipped is not None:
            await self._cache.drop(change.agent, change.skipped)
        elif change.shelf is not None:
            await self._cache.keep(
                change.agent, change.shelf, change.contacts, asked=change.asked, reserved=change.reserved
            )


def _presented(operation: Operation, contacts: Sequence[Contact]) -> Answer | None:
    """Return cached contacts as the reply, None if one is not the operation's: somebody else wrote it."""
    try:
        return operation.answer_cached(contacts)
    except UnexpectedResult:
        log.warning("contact_cache.unreadable_record", next="it is left to expire and LCM is asked")
        return None


def check_deadline(case: Case) -> None:
    """Raise `RequestExpired` if the request's deadline has passed."""
    if case.deadline is not None and case.deadline <= time.time():
        moment = datetime.fromtimestamp(case.deadline, UTC)
        said = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # A moment of these years in seconds, read as milliseconds.
        is_slip = moment.year == _EPOCH and DEADLINE in case.delivery.properties.headers
        unit = f"; {DEADLINE} is in milliseconds" if is_slip else ""
        raise RequestExpired(f"the request's deadline passed before LCM was called: it was {said}{unit}")


def cache_change(command: Command, answer: Answer | None, asked: float) -> CacheChange | None:
    """Return what a command changes in the cache; without an answer it may or may not have been done."""
    if command.agent is None:
        return None
    if command.skips is not None:  # one that may be gone must not be offered either
        return CacheChange(agent=command.agent, skipped=command.skips)
    if command.forgets is not None:
        nothing = Reserved(command.forgets, 1)
        return CacheChange(agent=command.agent, shelf=command.forgets, asked=asked, reserved=nothing)
    if command.shelf is None or answer is None:
        return None
    return CacheChange(
        agent=command.agent,
        shelf=command.shelf,
        contacts=answer.contacts,
        asked=asked,
        reserved=command.reserved,
    )
