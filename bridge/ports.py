"""What the pipeline needs of the outside, as protocols. ``bus``, ``lcm`` and ``store`` implement them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from http import HTTPStatus
from typing import Literal, NamedTuple, Protocol

from bridge.endings import Ending
from bridge.failures import Failure
from bridge.jsontypes import JsonValue
from bridge.messages import Outgoing, RequestKey
from bridge.operations.model import Contact, LcmCall, Reserved, Shelf
from bridge.tracing.trace import UNTRACED, Trace


class CallFailed(Exception):
    """A call of LCM ended without a result.

    ``failure`` is what a reader is told. ``effect_possible`` says whether LCM may have acted, which
    makes the outcome of a side effect unknown. ``fault`` marks a WCF fault, as against a refusal by
    HTTP status. ``status`` is the HTTP status, if there was one, ``unreached`` says that the call never
    left, ``breaker_open`` that it was not even tried.
    """

    def __init__(  # noqa: PLR0913 - what is known of a call's end
        self,
        failure: Failure,
        *,
        effect_possible: bool,
        fault: bool = False,
        status: int | None = None,
        unreached: bool = False,
        breaker_open: bool = False,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.effect_possible = effect_possible
        self.fault = fault
        self.status = status
        self.unreached = unreached
        self.breaker_open = breaker_open

    @property
    def error_type(self) -> str:
        """The kind of the error, in a trace: the status that says it, else the errorType."""
        return (
            str(self.status)
            if self.status and self.status >= HTTPStatus.BAD_REQUEST
            else self.failure.error_type
        )


@dataclass(slots=True)
class Tries:
    """How often LCM was called for one request; counted where it is called."""

    made: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTerms:
    """How a call of LCM may be made.

    ``deadline`` (unix seconds) cuts its time short. ``side_effect``: it must not be repeated once it
    may have had an effect. ``quick_retries``: somebody waits, so a failure is tried again at once.
    ``patient``: while the breaker probes, wait for its verdict instead of failing at once.
    ``idempotency_key`` is sent as the header ``Idempotency-Key``. ``tries`` counts how often LCM is called.
    ``trace``: of the request that it is called for.
    """

    deadline: float | None = None
    side_effect: bool = False
    quick_retries: bool = False
    patient: bool = False
    idempotency_key: str | None = None
    tries: Tries = field(default_factory=Tries)
    trace: Trace = UNTRACED


class Lcm(Protocol):
    """The LCM WebService."""

    async def call(self, call: LcmCall, terms: CallTerms) -> JsonValue:
        """Call and return the unwrapped result. Raises `CallFailed`."""


class StoreUnavailable(Exception):
    """Redis is away, so it can neither answer nor remember."""


class ContactCache(Protocol):
    """The contacts reserved for each agent. Every method raises `StoreUnavailable`."""

    async def find(
        self, agent: str, reserved: Reserved, *, age: Literal["fresh", "any"]
    ) -> Sequence[Contact]:
        """Return cached contacts that have not expired: fresh ones, or whatever there is."""

    async def keep(
        self,
        agent: str,
        shelf: Shelf,
        contacts: Sequence[Contact],
        *,
        asked: float,
        reserved: Reserved | None,
    ) -> None:
        """Remember the contacts that LCM gave when it was asked at ``asked`` (unix seconds).

        With ``reserved`` they are LCM's answer to what is reserved, so others that it no longer
        names leave; without, they are new ones and join.
        """

    async def drop(self, agent: str, account: str) -> None:
        """Forget a skipped contact, also against an answer that LCM gave before the skip."""

    async def holds(self, agent: str, account: str) -> bool:
        """Tell whether the agent's cache holds the contact."""


_canonical = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class LedgerKey:
    """What a side effect is recognised by."""

    operation: str
    request: RequestKey

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex digits: it tells the key from every other one, and nothing of what is in it."""
        canonical = _canonical([self.operation, self.request.source, *self.request.parts])
        return hashlib.sha256(canonical.encode()).hexdigest()


class Claim(NamedTuple):
    """The right to carry out a side effect: held by one owner until it is completed or released.

    ``doubtful``: it was cut off before, so LCM may have acted already. Released, it is cut off again.
    """

    key: LedgerKey
    owner: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The side effect has ended before, as stored."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Running:
    """Somebody else carries it out; their lease runs out in ``lease_left`` seconds unless renewed."""

    lease_left: float


class CutOff(NamedTuple):
    """It was begun and never recorded; ``since`` is when it was claimed (unix seconds)."""

    since: float


class Mismatch(NamedTuple):
    """The key was used for other content."""


Found = Claim | Ended | Running | CutOff | Mismatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheChange:
    """What a carried-out command changes in the contact cache: a contact skipped, or contacts given."""

    agent: str
    skipped: str | None = None
    shelf: Shelf | None = None
    contacts: Sequence[Contact] = ()
    asked: float = 0.0
    reserved: Reserved | None = None


class Ledger(Protocol):
    """The request ledger: a side effect happens at most once per key. Every method raises `StoreUnavailable`.

    What could not be written is remembered and written when Redis is back.
    """

    async def claim(self, key: LedgerKey, content: str, *, repeated: bool = False) -> Found:
        """Claim the right to carry out a side effect of this content, or say what is known of it.

        With ``repeated`` the requester may have been told before why the claim was released: that is the
        answer then, since "there was no effect" must stay true.
        ``content`` is the validated data in canonical form. When it raises, no claim is left behind
        for longer than Redis is away.
        """

    async def complete(self, claim: Claim, ending: Ending, change: CacheChange | None = None) -> bool:
        """Store how it ended, and bring the contact cache up to date before that is told.

        An ending of `bridge.failures.OutcomeUnknown` is kept as cut off. Return False if others were told
        meanwhile that it was cut off, because the lease had run out.
        """

    async def release(self, claim: Claim, told: Failure | None = None) -> None:
        """Give the claim back: the call that it was for had no effect, and the key may be used again.

        ``told`` is what the requester is about to be told of it.
        """

    def abandon(self, claim: Claim) -> None:
        """Renew a claim no longer that will be neither completed nor released: it counts as cut off then."""


class Confirmation(Enum):
    """How the broker took a published message."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"


class PublishFailed(Exception):
    """A message was not confirmed.

    ``kind``: ``unconfirmed`` (it may have arrived; worth trying again), ``refused`` (the broker said
    no: a full queue), ``impossible`` (no further try can succeed). ``cut_off``: the channel or its
    connection ended while the confirm was awaited.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["unconfirmed", "refused", "impossible"] = "unconfirmed",
        cut_off: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.cut_off = cut_off

    @property
    def error_type(self) -> str:
        """The kind of the error, in a trace."""
        return self.kind


class Sender(Protocol):
    """Publishes with confirms."""

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Publish and await the broker's confirm, within the setting's bound. Raises `PublishFailed`."""
