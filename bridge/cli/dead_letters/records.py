"""What the request ledger knows of a letter's request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.cli.display import moment
from bridge.cli.store import opened_store
from bridge.endings import Ending
from bridge.failures import Failure
from bridge.letters import Letter
from bridge.ports import LedgerKey
from bridge.settings import Settings
from bridge.store.records import LedgerRecords, Record


class Records:
    """The ledger, for as long as it is `opened`. Its methods raise `bridge.ports.StoreUnavailable`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: LedgerRecords | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Connect for the length of a block, where Redis can be reached."""
        settings = self._settings
        async with opened_store(settings) as store:
            self._open = LedgerRecords(store, settings.ledger, prefix=settings.redis.prefix)
            try:
                yield
            finally:
                self._open = None

    async def look(self, letter: Letter) -> Record | None:
        """Return what is known of the request, None for nothing."""
        return await self._records.look(_key(letter))

    async def settle(self, letter: Letter, ending: Ending | None) -> None:
        """Write what a person found out; None: it did not happen. Raises ValueError where that is known."""
        await self._records.settle_by_hand(_key(letter), ending)

    async def reopen(self, letter: Letter) -> None:
        """Let a request that LCM refused be carried out again."""
        await self._records.reopen(_key(letter))

    @property
    def _records(self) -> LedgerRecords:
        if self._open is None:
            raise RuntimeError("the ledger is not open")
        return self._open


def _key(letter: Letter) -> LedgerKey:
    if letter.key is None:
        raise ValueError("the letter has no key")
    return LedgerKey(letter.operation, letter.key)


def described(record: Record | None, *, unknown_outcome: bool) -> str:
    """Say what is known of a request; ``unknown_outcome``: it is among the letters for that."""
    if record is None and unknown_outcome:  # held, until its time was up: whoever calls LCM claims first
        return "knows nothing of it: it had no effect, unless Redis has forgotten it; settle it"
    if record is None:
        return "knows nothing of it: a replay is carried out"
    claimed = moment(record.claimed_at)
    ended = _ended(record.ending) if record.state == "done" else ""
    return f"{_STATES[record.state]} (begun {claimed}{ended})"


_STATES = {
    "running": "running: somebody carries it out now",
    "done": "done: a replay gets the stored reply, or is carried out where that is a refusal",
    "unknown": "unknown: it was begun, and nobody knows whether it was done; settle it",
    "open": "open: a person found that it did not happen; a replay carries it out",
    "unreadable": "cannot be read: perhaps a newer version wrote it",
}


def _ended(ending: Ending | None) -> str:
    if ending is None:
        return ""
    if isinstance(ending.end, Failure):
        return f"; ended as {ending.end.error_type}: {ending.end.message}"
    return "; ended with success"
