"""Calls that wait: for some time, or until they are released. None of them outlives the simulator."""

import asyncio


class Dropped(Exception):
    """A call that ends without an answer: its connection is to be cut."""


class Pauses:
    """Holds calls back. `hung` is how many hang at present."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._hung: set[asyncio.Future[bool]] = set()

    @property
    def hung(self) -> int:
        """The number of calls that hang at present, those whose caller has gone away included."""
        return len(self._hung)

    async def wait(self, seconds: float) -> None:
        """Wait. Raises Dropped when the simulator stops meanwhile."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Dropped

    async def hang(self) -> None:
        """Wait until released. Raises Dropped when told to give up, or when the simulator stops."""
        if self._stopping.is_set():
            raise Dropped
        future = asyncio.get_running_loop().create_future()
        self._hung.add(future)
        try:
            if not await future:
                raise Dropped
        finally:
            self._hung.discard(future)

    def release(self, *, drop: bool = False) -> int:
        """Let hung calls go on, or give up with `drop`; gives how many."""
        waiting = [future for future in self._hung if not future.done()]
        for future in waiting:
            future.set_result(not drop)
        return len(waiting)

    def stop(self) -> None:
        """Cut every waiting call, and every later one that would wait."""
        self._stopping.set()
        self.release(drop=True)
