"""LCM as the pipeline calls it: the client behind a circuit breaker, with quick retries."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import structlog

from bridge.credentials import Current
from bridge.failures import InternalError, LcmTimeout, LcmUnavailable, WsError
from bridge.jsontypes import JsonValue
from bridge.lcm.breaker import Breaker, State, Verdict
from bridge.lcm.budget import RetryBudget
from bridge.lcm.client import CutShort, LcmClient
from bridge.lcm.login import Login
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.ports import CallFailed, CallTerms
from bridge.settings import Breaker as BreakerSettings
from bridge.settings import Lcm as LcmSettings
from bridge.settings import Retry as RetrySettings

log = structlog.get_logger(__name__)

_SHOWN_AS: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class LcmGateway:
    """Calls LCM. Open it with ``async with``; implements `bridge.ports.Lcm`.

    All tries of a call together, with the waits between them, take no longer than ``lcm.timeout``.
    """

    def __init__(  # noqa: PLR0913 - three groups of settings, and what they do not say
        self,
        settings: LcmSettings,
        retry: RetrySettings,
        breaker: BreakerSettings,
        metrics: Metrics,
        current: Current[Login] | None = None,
        *,
        methods: Mapping[str, str] | None = None,
    ) -> None:
        """Take the settings, and what `LcmClient` takes."""
        self._client = LcmClient(settings, metrics, current, methods=methods)
        self._timeout = settings.timeout
        self._retry = retry
        self._retried_statuses = frozenset(retry.statuses)
        self._budget = RetryBudget(retry.budget)
        self._breaker = Breaker(breaker, time.monotonic)
        self._metrics = metrics
        self._state = State.CLOSED
        self._listeners: list[Callable[[State], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._probe_ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._metrics.breaker_state.set(_SHOWN_AS[self._state])
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._client.__aexit__(kind, error, trace)

    @property
    def state(self) -> State:
        """The breaker's state, as the listeners were told."""
        return self._state

    def method(self, operation: str) -> str:
        """Return the name that an operation has on the wire."""
        return self._client.method(operation)

    def listen(self, callback: Callable[[State], None]) -> None:
        """Have ``callback`` called at each change of the breaker's state, within the event loop."""
        self._listeners.append(callback)

    async def call(self, call: LcmCall, terms: CallTerms) -> JsonValue:
        """Call LCM and return its unwrapped result. Raises `bridge.ports.CallFailed`."""
        ends = self._end(terms)
        tried = 0
        while True:
            admitted = await self._admit(terms, ends)
            if tried:
                self._metrics.lcm_retries.labels(self.method(call.operation)).inc()
            else:
                self._budget.earn()
            try:
                return await self._try(call, terms, ends, admitted)
            except CallFailed as failed:
                wait = random.uniform(0, self._retry.quick_wait * 2**tried)  # noqa: S311 - jitter, no secret
                in_time = time.monotonic() + wait < ends
                again = in_time and self._worth_trying(failed, terms, tried) and self._budget.take()
                self._tell_failed(call, failed, terms, again=again)
                if not again:
                    raise
            tried += 1
            await asyncio.sleep(wait)

    def _tell_failed(self, call: LcmCall, failed: CallFailed, terms: CallTerms, *, again: bool) -> None:
        """Tell of a call that LCM has not answered: its refusals and faults are answers."""
        if isinstance(failed.failure, WsError | InternalError):
            return
        log.warning(
            "lcm.call_failed",
            method=self._client.method(call.operation),
            error=failed.failure.message,
            status=failed.status,
            tries=terms.tries.made,
            next="called again" if again else "request.settled or request.parked says what became of it",
        )

    def _end(self, terms: CallTerms) -> float:
        """Return when the call must have ended, in the clock that nobody sets."""
        allowed = self._timeout
        if terms.deadline is not None:
            allowed = min(allowed, terms.deadline - time.time())
        return time.monotonic() + allowed

    async def _admit(self, terms: CallTerms, ends: float) -> int:
        """Wait for the breaker's leave, if it probes and the call is patient. Raises `CallFailed`."""
        while (admitted := self._breaker.admit()) is None:
            self._tell()
            if not (terms.patient and self._state is State.HALF_OPEN):
                raise _refused()
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    await self._probe_ended.wait()
            except TimeoutError as error:
                raise _refused() from error
        self._tell()
        return admitted

    async def _try(self, call: LcmCall, terms: CallTerms, ends: float, admitted: int) -> JsonValue:
        verdict = Verdict.NEITHER
        terms.tries.made += 1
        try:
            result = await self._client.call(call, terms, within=ends - time.monotonic())
            verdict = Verdict.SUCCESS
        except CallFailed as failed:
            verdict = judge(failed)
            raise
        finally:  # also of a cancelled call: a probe gives its place back
            self._breaker.settle(admitted, verdict)
            self._tell()
            self._wake()
        return result

    def _worth_trying(self, failed: CallFailed, terms: CallTerms, tried: int) -> bool:
        """Tell whether a call that failed may be made again at once, and has a chance."""
        if not terms.quick_retries or tried >= self._retry.quick or self._state is not State.CLOSED:
            return False
        if failed.unreached:
            return True
        # A fault is LCM's own answer to this very request, whatever status it comes with.
        return (
            failed.status in self._retried_statuses
            and not failed.fault
            and not (terms.side_effect and failed.effect_possible)
        )

    def _wake(self) -> None:
        """Let those who wait for the probes look again."""
        self._probe_ended.set()
        self._probe_ended.clear()

    def _tell(self) -> None:
        """Tell of a change of state, if there was one since the last time."""
        state = self._breaker.state
        if state is self._state:
            return
        self._state = state
        self._metrics.breaker_state.set(_SHOWN_AS[state])
        if state is State.OPEN:
            calls, failures = self._breaker.tally
            probes_in = round(self._breaker.open_left, 1)
            log.warning(
                "lcm.breaker_opened",
                calls=calls,
                failures=failures,
                probes_in=probes_in,
                next="LCM is not called until probes succeed; is it up?",
            )
            self._look_again()
        elif state is State.HALF_OPEN:
            log.info("lcm.breaker_half_open")
        else:
            log.info("lcm.breaker_closed")
        for listener in self._listeners:
            try:
                listener(state)
            except Exception as error:  # it is no part of the call that is under way
                log.exception(
                    "lcm.listener_fault",
                    state=state.value,
                    error=f"{type(error).__name__}: {error}",
                    next="a fault of the bridge: report it",
                )

    def _look(self) -> None:
        """Become half-open by time alone: while nothing is consumed, no call would find out."""
        self._breaker.refresh()
        if self._breaker.state is State.OPEN:  # the loop's clock is coarser than ours
            self._look_again()
        self._tell()

    def _look_again(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._breaker.open_left, self._look)


def judge(failed: CallFailed) -> Verdict:
    """Return what a failed call says about LCM: whoever answers is there, also with a refusal or fault.

    Failures are connections that fail, time-outs and 429, 502, 503, 504. An answer that breaks off, a fault
    of the bridge and a call that the bridge cut short say nothing.
    """
    if isinstance(failed, CutShort):
        return Verdict.NEITHER
    if isinstance(failed.failure, LcmUnavailable | LcmTimeout):
        return Verdict.FAILURE
    return Verdict.NEITHER if failed.status is None else Verdict.SUCCESS


def _refused() -> CallFailed:
    return CallFailed(
        LcmUnavailable("LCM keeps failing, so it is not called for now (circuit breaker open)"),
        effect_possible=False,
        unreached=True,
        breaker_open=True,
    )
