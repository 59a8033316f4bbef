"""What the ledger could not write while Redis was away, to be written when it is back."""

from collections import OrderedDict
from typing import Final, NamedTuple

import structlog

from bridge.endings import Ending
from bridge.ports import Claim, LedgerKey
from bridge.store.scripts import ScriptCall

log = structlog.get_logger(__name__)

MOST_OWED: Final = 10_000
"""Records that one process remembers."""


class Entry(NamedTuple):
    """How a claim ended, None if it was released, and what writes that; ``digest`` is its content's."""

    claim: Claim
    digest: str
    ending: Ending | None
    call: ScriptCall


class Owed:
    """What is owed, at most `MOST_OWED`; of one claim only the latest."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Claim, Entry] = OrderedDict()
        self._claims: dict[LedgerKey, set[Claim]] = {}

    def put(self, entry: Entry) -> None:
        """Remember an entry; the oldest is forgotten if there are too many."""
        self._entries.pop(entry.claim, None)
        self._entries[entry.claim] = entry
        self._claims.setdefault(entry.claim.key, set()).add(entry.claim)
        if len(self._entries) > MOST_OWED:
            lost = next(iter(self._entries.values()))
            self.forget(lost)
            log.error(
                "ledger.record_forgotten",
                operation=lost.claim.key.operation,
                record=lost.claim.key.digest,
                next="its claim counts as cut off when the lease has run out",
            )

    def forget(self, entry: Entry) -> None:
        """Strike an entry out as written, unless something newer is owed for its claim."""
        claim = entry.claim
        if self._entries.get(claim) is not entry:
            return
        del self._entries[claim]
        self._claims[claim.key].discard(claim)
        if not self._claims[claim.key]:
            del self._claims[claim.key]

    def of(self, key: LedgerKey) -> list[Entry]:
        """Return what is owed for a key."""
        return [self._entries[claim] for claim in self._claims.get(key, ())]

    def all(self) -> list[Entry]:
        """Return everything that is owed, the oldest first."""
        return list(self._entries.values())
