"""The leases of the claims that this process holds, renewed while their calls run."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from redis.exceptions import ResponseError

from bridge.ports import Claim, StoreUnavailable
from bridge.store.connection import Store
from bridge.store.scripts import ScriptCall

log = structlog.get_logger(__name__)

AT_ONCE: Final = 500
"""Leases that are renewed in one round trip."""


@dataclass(slots=True)
class _Held:
    """A claim of this process that is neither completed nor released."""

    digest: str
    since: float = field(default_factory=time.monotonic)
    lost: bool = False


class Leases:
    """The claims held, each with the digest of its content.

    ``call`` builds the script call that claims again for the same owner, which renews the lease of
    ``seconds``, and brings back a record that Redis has forgotten.
    """

    def __init__(self, store: Store, seconds: float, call: Callable[[Claim, str], ScriptCall]) -> None:
        self._store = store
        self._pause = seconds / 3
        self._call = call
        self._held: dict[Claim, _Held] = {}

    def take(self, claim: Claim, digest: str) -> None:
        """Renew a claim from now on."""
        self._held[claim] = _Held(digest)

    def drop(self, claim: Claim) -> None:
        """Renew a claim no longer."""
        self._held.pop(claim, None)

    def digest(self, claim: Claim) -> str:
        """Return the digest of a held claim's content; empty for one that is not held."""
        held = self._held.get(claim)
        return held.digest if held else ""

    async def renew(self) -> None:
        """Renew what has run for a third of its lease, every third of it, until cancelled."""
        told = False
        while True:
            await asyncio.sleep(self._pause)
            try:
                await self.renew_older_than(self._pause)
            except StoreUnavailable as error:
                if not told:
                    log.warning("ledger.leases_not_renewed", error=str(error), next="tried again")
                told = True
            else:
                told = False

    async def renew_older_than(self, age: float) -> None:
        """Renew the leases of claims held for ``age`` seconds or longer. Raises `StoreUnavailable`."""
        born = time.monotonic() - age
        due = [(claim, held) for claim, held in self._held.items() if held.since <= born and not held.lost]
        for first in range(0, len(due), AT_ONCE):
            some = due[first : first + AT_ONCE]
            answers = await self._store.send([self._call(claim, held.digest) for claim, held in some])
            for (claim, held), answer in zip(some, answers, strict=True):
                if isinstance(answer, ResponseError):
                    raise StoreUnavailable(f"Redis refused: {answer}") from answer
                if answer[0] != b"NEW" and claim in self._held:
                    held.lost = True
                    log.warning(
                        "ledger.claim_lost",
                        operation=claim.key.operation,
                        found=answer[0].decode(),
                        next="how it ends is recorded if nobody else has claimed it",
                    )
