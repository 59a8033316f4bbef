"""Erasing from Redis what mentions a person: contacts of any agent, and stored replies.

The record of a side effect stays, without its reply: were it removed, a repetition would be carried out.
"""

import re
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from bridge.endings import Ending
from bridge.failures import OutcomeUnknown
from bridge.mentions import Mention
from bridge.ports import StoreUnavailable
from bridge.store.away import AWAY, reset_as_error
from bridge.store.connection import Store
from bridge.store.contacts import SHELVES, ContactStore
from bridge.store.ledger_scripts import FORGET
from bridge.store.scripts import ScriptCall

ERASED: Final = Ending(OutcomeUnknown("it was carried out or refused before, and what LCM said was erased"))
"""What a repetition of a request is told whose stored reply was erased."""

_PAGE: Final = 1000
"""Keys that Redis looks at before it answers."""

_PATTERN: Final = re.compile(r"[*?\[\]\\]")


class Erased(NamedTuple):
    """How many contacts, and how many stored replies."""

    contacts: int
    replies: int


class Erasure:
    """Looks through all that the bridge keeps. Every method raises `bridge.ports.StoreUnavailable`."""

    def __init__(self, store: Store, contacts: ContactStore, *, prefix: str) -> None:
        self._store = store
        self._contacts = contacts
        self._prefix = _PATTERN.sub(r"\\\g<0>", prefix)
        self._forget = store.client.register_script(FORGET)

    async def erase(self, mention: Mention, *, pretend: bool = False) -> Erased:
        """Erase every contact and stored reply that mentions it, and what is kept of an agent of that id.

        With ``pretend`` they are only counted.
        """
        contacts = replies = 0
        for shelf in SHELVES:
            async for name in self._names(f"{self._prefix}:{{*}}:contacts:{shelf}"):
                contacts += await self._contacts_in(name, mention, pretend=pretend)
        async for name in self._names(f"{self._prefix}:ledger:*"):
            replies += await self._reply_in(name, mention, pretend=pretend)
        if not pretend:
            await self._contacts.erase(mention.wanted)  # what he skipped, too
        return Erased(contacts, replies)

    async def _names(self, pattern: str) -> AsyncIterator[bytes]:
        try:
            with reset_as_error():
                async for name in self._store.client.scan_iter(match=pattern, count=_PAGE):
                    yield name
        except AWAY as error:
            raise StoreUnavailable(f"Redis does not list its keys: {error}") from error

    async def _of_another_kind(self, name: bytes) -> bool:
        """Tell what somebody else put there: all that is looked through are hashes."""
        return _bytes(await self._store.run(lambda: self._store.client.type(name))) != b"hash"

    async def _contacts_in(self, name: bytes, mention: Mention, *, pretend: bool) -> int:
        client = self._store.client
        if await self._of_another_kind(name):
            return 0
        records = await self._store.run(lambda: client.hgetall(name))
        agents_own = name.decode(errors="replace") in self._contacts.keys(mention.wanted)
        meant = [
            account
            for account, record in records.items()
            if agents_own or mention.in_bytes(_bytes(account)) or mention.in_bytes(_bytes(record))
        ]
        if meant and not pretend:
            await self._store.run(lambda: client.hdel(name, *meant))
        return len(meant)

    async def _reply_in(self, name: bytes, mention: Mention, *, pretend: bool) -> int:
        client = self._store.client
        if await self._of_another_kind(name):
            return 0
        reply = await self._store.run(lambda: client.hget(name, "reply"))
        if not reply or not mention.in_bytes(_bytes(reply)):
            return 0
        if not pretend:
            await self._store.ask(ScriptCall(self._forget, [name.decode()], [reply, ERASED.dump()]))
        return 1


def _bytes(answer: bytes | str) -> bytes:
    """Return an answer as the client gives it, which has it typed otherwise."""
    return answer if isinstance(answer, bytes) else answer.encode()
