"""The contacts reserved for each agent, in Redis.

Keys of one agent share a hash tag, so that a script may touch them together on Redis Cluster:

    <prefix>:{<agent>}:contacts:manual   hash, account number -> record
    <prefix>:{<agent>}:contacts:od       hash, account number -> record
    <prefix>:{<agent>}:skipped           sorted set, account number by the time of its skip; and
                                         by NUL, kind and consent, when LCM was last asked for all

Every key has an expiry. A record is ``{"v", "asked", "expires", "consent", "n", "contact"}``, times in
unix milliseconds: ``asked`` is when LCM was asked for it, ``n`` its place in LCM's answer.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final, Literal, NamedTuple

import orjson
import structlog

from bridge.jsontypes import deeper_than
from bridge.operations.dates import expiry
from bridge.operations.model import Contact, Reserved, Shelf
from bridge.ports import CacheChange
from bridge.settings import Contacts as ContactSettings
from bridge.store.connection import Store
from bridge.store.contact_scripts import DROP, KEEP
from bridge.store.scripts import PlainCall, ScriptCall

log = structlog.get_logger(__name__)

VERSION: Final = 1
SHELVES: Final[tuple[Shelf, ...]] = ("manual", "od")

SKIPS_KEPT_MS: Final = 10 * 60 * 1000
"""How long a skip is remembered against answers that LCM gave before it: longer than any call may take."""

MOST_OWED: Final = 10_000
"""Skips that one process remembers while Redis is away."""


_DEEPEST: Final = 128
"""Levels of nesting in a contact: more than LCM's answers have, and fewer than JSON's writer takes."""


LARGEST: Final = 16_384
"""Bytes of a record; a contact of which it would be larger is not kept. Most have 300."""


class _Skip(NamedTuple):
    agent: str
    account: str


class PreparedChange(NamedTuple):
    """A change of the cache that is yet to be written by ``call``; ``done`` takes note that it is."""

    call: ScriptCall
    done: Callable[[], None]


class ContactStore:
    """Implements `bridge.ports.ContactCache`; every method raises `bridge.ports.StoreUnavailable`."""

    def __init__(
        self,
        store: Store,
        settings: ContactSettings,
        *,
        prefix: str,
        zone: tzinfo,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._settings = settings
        self._prefix = prefix
        self._zone = zone
        self._clock = clock
        self._owed: OrderedDict[_Skip, int] = OrderedDict()
        self._keep = store.client.register_script(KEEP)
        self._drop = store.client.register_script(DROP)

    async def find(
        self, agent: str, reserved: Reserved, *, age: Literal["fresh", "any"]
    ) -> Sequence[Contact]:
        """Return contacts that have not expired, in LCM's order; with ``fresh`` only recently given ones."""
        now = self._now()
        since = now - self._settings.fresh_for * 1000 if age == "fresh" else 0.0
        if age == "fresh" and not self._settings.fresh_for:
            return []
        found = [
            record
            for record in await self._records(agent, reserved.shelf)
            if record["expires"] > now
            and record["asked"] >= since
            and record.get("consent") == reserved.consent
        ]
        found.sort(key=lambda record: (-record["asked"], record["n"]))
        return [record["contact"] for record in found]

    async def keep(
        self,
        agent: str,
        shelf: Shelf,
        contacts: Sequence[Contact],
        *,
        asked: float,
        reserved: Reserved | None,
    ) -> None:
        """Remember what LCM gave, the first contacts up to ``contacts.per_agent``.

        What has no account number could not be dropped and is not kept, nor is one that is too large.
        """
        if (change := self._kept(agent, shelf, contacts, asked=asked, reserved=reserved)) is not None:
            await self._store.ask(change.call)

    async def drop(self, agent: str, account: str) -> None:
        """Forget a skipped contact in both kinds, also against answers that LCM gave before the skip.

        If Redis is away, this process remembers it, shows the contact no more, and drops it later.
        """
        await self._settle(self._owe(agent, account))

    def prepare(self, change: CacheChange) -> PreparedChange | None:
        """Return what writes a change, to be run together with other scripts; None: there is nothing to.

        A skip is remembered, as by `drop`, until its ``done`` is called.
        """
        if change.skipped is not None:
            return self._dropped(self._owe(change.agent, change.skipped))
        if change.shelf is None:
            return None
        return self._kept(
            change.agent, change.shelf, change.contacts, asked=change.asked, reserved=change.reserved
        )

    @property
    def owed(self) -> int:
        """How many skips are yet to be written."""
        return len(self._owed)

    async def settle(self) -> None:
        """Drop what could not be dropped while Redis was away."""
        for skip in list(self._owed):
            await self._settle(skip)

    def _kept(
        self,
        agent: str,
        shelf: Shelf,
        contacts: Sequence[Contact],
        *,
        asked: float,
        reserved: Reserved | None,
    ) -> PreparedChange | None:
        now, asked_ms = self._now(), round(asked * 1000)
        # Fewer than asked for are all there are; and of the od kind an agent has one at a time.
        complete = reserved is not None and (len(contacts) < reserved.count or shelf == "od")
        pairs: list[bytes | str] = []
        # The script takes microseconds for each, in which Redis serves nobody; more would not stay anyway.
        for place, contact in enumerate(contacts[: self._settings.per_agent]):
            account, expires = contact.get("AccountNumber"), self._expires(contact, asked)
            if isinstance(account, str) and account:
                record = {
                    "v": VERSION,
                    "asked": asked_ms,
                    "expires": expires,
                    "consent": contact.get("Consent") or (reserved.consent if reserved else None),
                    "n": place,
                    "contact": contact,
                }
                stored = orjson.dumps({key: value for key, value in record.items() if value is not None})
                if len(stored) <= LARGEST:
                    pairs += [account, stored]
        if not pairs and not complete:
            return None
        consent = (reserved.consent if reserved else None) or ""
        call = ScriptCall(
            self._keep,
            [self._key(agent, shelf), self._skipped(agent)],
            [
                *(now, asked_ms, self._settings.per_agent, int(complete), consent),
                *(f"\0{shelf}:{consent}" if reserved else "", SKIPS_KEPT_MS),
                *pairs,
            ],
        )
        return PreparedChange(call, lambda: None)

    def _owe(self, agent: str, account: str) -> _Skip:
        skip = _Skip(agent, account)
        self._owed[skip] = self._now()
        if len(self._owed) > MOST_OWED:
            lost, _ = self._owed.popitem(last=False)
            log.error(
                "contact_cache.skip_forgotten", agent=lost.agent, next="the contact leaves at its expiry"
            )
        return skip

    async def _settle(self, skip: _Skip) -> None:
        if (change := self._dropped(skip)) is None:  # its own skip has settled it meanwhile
            return
        await self._store.ask(change.call)
        change.done()

    def _dropped(self, skip: _Skip) -> PreparedChange | None:
        if (at := self._owed.get(skip)) is None:
            return None

        def done() -> None:
            if self._owed.get(skip) == at:
                del self._owed[skip]

        keys = self.keys(skip.agent)
        return PreparedChange(ScriptCall(self._drop, keys, [skip.account, at, SKIPS_KEPT_MS]), done)

    async def holds(self, agent: str, account: str) -> bool:
        """Tell whether either kind holds the contact, not expired."""
        now = self._now()
        for shelf in SHELVES:
            for record in await self._records(agent, shelf):
                if record["contact"].get("AccountNumber") == account and record["expires"] > now:
                    return True
        return False

    async def contents(self, agent: str) -> list[dict[str, Any]]:
        """Return every record of an agent with its kind, for the people who look after the bridge."""
        return [
            {"kind": shelf, **record} for shelf in SHELVES for record in await self._records(agent, shelf)
        ]

    async def erase(self, agent: str) -> int:
        """Remove everything that is kept about an agent; return how many keys there were."""
        for skip in [skip for skip in self._owed if skip.agent == agent]:
            del self._owed[skip]
        keys = self.keys(agent)
        removed: int = await self._store.run(lambda: self._store.client.delete(*keys))
        return removed

    def keys(self, agent: str) -> list[str]:
        """Return the names of all keys of an agent."""
        return [*(self._key(agent, shelf) for shelf in SHELVES), self._skipped(agent)]

    async def _records(self, agent: str, shelf: Shelf) -> list[dict[str, Any]]:
        key = self._key(agent, shelf)
        values = await self._store.ask(PlainCall(("HVALS", key)))
        found = [record for value in values if (record := readable(value)) is not None]
        return [record for record in found if not self._is_owed(agent, record)] if self._owed else found

    def _is_owed(self, agent: str, record: Mapping[str, Any]) -> bool:
        skipped = self._owed.get(_Skip(agent, str(record["contact"].get("AccountNumber"))))
        return skipped is not None and record["asked"] <= skipped

    def _expires(self, contact: Contact, asked: float) -> int:
        told = expiry(contact.get("ExpiryTime"), self._zone)
        until = asked + self._settings.default_age if told is None else told
        return round(min(until, asked + self._settings.max_age) * 1000)

    def _now(self) -> int:
        return round(self._clock() * 1000)

    def _key(self, agent: str, shelf: Shelf) -> str:
        return f"{self._agent(agent)}:contacts:{shelf}"

    def _skipped(self, agent: str) -> str:
        return f"{self._agent(agent)}:skipped"

    def _agent(self, agent: str) -> str:
        # A brace in the agent's id would end the hash tag early and let it name another agent's keys.
        encoded = agent.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
        return f"{self._prefix}:{{{encoded}}}"


def readable(value: bytes) -> dict[str, Any] | None:
    """Read a record as this version writes it, None for another; somebody else may have written there."""
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError:
        record = None
    numbers = ("asked", "expires", "n")
    if (
        not isinstance(record, dict)
        or record.get("v") != VERSION
        or not isinstance(contact := record.get("contact"), dict)
        or not isinstance(account := contact.get("AccountNumber"), str)
        or not account
        or (value.count(b"[") + value.count(b"{") > _DEEPEST and deeper_than(contact, _DEEPEST))
        or not all(isinstance(record.get(name), int | float) for name in numbers)
    ):
        log.warning("contact_cache.unreadable_record", next="it is left to expire and LCM is asked")
        return None
    return record
