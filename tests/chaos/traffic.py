"""What the clients send: requests of every kind, each recognisable in the LCM by something of its own."""

import random
import re
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from support.envelopes import Envelope, create, dial, manual, od, skip

from bridge.simulator import Simulator
from bridge.simulator.placement import place

Kind = Literal["create", "skip", "reserve", "od", "manual", "dial"]
KeyBy = Literal["header", "message-id"]
"""Never by reply_to and correlation_id: the client library gives every message a message_id."""

SHARES: dict[Kind, int] = {"create": 22, "skip": 18, "reserve": 10, "od": 18, "manual": 17, "dial": 15}
"""Out of a hundred; half of them are side effects."""
SIDE_EFFECTS: frozenset[Kind] = frozenset({"create", "skip", "reserve"})

SKIPPING_AGENTS = 40
READING_AGENTS = 20
WITHOUT_REPLY_TO = 0.08
WITH_EXPIRATION = 0.5
LARGEST_EXPIRATION = 60_000

_OF_OURS = re.compile(r"(?:create|skip|reserver)([0-9]+)(?:[|]|$)")

REPLY_SUBTOPICS: dict[Kind, str] = {
    "create": "CreateContactResponse",
    "skip": "SkipManualDialContactResult",
    "reserve": "DownloadContactsForDialing",
    "od": "ContactOD",
    "manual": "DownloadContactsForDialing",
    "dial": "ManualDialCall",
}


@dataclass(slots=True, eq=False)
class Request:
    """One request, and all that is known of it; sent again, it keeps its number and its key.

    ``sent`` counts the broker's confirms by attempt, ``ends`` the replies, events or dead letters. The
    answers are kept as hashes. ``cut_off``: that it may have been cut off was told after a definite answer.
    """

    number: int
    kind: Kind
    key_by: KeyBy
    answered: bool
    gone: bool = False
    born: float = field(default_factory=time.monotonic)
    sent: list[int] = field(default_factory=list)
    unsure: int = 0
    ends: list[int] = field(default_factory=list)
    seen: tuple[int, ...] = ()
    definite: int | None = None
    ok: bool = False
    refused: bool = False
    not_found: bool = False
    retryable: bool = False
    unknown: bool = False
    expired: bool = False
    letters: int = 0
    conflicts: int = 0
    cut_off: bool = False
    effects: int = 0
    account: str = ""
    told: str | None = None

    @property
    def side_effect(self) -> bool:
        """Whether it changes something in the LCM."""
        return self.kind in SIDE_EFFECTS

    @property
    def attempt(self) -> int:
        """The number of the latest attempt."""
        return len(self.sent) - 1

    @property
    def waits(self) -> bool:
        """Whether a confirmed attempt has not come to its end."""
        return not self.gone and any(end < sent for sent, end in zip(self.sent, self.ends, strict=True))

    def begin_attempt(self) -> int:
        """Count another attempt and return its number."""
        self.sent.append(0)
        self.ends.append(0)
        return self.attempt


class Traffic:
    """Makes requests, from a seed; what they need in the LCM is put there."""

    def __init__(self, simulator: Simulator, rng: random.Random, run: str) -> None:
        self.requests: list[Request] = []
        self.run = run
        self._simulator = simulator
        self._rng = rng
        for number in range(SKIPPING_AGENTS):
            simulator.state.set_login(f"skipper{number}", logged_in=True)

    def make(self, *, side_effect: bool | None = None, answered: bool | None = None) -> Request:
        """Make the next request: of any kind, or one that has (not) a side effect."""
        kinds = [kind for kind in SHARES if side_effect is None or (kind in SIDE_EFFECTS) is side_effect]
        kind = self._rng.choices(kinds, [SHARES[kind] for kind in kinds])[0]
        replied = self._rng.random() >= WITHOUT_REPLY_TO if answered is None else answered
        ways: list[KeyBy] = ["header", "header", "message-id"]
        request = Request(len(self.requests), kind, self._rng.choice(ways), replied)
        self.requests.append(request)
        self._prepare(request)
        return request

    def _prepare(self, request: Request) -> None:
        number, state = request.number, self._simulator.state
        if request.kind == "skip":
            place(state, {"agent": self._skipper(number), **self._account(number)})
        elif request.kind == "reserve":
            agent = f"reserver{number}"
            state.set_login(agent, logged_in=True)
            for _ in range(2):  # a second one, so that a second call would have its effect too
                place(state, {"agent": agent, "reserved": False})

    @staticmethod
    def _skipper(number: int) -> str:
        return f"skipper{number % SKIPPING_AGENTS}"

    @staticmethod
    def _account(number: int) -> dict[str, str]:
        return {"AccountNumber": f"skip{number}|1|1|0|0|84|0", "PhoneNumber": "2025550100"}

    def body(self, request: Request) -> Envelope:
        """Build the envelope: the same for every attempt."""
        number = request.number
        if request.kind == "create":
            return create(ContactDetail=f"create{number}")
        if request.kind == "skip":
            return skip(self._skipper(number), self._account(number)["AccountNumber"])
        if request.kind == "reserve":
            return manual(f"reserver{number}", reserved=False)
        if request.kind == "dial":
            return dial(f"+1 202 555 {number % 10_000:04d}")
        agent = f"agent{1 + number % READING_AGENTS}"
        return od(agent) if request.kind == "od" else manual(agent)

    def properties(self, request: Request, attempt: int, reply_to: str) -> dict[str, Any]:
        """Build the message's properties, as `aio_pika.Message` takes them."""
        name = f"{self.run}-{request.number}"
        properties: dict[str, Any] = {"correlation_id": f"{name}-{attempt}", "headers": {}}
        if request.key_by == "header":
            properties["headers"]["idempotency-key"] = f"key-{name}"
            properties["message_id"] = f"{name}-{attempt}-{self._rng.getrandbits(32):08x}"
        else:
            properties["message_id"] = f"key-{name}"
        if request.answered:
            properties["reply_to"] = reply_to
        if self._rng.random() < WITH_EXPIRATION:
            properties["expiration"] = self._rng.randint(20_000, LARGEST_EXPIRATION) / 1000  # seconds
        return properties

    def find(self, correlation_id: str | None) -> tuple[Request, int] | None:
        """Return the request and the attempt that a correlation id names, None if it is none of ours."""
        run, _, rest = (correlation_id or "").partition("-")
        number, _, attempt = rest.partition("-")
        if run != self.run or not (number.isdigit() and attempt.isdigit()):
            return None
        if int(number) >= len(self.requests):
            return None
        request = self.requests[int(number)]
        return (request, int(attempt)) if int(attempt) < len(request.sent) else None

    def of_effect(self, *names: object) -> Request | None:
        """Return the request that an effect in the LCM belongs to, by the names that it bears."""
        for name in names:
            match = _OF_OURS.match(str(name))
            if match and int(match[1]) < len(self.requests):
                return self.requests[int(match[1])]
        return None
