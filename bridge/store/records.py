"""The request ledger's records: their names, and what people may see and settle of them.

A record's name is ``<prefix>:ledger:<SHA-256 of operation and key>``: it tells nothing of the request, nor
does anything in it, save for the field ``reply``.
"""

from typing import Final, Literal, NamedTuple
from uuid import uuid4

from bridge.endings import Ending, UnreadableEnding
from bridge.ports import LedgerKey
from bridge.settings import Ledger as LedgerSettings
from bridge.store.connection import Store
from bridge.store.ledger_scripts import LOOK, REOPEN, SETTLE
from bridge.store.scripts import ScriptCall

State = Literal["running", "done", "unknown", "open", "unreadable"]

_STATES: Final[dict[bytes, State]] = {
    b"running": "running",
    b"done": "done",
    b"unknown": "unknown",
    b"open": "open",
}
_NOT_SETTLED: Final[dict[bytes, str]] = {
    b"DONE": "it is known how this ended: there is nothing to settle",
    b"RUNNING": "this is still running: wait until it has ended or its lease has run out",
    b"FOREIGN": "the record cannot be read: perhaps a newer version of the bridge wrote it",
}


def record_name(prefix: str, key: LedgerKey) -> str:
    """Return the Redis key of a side effect's record."""
    return f"{prefix}:ledger:{key.digest}"


class Record(NamedTuple):
    """What is known of a side effect; times in (unix) seconds.

    ``unknown`` is also one whose lease has run out, ``open`` one that was found not to have happened.
    """

    state: State
    owner: str
    claimed_at: float
    lease_left: float
    ending: Ending | None


class LedgerRecords:
    """The ledger as people see it, for the commands. Every method raises `bridge.ports.StoreUnavailable`."""

    def __init__(self, store: Store, settings: LedgerSettings, *, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._done = round(settings.retention * 1000)
        self._open = round(settings.unknown_retention * 1000)
        self._look = store.client.register_script(LOOK)
        self._settle = store.client.register_script(SETTLE)
        self._reopen = store.client.register_script(REOPEN)

    async def look(self, key: LedgerKey) -> Record | None:
        """Return what is known of a side effect, None for nothing."""
        call = ScriptCall(self._look, [record_name(self._prefix, key)], [])
        found, owner, at, left, reply = await self._store.ask(call)
        if found in (b"none", b"released"):
            return None
        state: State = _STATES.get(found, "unreadable")
        ending = None
        try:
            ending = Ending.load(reply) if reply else None
        except UnreadableEnding:
            state = "unreadable"
        if state == "running" and int(left) == 0:
            state = "unknown"
        return Record(state, owner.decode(errors="replace"), int(at) / 1000, int(left) / 1000, ending)

    async def settle_by_hand(self, key: LedgerKey, ending: Ending | None) -> Literal["done", "open"]:
        """Write what a person found out about an unknown outcome, and return the record's new state.

        An ending is told to repetitions from then on; None says that it did not happen, and lets the key be
        claimed again. Raises ValueError, with what to tell the person, if it has ended or is still running.
        """
        state: Literal["done", "open"] = "open" if ending is None else "done"
        reply, keep = (b"", self._open) if ending is None else (ending.dump(), self._done)
        call = ScriptCall(self._settle, [record_name(self._prefix, key)], [uuid4().hex, state, reply, keep])
        if problem := _NOT_SETTLED.get(await self._store.ask(call)):
            raise ValueError(problem)
        return state

    async def reopen(self, key: LedgerKey) -> bool:
        """Let a side effect that ended in a failure be claimed again; return whether it did.

        A failure is stored for those who repeat a request by mistake. A person who sends it again has
        removed the cause; and it had no effect.
        """
        name = record_name(self._prefix, key)
        call = ScriptCall(self._reopen, [name], [uuid4().hex, self._open])
        return bool(await self._store.ask(call) == b"OK")
