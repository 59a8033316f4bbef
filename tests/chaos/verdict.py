"""The books of a run: what was sent, what came of it, and what must not have happened."""

import statistics
import time
from collections import Counter
from collections.abc import Collection
from typing import Any

import orjson
from chaos.sums import Sums
from chaos.times import Times
from chaos.traffic import REPLY_SUBTOPICS, Request, Traffic

from bridge.simulator import Simulator

_EXPLAINED = frozenset({"LCM_UNAVAILABLE", "OUTCOME_UNKNOWN", "REQUEST_EXPIRED", "WS_Error"})
_EXPLAINED_READS = frozenset({"LCM_TIMEOUT", "LCM_BAD_RESPONSE"})
_EXPLAINED_REFUSALS = frozenset({"CONTACT_NOT_FOUND"})
_REASONS = frozenset({"failure-without-reply-to", "retries-exhausted", "outcome-unknown", "expired"})
_TIME_UP = "its time was up before the request ledger could be asked"
"""How the contract ends a repetition whose deadline passes while Redis is away: nobody can know better."""
_CUT_OFF = "an earlier delivery of the request called LCM, and what came of it is not recorded"
"""What a repetition is told as long as a reply that went out without Redis is not recorded."""
_NOTED = 100


class Books:
    """Takes down every reply, event, dead letter and effect, and judges them."""

    def __init__(self, traffic: Traffic, simulator: Simulator) -> None:
        self.traffic = traffic
        self.notes: list[str] = []
        self.unexpected = 0
        self.replied = 0
        self.replied_again = 0
        self.late_unknown = 0
        self.unknown_unrecorded = 0
        self.outcomes: Counter[str] = Counter()
        self.times = Times()
        self.after_kill: list[float] = []
        self._back_at: float | None = None
        self._simulator = simulator

    # --- what arrives ---------------------------------------------------------------------------

    def broker_back(self) -> None:
        """Start a clock, which the next reply stops: those before were in the clients' sockets."""
        self._back_at = time.monotonic()

    def reply(self, body: bytes, correlation_id: str | None, message_id: str | None) -> Request | None:
        """Take a reply down; return the request if the client may send it again."""
        found = self.traffic.find(correlation_id)
        if found is None:
            self._odd(f"a reply of no request: {correlation_id} {body[:300]!r}")
            return None
        request, attempt = found
        if self._seen(request, message_id):
            return None
        self.replied += 1
        self.times.replied(request)
        if self._back_at is not None:
            self.after_kill.append(time.monotonic() - self._back_at)
            self._back_at = None
        self._end(request, attempt)
        return self._judge(request, body)

    def event(self, body: bytes, correlation_id: str | None, message_id: str | None) -> None:
        """Take an event down: the end of a request without reply_to, and an extra to each dialled call."""
        found = self.traffic.find(correlation_id)
        if found is None:
            self._odd(f"an event of no request: {correlation_id} {body[:300]!r}")
            return
        request, attempt = found
        if request.answered:
            if request.kind != "dial":
                self._odd(f"{correlation_id}: an event although there is a reply_to")
            return
        if self._seen(request, message_id):
            return
        self._end(request, attempt)
        self._judge(request, body)

    def letter(self, headers: dict[str, Any], correlation_id: str | None, body: bytes) -> None:
        """Take a dead letter down."""
        found = self.traffic.find(correlation_id)
        if found is None:
            self._odd(f"a dead letter of no request: {correlation_id} {headers} {body[:300]!r}")
            return
        request, attempt = found
        request.letters += 1
        reason = headers.get("x-reason")
        if reason is None and headers.get("x-death"):
            reason = "expired"
        self.outcomes[f"dead letter {reason}"] += 1
        if reason not in _REASONS:
            self._odd(f"{correlation_id} ({request.kind}): dead letter {reason}: {headers.get('x-error')}")
        error = str(headers.get("x-error"))
        if "INTERNAL_ERROR" in error or "INVALID" in error:
            self._odd(f"{correlation_id} ({request.kind}): dead letter {reason}: {error}")
        if reason == "outcome-unknown":
            self._unknown(request)
            if request.answered:
                return  # there is a reply as well, and that is its end
        elif reason == "expired":
            request.expired = True
        else:
            request.retryable = True
        self._end(request, attempt)

    def look_at_effects(self) -> None:
        """Take down what happened in the LCM since the last look; what is noted need not be kept there."""
        for effect in self._simulator.effects.effects:
            account = effect.account_numbers[0]
            request = self.traffic.of_effect(effect.request.get("ContactDetail"), account, effect.agent)
            if request is None:
                self._odd(f"an effect of no request: {effect.to_json()}")
                continue
            request.effects += 1
            request.account = account
            self._simulator.state.remove(account)
        self._simulator.effects.reset()

    # --- what it means --------------------------------------------------------------------------

    @staticmethod
    def _seen(request: Request, message_id: str | None) -> bool:
        """Tell whether the client had this before, its acknowledgement lost with the broker."""
        if hash(message_id) in request.seen:
            return True
        request.seen = (*request.seen[-3:], hash(message_id))
        return False

    def _end(self, request: Request, attempt: int) -> None:
        request.ends[attempt] += 1
        if request.ends[attempt] > max(1, request.sent[attempt]):
            self.replied_again += 1

    def _judge(self, request: Request, body: bytes) -> Request | None:
        try:
            envelope = orjson.loads(body)
            message = envelope["message"]
            failure = message.get("response") if request.kind != "dial" or "response" in message else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._odd(f"{self._name(request)}: a reply of the wrong shape ({error!r}): {body[:300]!r}")
            return None
        if envelope["subtopic"] != REPLY_SUBTOPICS[request.kind]:
            self._odd(f"{self._name(request)}: answered as {envelope['subtopic']}")
            return None
        if isinstance(failure, dict) and "errorType" in failure:
            return self._judge_failure(request, failure, body)
        self.outcomes["ok"] += 1
        request.ok = True
        if request.side_effect:
            self._definite(request, body)
            told = self._account_told(request, failure)
            if told is not None:
                request.told = told
        return None

    def _judge_failure(self, request: Request, failure: dict[str, Any], body: bytes) -> Request | None:
        kind = str(failure["errorType"])
        self.outcomes[kind] += 1
        explained = _EXPLAINED | (_EXPLAINED_REFUSALS if request.side_effect else _EXPLAINED_READS)
        if kind not in explained:
            self._odd(f"{self._name(request)}: {kind}: {failure.get('errorMessage')}")
        if kind == "OUTCOME_UNKNOWN":
            if request.definite is not None and _TIME_UP in str(failure.get("errorMessage")):
                self.late_unknown += 1
            elif request.definite is not None and _CUT_OFF in str(failure.get("errorMessage")):
                request.cut_off = True
            elif request.definite is not None:
                self._conflict(request, f"OUTCOME_UNKNOWN after a definite reply: {body[:300]!r}")
            self._unknown(request)
            return None
        if failure.get("retryable"):
            request.retryable = True
            request.expired |= kind == "REQUEST_EXPIRED"
            return request
        request.refused = True
        request.not_found = kind == "CONTACT_NOT_FOUND"
        if request.side_effect:
            self._definite(request, body)
        return None

    def _definite(self, request: Request, body: bytes) -> None:
        digest = hash(body)
        if request.definite is not None and request.definite != digest:
            self._conflict(request, f"another definite reply than before: {body[:300]!r}")
        request.definite = digest

    def _conflict(self, request: Request, what: str) -> None:
        request.conflicts += 1
        self._note(f"{self._name(request)}: {what}")

    @staticmethod
    def _unknown(request: Request) -> None:
        request.unknown = True

    @staticmethod
    def _account_told(request: Request, response: Any) -> str | None:
        if request.kind == "create":
            return str(response)
        if request.kind == "reserve":
            return str(response[0]["AccountNumber"]) if response else ""
        return None

    def _odd(self, text: str) -> None:
        self.unexpected += 1
        self._note(f"unexpected: {text}")

    def _note(self, text: str) -> None:
        if len(self.notes) < _NOTED:
            self.notes.append(text)

    def _name(self, request: Request) -> str:
        return f"{self.traffic.run}-{request.number} ({request.kind})"

    # --- the end --------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many requests have a confirmed attempt without an end."""
        return sum(request.waits for request in self.traffic.requests)

    def waiting_of_late(self, last: int = 3000) -> int:
        """Return the same of the last so many requests, which does not take longer as they grow more."""
        return sum(request.waits for request in self.traffic.requests[-last:])

    def sums(
        self, odd_logs: int = 0, *, unrecorded: Collection[str] = (), unknown_explained: bool = True
    ) -> Sums:
        """Judge everything, once.

        ``odd_logs`` is how much the workers' logs hold that must not be there; ``unrecorded`` the correlation
        ids of what they say was answered before it was recorded; ``unknown_explained`` whether any fault was
        injected that may leave an outcome unknown.
        """
        self.look_at_effects()
        told_early = {found[0] for one in unrecorded if (found := self.traffic.find(one))}
        sums = Sums(unexpected=self.unexpected + odd_logs, replied=self.replied)
        for request in self.traffic.requests:
            sums.sent += sum(request.sent)
            sums.ok += request.ok
            sums.dead_lettered += request.letters > 0
            sums.expired += request.expired
            sums.unknown += request.unknown
            sums.effects_twice += request.effects > 1
            if request.cut_off and request in told_early:
                self.unknown_unrecorded += 1
            elif request.cut_off:
                self._conflict(request, f"OUTCOME_UNKNOWN after a recorded definite reply: {_CUT_OFF}")
            sums.conflicting_replies += request.conflicts > 0
            if request.waits:
                sums.lost += 1
                self._note(f"lost: {self._name(request)}: sent {request.sent}, ends {request.ends}")
            if request.unknown and not unknown_explained:
                sums.unexpected += 1
                self._note(f"unexpected: {self._name(request)}: OUTCOME_UNKNOWN without a reason")
            if request.effects > 1:
                self._note(f"effects twice: {self._name(request)}: {request.effects}")
            if request.not_found and not request.effects:
                sums.unexpected += 1
                self._note(f"unexpected: {self._name(request)}: CONTACT_NOT_FOUND of a contact that is there")
            if untruth := self._untruth(request):
                sums.untrue_replies += 1
                self._note(f"untrue: {self._name(request)}: {untruth}")
        return sums

    @staticmethod
    def _untruth(request: Request) -> str:
        done = request.effects > 0
        certain = request.side_effect and not request.gone
        wrong = {
            "a success without its effect": request.ok and not done,
            f"the reply says {request.told}, the effect was on {request.account}": (
                request.effects == 1 and request.told not in {None, request.account}
            ),
            "a refusal, and there is an effect": request.refused and done,
            "a failure that says no effect, and there is one": (
                request.retryable and done and not request.ok and not request.unknown
            ),
        }
        return "; ".join(what for what, holds in wrong.items() if holds) if certain else ""

    def median_after_kill(self) -> float | None:
        """Return the median of the seconds from a kill of the broker to the next reply."""
        return statistics.median(self.after_kill) if self.after_kill else None
