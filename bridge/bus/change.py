"""Telling whoever waits that something has changed."""

import asyncio

LOOK_AGAIN = 1.0
"""Seconds after which whoever waits for a change looks by himself."""


class Change:
    """Wakes everybody who waits for something to change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event.clear()

    async def wait(self) -> None:
        """Wait to be told, for `LOOK_AGAIN` at most."""
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._event.wait()
        except TimeoutError:
            pass
