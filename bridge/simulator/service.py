"""The LCM side: one HTTP call from its arrival to its answer."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from aiohttp import web

from bridge.simulator.contacts import DateStyle
from bridge.simulator.faults import FaultPlan
from bridge.simulator.ledger import AnswerStore, Call, CallLog, Effect, EffectLedger
from bridge.simulator.methods import Manners, Result
from bridge.simulator.misbehaviour import cut, fault_answer, json_answer, page, play
from bridge.simulator.pauses import Dropped, Pauses
from bridge.simulator.state import LimitReached, State
from bridge.simulator.wire import AnswerStyle, WireFault, read_parameters, write_answer

if TYPE_CHECKING:
    from bridge.simulator.options import Options

CONTENT_TYPES = {"application/json", "text/json"}
NOT_FOUND = (404, "Service", "Endpoint not found.")
TOO_LARGE = (
    413,
    "Request Entity Too Large",
    "The page was not displayed because the request entity is too large.",
)


class Service:
    """Answers LCM calls out of the state, and notes what came and what it changed."""

    def __init__(self, options: "Options", state: State) -> None:
        self.state = state
        self.faults = FaultPlan(options.faults, seed=options.fault_seed)
        self.effects = EffectLedger(options.max_effects)
        self.calls = CallLog(options.kept_calls)
        self.answers = AnswerStore()
        self.pauses = Pauses()
        self._options = options
        self._manners = Manners(
            dates=DateStyle(zone=ZoneInfo(options.timezone), blank_hour=options.blank_hour),
            no_contact=options.no_contact,
            skip_refusal=options.skip_refusal,
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call; the method is the last segment of the path, whatever comes before."""
        name = request.path.rstrip("/").rpartition("/")[2]
        call = Call(
            sequence=self.calls.next_sequence(),
            time=self.state.clock().isoformat(),
            http_method=request.method,
            path=request.path,
            method=name,
            headers=dict(request.headers),
        )
        self.calls.begin(call, counted_as=name if name in self._options.methods else "unknown")
        try:
            response = await self._answer(request, name, call)
        except Dropped:
            cut(request)
            return web.Response()
        finally:
            self.calls.end()
        call.status = response.status
        return response

    async def _answer(self, request: web.Request, name: str, call: Call) -> web.StreamResponse:
        protection = self._options.protection
        if (refusal := protection.refusal(request.headers)) is not None:
            challenge = (
                {"WWW-Authenticate": protection.challenge} if refusal == HTTPStatus.UNAUTHORIZED else {}
            )
            return page(refusal, refusal.phrase, "Access is denied.", **challenge)
        raw = await _read(request, self._options.quotas.message_bytes)
        call.body = None if raw is None else raw.decode(errors="replace")
        verdict = self.faults.draw(name, self._options.methods.get(name, name))
        await self.pauses.wait(verdict.delay_seconds)
        fault = verdict.fault
        if fault is not None:
            call.fault = fault.kind
            if fault.kind == "hang" and fault.when == "before":
                await self.pauses.hang()
            elif fault.when == "before":
                return await play(request, fault, write_answer(None, AnswerStyle()), self.pauses)
        response = page(*TOO_LARGE) if raw is None else self._serve(request, name, raw)
        if fault is None or fault.when == "before":
            return response
        if fault.kind == "hang":
            await self.pauses.hang()
            return response
        return await play(request, fault, cast("bytes", response.body), self.pauses)

    def _serve(self, request: web.Request, name: str, raw: bytes) -> web.Response:
        """Answer as LCM does when nothing goes wrong on the way. Not interrupted: nothing is awaited."""
        operation = self._options.methods.get(name, "")
        refused = _refuse(request, name, known=bool(operation))
        if refused is not None:
            return refused
        key = request.headers.get("Idempotency-Key")
        replays = key if self._options.honour_idempotency_key else None
        if replays is not None and (stored := self.answers.get(operation, replays)) is not None:
            return json_answer(stored, headers={"Idempotency-Replayed": "true"})
        try:
            body = self._perform(operation, read_parameters(raw, self._options.quotas), key)
        except WireFault as fault:
            return fault_answer(fault)
        except LimitReached as error:
            return fault_answer(WireFault("Simulator.LimitReached", str(error)))
        if replays is not None:
            self.answers.put(operation, replays, body)
        return json_answer(body)

    def _perform(self, operation: str, data: dict[str, object], key: str | None) -> bytes:
        method = self._options.known[operation]
        method.check(data)
        if not method.reads(data):
            # Before anything changes: an effect that could not be recorded must not happen.
            self.effects.check_room()
        result = method.perform(self.state, data, self._manners)
        if result.changed or result.effect:
            self._record(operation, result, data, key)
        return write_answer(result.value, self._options.style)

    def _record(self, operation: str, result: Result, data: dict[str, object], key: str | None) -> None:
        effect = Effect(
            sequence=self.effects.next_sequence(),
            time=self.state.clock().isoformat(),
            method=operation,
            agent=result.agent,
            account_numbers=tuple(contact.account_number for contact in result.changed),
            campaigns=tuple(contact.campaign_id for contact in result.changed),
            idempotency_key=key,
            request=data,
        )
        self.effects.record(effect)


def _refuse(request: web.Request, name: str, *, known: bool) -> web.Response | None:
    if not known:
        if request.method == "GET" and (name.endswith(".svc") or not name):
            return page(200, "LCMWCFService Service", "You have created a service.")
        return page(*NOT_FOUND)
    if request.method != "POST":
        return page(405, "Service", "Method not allowed.", Allow="POST")
    if request.content_type not in CONTENT_TYPES or (request.charset or "utf-8").lower() != "utf-8":
        return page(415, "Unsupported Media Type", "Cannot process the message: unexpected content type.")
    return None


async def _read(request: web.Request, most: int) -> bytes | None:
    """Read the body, or give None when it has more than `most` bytes; then the rest stays unread."""
    if (request.content_length or 0) > most:
        return None
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)
