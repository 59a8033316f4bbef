"""Many time-outs, one timer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.lcm.deadlines import Deadlines

LONG = 3600.0
"""Seconds that no test waits."""


@asynccontextmanager
async def bound(deadlines: Deadlines, seconds: float) -> AsyncIterator[None]:
    """End the block in so many seconds."""
    async with asyncio.timeout(None) as timeout:
        deadlines.watch(timeout, seconds)
        try:
            yield
        finally:
            deadlines.forget(timeout)


async def hang(deadlines: Deadlines, seconds: float) -> None:
    """Wait for what never comes."""
    async with bound(deadlines, seconds):
        await asyncio.Event().wait()


@pytest.mark.parametrize("seconds", [[LONG, 0.01, 0.05, 0.02], [0.01, LONG, 0.02], [0.0, 0.01, LONG]])
async def test_each_ends_at_its_own_time(seconds: list[float]) -> None:
    """Whatever the order in which they begin: what is due ends with TimeoutError, the earliest first."""
    deadlines = Deadlines()
    ended: list[float] = []

    async def tell(after: float) -> None:
        with pytest.raises(TimeoutError):
            await hang(deadlines, after)
        ended.append(after)

    tasks = {after: asyncio.create_task(tell(after)) for after in seconds}
    due = sorted(set(seconds) - {LONG})
    await asyncio.gather(*[tasks[after] for after in due])

    assert due == sorted(set(ended))
    assert ended == sorted(ended)
    assert not tasks[LONG].done()
    tasks[LONG].cancel()
    await asyncio.gather(tasks[LONG], return_exceptions=True)
    deadlines.close()


async def test_a_block_that_was_left_is_not_ended() -> None:
    """Its task goes on, also when its time comes while another is watched."""
    deadlines = Deadlines()
    async with bound(deadlines, 0.01):
        pass
    with pytest.raises(TimeoutError):
        await hang(deadlines, 0.05)
    deadlines.close()


async def test_a_cancelled_block_is_cancelled_and_not_late() -> None:
    """Who cancels it sees CancelledError."""
    deadlines = Deadlines()
    task = asyncio.create_task(hang(deadlines, LONG))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    deadlines.close()


async def test_after_the_end_nothing_is_ended() -> None:
    """Closed, it leaves alone what still runs."""
    deadlines = Deadlines()
    async with bound(deadlines, 0.01):
        deadlines.close()
        with pytest.raises(TimeoutError):
            await hang(Deadlines(), 0.05)
