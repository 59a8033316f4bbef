"""What the pipeline needs of the outside, as protocols. ``bus``, ``lcm`` and ``store`` implement them."""

from collections.abc import Sequence
from enum import Enum
from typing import Literal, Protocol

from bridge.failures import Failure
from bridge.jsontypes import JsonValue
from bridge.messages import Outgoing
from bridge.operations.model import Contact, LcmCall, Reserved, Shelf


class CallFailed(Exception):
    """A call of LCM ended without a result.

    ``failure`` is what a reader is told. ``effect_possible`` says whether LCM may have acted, which
    makes the outcome of a side effect unknown.  ``fault`` marks a WCF fault, as against a refusal
    by HTTP status.
    """

    def __init__(self, failure: Failure, *, effect_possible: bool, fault: bool = False) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.effect_possible = effect_possible
        self.fault = fault


class Lcm(Protocol):
    """The LCM WebService."""

    async def call(self, call: LcmCall, *, timeout: float | None = None) -> JsonValue:  # noqa: ASYNC109 - see below
        """Call and return the unwrapped result, within ``timeout`` seconds if that is less than the setting.

        The bound is HTTP's own, so that a connection that was cut short is not used again.
        Raises `CallFailed`.
        """


class CacheUnavailable(Exception):
    """Redis is away, so the cache can neither answer nor remember."""


class ContactCache(Protocol):
    """The contacts reserved for each agent. Every method raises `CacheUnavailable`."""

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


class Sender(Protocol):
    """Publishes with confirms."""

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Publish and await the broker's confirm, within the setting's bound. Raises `PublishFailed`."""
