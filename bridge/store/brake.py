"""The hand brake: request queues that a person paused, for all workers of a site.

Redis hash ``<prefix>:paused``: queue name -> unix milliseconds since when.
"""

import re
import time
from collections.abc import Callable
from typing import Final, cast

import structlog

from bridge.ports import StoreUnavailable
from bridge.store.connection import Store

log = structlog.get_logger(__name__)

_PAUSE: Final = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then return false end
return redis.call('HGET', KEYS[1], ARGV[1])
"""

_MOMENT: Final = re.compile(rb"[0-9]{1,13}")


class Brake:
    """Pauses queues by name; moments are unix seconds.

    ``on_change`` is told of all paused queues by the first `look` and whenever they change.
    """

    def __init__(
        self, store: Store, prefix: str, on_change: Callable[[frozenset[str]], None] | None = None
    ) -> None:
        self._store = store
        self._key = f"{prefix}:paused"
        self._on_change = on_change
        self._pause = store.client.register_script(_PAUSE)
        self._known: frozenset[str] | None = None

    async def pause(self, queue: str) -> float | None:
        """Pause a queue; return since when it was, None if it was not. Raises `StoreUnavailable`."""

        async def command() -> bytes | None:
            now = round(time.time() * 1000)
            return cast("bytes | None", await self._pause(keys=[self._key], args=(queue, now)))

        since = await self._store.run(command)
        return None if since is None else _seconds(since)

    async def resume(self, queue: str) -> bool:
        """Let a queue be consumed again; return whether it was paused. Raises `StoreUnavailable`."""
        return bool(await self._store.run(lambda: self._store.client.hdel(self._key, queue)))

    async def paused(self) -> dict[str, float]:
        """Return the paused queues and since when. Raises `StoreUnavailable`."""
        found = await self._store.run(lambda: self._store.client.hgetall(self._key))
        entries = cast("dict[bytes, bytes]", found)
        return {name.decode(errors="replace"): _seconds(since) for name, since in entries.items()}

    async def look(self) -> None:
        """Look which queues are paused. While Redis is away, what was known last stays."""
        try:
            paused = frozenset(await self.paused())
        except StoreUnavailable as error:
            if self._known is not None:
                return
            log.warning("brake.not_known", error=str(error), next="queues are consumed; looked at again")
            paused = frozenset()
        if paused != self._known:
            self._known = paused
            if self._on_change is not None:
                self._on_change(paused)


def _seconds(milliseconds: bytes) -> float:
    """Read a moment; what a person wrote there that is none is the beginning of time."""
    return int(milliseconds) / 1000 if _MOMENT.fullmatch(milliseconds) else 0.0
