"""The request ledger in Redis: who carries out a side effect, and how it ended.

`bridge.store.records` says where its records are, and `bridge.store.ledger_scripts` what they hold.
"""

import asyncio
import hashlib
import itertools
import time
from uuid import uuid4

import structlog
from redis.exceptions import ResponseError

from bridge.endings import Ending, UnreadableEnding
from bridge.failures import Failure, OutcomeUnknown
from bridge.metrics import Metrics
from bridge.ports import (
    CacheChange,
    Claim,
    CutOff,
    Ended,
    Found,
    LedgerKey,
    Mismatch,
    Running,
    StoreUnavailable,
)
from bridge.settings import Ledger as LedgerSettings
from bridge.store import ledger_scripts as scripts
from bridge.store.connection import NothingWritten, Store, refused
from bridge.store.contacts import ContactStore, PreparedChange
from bridge.store.leases import AT_ONCE, Leases
from bridge.store.owed import Entry, Owed
from bridge.store.records import record_name
from bridge.store.scripts import ScriptCall, Words

log = structlog.get_logger(__name__)


class LedgerStore:
    """Implements `bridge.ports.Ledger`."""

    def __init__(
        self,
        store: Store,
        settings: LedgerSettings,
        *,
        prefix: str,
        metrics: Metrics,
        contacts: ContactStore | None = None,
    ) -> None:
        """``contacts`` is the cache that `complete` keeps up to date."""
        self._store = store
        self._settings = settings
        self._prefix = prefix
        self._metrics = metrics
        self._count = metrics.ledger
        self._contacts = contacts
        self._process = uuid4().hex
        self._numbers = itertools.count(1)
        self._leases = Leases(store, settings.lease, self._renewal)
        self._owed = Owed()
        register = store.client.register_script
        self._claim = register(scripts.CLAIM)
        self._complete = register(scripts.COMPLETE)
        self._release = register(scripts.RELEASE)
        self._again = settings.unknown_outcome == "retry"
        self._retention = round(settings.retention * 1000)
        self._longest = round(settings.unknown_retention * 1000)
        self._wait: Words | None = None
        if settings.wait_replicas:  # 0 milliseconds would be for ever
            self._wait = ("WAIT", settings.wait_replicas, max(1, round(settings.wait_timeout * 1000)))

    # --- the life of a claim --------------------------------------------------------------------

    async def claim(self, key: LedgerKey, content: str, *, repeated: bool = False) -> Found:
        """Claim, or say what is known; counts what it was."""
        digest = hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()
        try:
            found = await self._claimed(key, digest, repeated=repeated)
        except StoreUnavailable:
            self._count.labels("unavailable").inc()
            raise
        outcomes = {Claim: "claimed", Ended: "replayed", CutOff: "unknown", Mismatch: "mismatch"}
        if outcome := outcomes.get(type(found)):
            self._count.labels(outcome).inc()
        return found

    async def complete(self, claim: Claim, ending: Ending, change: CacheChange | None = None) -> bool:
        """Store how it ended; while Redis is away, wait for it for ``ledger.record_within``.

        Raises ValueError for an ending that is not to be stored.
        """
        if isinstance(ending.end, Failure) and ending.end.retryable:
            self.abandon(claim)
            raise ValueError(f"{ending.end.error_type} is no ending: its claim is released")
        until = time.monotonic() + self._settings.record_within
        try:
            entry = self._ended(claim, self._leases.digest(claim), ending)
            self._owed.put(entry)
            prepared = self._contacts.prepare(change) if change and self._contacts else None
            while True:
                try:
                    return await self._write(entry, prepared)
                except StoreUnavailable:
                    if not await self._store.back(until - time.monotonic()):
                        self._count.labels("unavailable").inc()
                        raise
        finally:
            self.abandon(claim)

    async def release(self, claim: Claim, told: Failure | None = None) -> None:
        """Give the claim back; what cannot be written now is written when Redis is back."""
        entry = self._released(claim, self._leases.digest(claim), told)
        self._owed.put(entry)
        self.abandon(claim)
        self._count.labels("released").inc()
        try:
            await self._write(entry)
        except StoreUnavailable:
            self._count.labels("unavailable").inc()
            raise

    def abandon(self, claim: Claim) -> None:
        """Renew a claim no longer: when its lease has run out, it counts as cut off."""
        self._leases.drop(claim)

    # --- what runs beside -----------------------------------------------------------------------

    async def settle(self) -> None:
        """Write what Redis, or enough of its replicas, did not learn.

        Raises `StoreUnavailable` if it is away, or refused some: a full Redis does, and takes others.
        """
        owed = self._owed.all()
        failed: list[BaseException] = []
        for first in range(0, len(owed), AT_ONCE):
            some = owed[first : first + AT_ONCE]
            results = await asyncio.gather(*(self._write(entry) for entry in some), return_exceptions=True)
            failed += [result for result in results if isinstance(result, BaseException)]
            if failed and not self._store.connected:
                break
        if failed:
            raise next((one for one in failed if not isinstance(one, StoreUnavailable)), failed[0])

    @property
    def owed(self) -> int:
        """How many records are yet to be written."""
        return len(self._owed.all())

    async def renew(self) -> None:
        """Renew the leases of what runs long, until cancelled: a task beside the work."""
        await self._leases.renew()

    async def renew_older_than(self, age: float) -> None:
        """Renew the leases of claims held for ``age`` seconds or longer. Raises `StoreUnavailable`."""
        await self._leases.renew_older_than(age)

    # --- how ------------------------------------------------------------------------------------

    async def _claimed(self, key: LedgerKey, digest: str, *, repeated: bool) -> Found:
        for entry in self._owed.of(key):
            try:
                await self._write(entry)  # else it would take its own claim for somebody else's
            except StoreUnavailable:
                if entry.ending is None:
                    raise
                # Known in this process alone, but better told than called again.
                return _told(entry.ending) if entry.digest in (digest, "") else Mismatch()
        claim = Claim(key, f"{self._process}-{next(self._numbers)}")
        try:
            answer, replicas = await self._send(
                self._claim_call(claim, digest, again=self._again, repeated=repeated)
            )
        except NothingWritten:
            raise
        except (StoreUnavailable, asyncio.CancelledError):
            # Perhaps it is written, and only the answer was lost.
            self._owed.put(self._released(claim, digest))
            raise
        if answer[0] == b"NEW" and replicas < self._settings.wait_replicas:
            self._owed.put(entry := self._released(claim, digest))
            await self._write(entry)
            raise StoreUnavailable(f"only {replicas} Redis replicas have the claim (ledger.wait_replicas)")
        return self._found(claim, digest, answer)

    async def _send(self, call: ScriptCall) -> tuple[list[bytes], int]:
        """Run a claim; return what it found, and how many replicas have it."""
        if self._wait is None:
            return await self._store.ask(call), 0
        answer, replicas = await self._store.send([call], wait=self._wait)
        if isinstance(answer, ResponseError):
            raise refused(answer)
        return answer, _count(replicas)

    def _found(self, claim: Claim, digest: str, answer: list[bytes]) -> Found:
        kind, *values = answer
        if kind == b"NEW":
            claim = claim._replace(doubtful=values[0] == b"1")
            self._leases.take(claim, digest)
            return claim
        if kind == b"BUSY":
            return Running(int(values[0]) / 1000)
        if kind == b"MISMATCH":
            return Mismatch()
        if kind == b"DONE":
            try:
                return Ended(Ending.load(values[1]))
            except UnreadableEnding:
                kind = b"FOREIGN"
        if kind == b"GONE":
            raise StoreUnavailable("the claim was given back before it was answered")
        at = int(values[0]) / 1000
        if kind == b"FOREIGN":
            # Perhaps a newer version's: nobody knows what it says, so it must not lead to a call.
            log.error(
                "ledger.unreadable_record",
                record=record_name(self._prefix, claim.key),
                next="its side effect counts as cut off",
            )
        return CutOff(at or time.time())

    async def _write(self, entry: Entry, change: PreparedChange | None = None) -> bool:
        """Write how a claim ended; return False if others had been told that it was cut off."""
        calls = [entry.call] if change is None else [entry.call, change.call]
        # What only the primary knows a failover forgets, and a repetition would be told that it is unknown.
        wait = self._wait if entry.ending is not None else None
        answer, *others = await self._store.send(calls, transaction=change is not None, wait=wait)
        changed, replicas = (others[:-1], _count(others[-1])) if wait else (others, 0)
        if isinstance(answer, Exception):
            raise refused(answer)
        if wait is None or replicas >= self._settings.wait_replicas:
            self._owed.forget(entry)  # else it is written again, if need be to the next primary
        if change is not None:
            if isinstance(changed[0], Exception):
                self._metrics.contact_cache.labels("error").inc()
                log.warning(
                    "contact_cache.not_updated",
                    error=str(changed[0]),
                    next="what was cached stays until it expires; a skip is dropped when Redis takes it",
                )
            else:
                change.done()
        if answer in (b"OTHER", b"FOREIGN"):
            log.error(
                "ledger.record_occupied",
                record=record_name(self._prefix, entry.claim.key),
                error="somebody else's claim is there" if answer == b"OTHER" else "the record is unreadable",
                next="how this delivery ended is not recorded; its requester is told all the same",
            )
        return answer != b"LATE"  # type: ignore[no-any-return]  # what a script returns is untyped

    def _claim_call(self, claim: Claim, digest: str, *, again: bool, repeated: bool) -> ScriptCall:
        lease = round(self._settings.lease * 1000)
        return ScriptCall(
            self._claim,
            [record_name(self._prefix, claim.key)],
            [claim.owner, digest, lease, self._longest, int(again), int(repeated)],
        )

    def _renewal(self, claim: Claim, digest: str) -> ScriptCall:
        return self._claim_call(claim, digest, again=False, repeated=False)

    def _released(self, claim: Claim, digest: str, told: Failure | None = None) -> Entry:
        keep, reply = (self._retention, Ending(told).dump()) if told else (scripts.RELEASED_MS, b"")
        name, values = record_name(self._prefix, claim.key), (claim.owner, digest, keep, reply)
        return Entry(claim, digest, None, ScriptCall(self._release, [name], values))

    def _ended(self, claim: Claim, digest: str, ending: Ending) -> Entry:
        unknown = isinstance(ending.end, OutcomeUnknown)
        state, keep = ("unknown", self._longest) if unknown else ("done", self._retention)
        values = (claim.owner, digest, state, ending.dump(), keep)
        call = ScriptCall(self._complete, [record_name(self._prefix, claim.key)], values)
        return Entry(claim, digest, ending, call)


def _count(replicas: object) -> int:
    """Return what WAIT answered; none where it was refused, as by a primary that is one no more."""
    return replicas if isinstance(replicas, int) else 0


def _told(ending: Ending) -> Ended | CutOff:
    return CutOff(time.time()) if isinstance(ending.end, OutcomeUnknown) else Ended(ending)
