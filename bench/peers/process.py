"""What every Python peer has in common as a process: its settings, and how it begins and ends."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A peer's settings: the variables ``BENCH_...`` of the environment.

    ``lcm_url`` ends with a slash, ``prefetch`` holds for each of the ``queues``.
    """

    amqp_url: str
    redis_url: str
    lcm_url: str
    queues: tuple[str, ...]
    prefetch: int

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings. Raises KeyError for one that is missing, ValueError for a prefetch of text."""
        return cls(
            amqp_url=os.environ["BENCH_AMQP_URL"],
            redis_url=os.environ["BENCH_REDIS_URL"],
            lcm_url=os.environ["BENCH_LCM_URL"],
            queues=tuple(os.environ["BENCH_QUEUES"].split(",")),
            prefetch=int(os.environ["BENCH_PREFETCH"]),
        )


def tell_ready() -> None:
    """Tell whoever started this process that it consumes."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


class End:
    """The end of the process: SIGTERM, or the first thing that went wrong."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = loop.create_future()
        loop.add_signal_handler(signal.SIGTERM, self._ask)

    def _ask(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    def fail(self, error: BaseException) -> None:
        """End with this error, unless the end has come already."""
        if not self._end.done():
            self._end.set_exception(error)

    async def wait(self) -> None:
        """Wait for the end, however long it takes. Raises what `fail` was given."""
        await self._end
