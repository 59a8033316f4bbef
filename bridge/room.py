"""How many large bodies are worked on at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

LARGE_BYTES: Final = 65_536
"""Beyond it a body is large: what is made of it takes six times as much, as long as it is worked on."""

LARGE_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of large ones that are worked on at the same time; the others wait as they arrived."""


class Room:
    """What large bodies share, in parts of `LARGE_BYTES`, given out in the order of asking."""

    def __init__(self) -> None:
        self._parts = LARGE_AT_ONCE // LARGE_BYTES
        self._free = asyncio.Semaphore(self._parts)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[None]:
        """Have room for a body of ``size`` bytes during a block; all of it for a larger one."""
        parts = min(-(-size // LARGE_BYTES), self._parts)
        taken = 0
        try:
            async with self._turn:
                while taken < parts:
                    await self._free.acquire()
                    taken += 1
            yield
        finally:
            for _ in range(taken):
                self._free.release()
