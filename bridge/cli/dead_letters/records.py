"""What the request ledger knows of a letter's request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.letters import Letter
from bridge.settings import Settings


class Records:
    """The ledger, for as long as it is `opened`. Its methods raise `bridge.ports.StoreUnavailable`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Connect for the length of a block."""
        yield

    async def settled(self, letter: Letter) -> bool:
        """Tell whether the end of a request with an unknown outcome is known by now."""
        del letter
        return False

    async def describe(self, letter: Letter) -> str:
        """Say what is known of the request."""
        del letter
        return "knows nothing of it"
