"""What an operation is: one vendor operation, its routes, its request and its reply.

Everything here is pure. An operation turns ``data`` into a `Command` and LCM's result into the
``message`` of a reply; it knows no I/O, no clock and no settings.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from bridge.envelope import Envelope
from bridge.jsontypes import JsonObject, JsonValue

UNKNOWN: Final = "unknown"
"""What stands for the operation in metrics and dead letters where it cannot be told: no name of one."""

Lane = Literal["agent", "campaign"]
"""Which request queue an operation is bound to: an agent waits, or a bulk load runs."""

Shelf = Literal["manual", "od"]
"""The two kinds of cached contacts; neither serves the other."""

Contact = JsonObject
"""A contact in the reply's shape, members in the reply's order."""


class Address(NamedTuple):
    """Channel, topic and subtopic in their canonical spelling."""

    channel: str
    topic: str
    subtopic: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.topic}/{self.subtopic}"


@dataclass(frozen=True, slots=True)
class Telling:
    """Members by which ``data`` is told where operations share an address: ``least`` of them are there."""

    members: tuple[str, ...]
    least: int = 1


@dataclass(frozen=True, slots=True)
class Route:
    """A request address, and the address that its reply bears.

    ``told_by`` is set where operations may share the address. ``refuses`` tells ``data`` that is meant for
    something else, and ``because`` says so, completing ``data ...``.
    """

    request: Address
    reply: Address
    told_by: Telling | None = None
    refuses: Telling | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits and choices of a site that translation needs."""

    contacts: int = 100
    xml_chars: int = 65_536
    single_contact_as_object: bool = False


WIDEST: Final = Rules(contacts=2**63 - 1, xml_chars=2**63 - 1)
"""For who knows no site: what any site's limits take, these take."""


class LcmCall(NamedTuple):
    """A call of LCM: the operation (``lcm.methods`` may rename it) and its parameters."""

    operation: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True)
class Reserved:
    """The cached contacts that may answer a request: this agent's, of this shelf and consent."""

    shelf: Shelf
    count: int
    consent: str | None = None


class Command(NamedTuple):
    """A valid request in LCM's terms.

    ``content`` is the validated data in canonical form. ``call`` is None for a relay. ``reserved``
    says which cached contacts may answer in LCM's place, ``shelf`` where the answer's contacts are
    cached, ``skips`` the account number that leaves the cache, ``fetched`` that only one that the agent has
    fetched may, where the site wants that. ``forgets`` is the shelf of which nothing stays cached.
    """

    content: JsonObject
    call: LcmCall | None = None
    side_effect: bool = False
    agent: str | None = None
    reserved: Reserved | None = None
    shelf: Shelf | None = None
    skips: str | None = None
    fetched: bool = True
    forgets: Shelf | None = None


class Answer(NamedTuple):
    """The ``message`` of a reply, and the contacts in it that are now reserved for the agent."""

    message: JsonObject
    contacts: Sequence[Contact] = ()


class UnexpectedResult(Exception):
    """LCM's result has not the shape that the operation expects; the text says what came instead."""


class Operation(ABC):
    """One operation of the catalogue.

    ``name`` is its label everywhere, ``method`` LCM's method for it unless the site renames that.
    ``broadcast``: every success is published to the events exchange beside the reply. ``calls_lcm``: LCM has
    a method for it. ``replies``: whoever asks is answered.
    """

    name: str
    lane: Lane
    routes: tuple[Route, ...]
    method: str
    broadcast: bool = False
    calls_lcm: bool = True
    replies: bool = True

    @abstractmethod
    def translate(self, envelope: Envelope) -> Command:
        """Turn the request into a command. Raises `bridge.failures.InvalidData`."""

    @abstractmethod
    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Turn LCM's result into the reply.

        Raises `UnexpectedResult`, and the failures that LCM's own answer means (`WsError`,
        `ContactNotFound`).
        """

    @abstractmethod
    def answer_cached(self, contacts: Sequence[Contact]) -> Answer:
        """Turn cached contacts into the reply; only for commands with ``reserved``.

        Raises `UnexpectedResult` for what is no contact of this operation.
        """
