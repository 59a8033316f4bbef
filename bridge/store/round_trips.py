"""What concurrent requests ask of Redis goes out together: one round trip answers all who wait.

A command by itself costs a time-out, a lock, a write and a read, which is most of its price. So while one
round trip is under way, what comes meanwhile waits for the next. Under load a round trip carries dozens of
commands; without load a command goes at once. This is for a single node and Sentinel: on Redis Cluster the
keys of different requests belong to different nodes.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ExecAbortError, NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bridge.store.away import AWAY, reset_as_error
from bridge.store.scripts import Call, Words, load


def _packed(words: Words) -> bytes:
    packed: bytes = pack_command(words)  # type: ignore[arg-type]  # its stub means a tuple of any length
    return packed


_MULTI: Final = _packed(("MULTI",))
_EXEC: Final = _packed(("EXEC",))

MOST: Final = 500
"""Requests whose commands go in one round trip."""

LARGE: Final = 1_000_000
"""Bytes of commands after which the rest waits: a round trip has only so much time."""


class RoundTripFailed(Exception):
    """Redis may or may not have done what was asked; its cause is redis-py's error, or a fault of ours.

    The cause may be a ResponseError: of a repetition, or where Redis did not take the scripts.
    """


@dataclass(slots=True)
class _Unit:
    """What one request asks for, and where it awaits the answers."""

    calls: Sequence[Call]
    transaction: bool
    done: "asyncio.Future[list[Any] | Exception]"
    packed: list[bytes] = field(init=False)
    repeated: bool = False

    def __post_init__(self) -> None:
        # Here, in the request's own task: what cannot be encoded must not fail the others.
        packed = [_packed(call.words()) for call in self.calls]
        self.packed = [_MULTI, *packed, _EXEC] if self.transaction else packed

    def read(self, replies: list[Any]) -> list[Any]:
        """Return each call's answer, or the ResponseError in its place, from the replies to ``packed``."""
        if not self.transaction:
            return replies
        answers = replies[-1]
        if not isinstance(answers, list):  # the transaction itself was refused
            return [answers] * len(self.calls)
        return answers

    def tell(self, answers: list[Any]) -> None:
        """Tell whoever waits.

        A refusal says that nothing was done, unless the commands went out before and only the answers
        got lost: then nobody knows.
        """
        told: list[Any] | Exception = answers
        if self.repeated:
            told = next((answer for answer in answers if isinstance(answer, ResponseError)), answers)
        if not self.done.done():
            self.done.set_result(told)


class RoundTrips:
    """Sends units of commands over one connection at a time, each within ``bound`` seconds.

    With ``wait`` (a WAIT command), each round trip ends in it, and a unit's last answer is how many
    replicas have what it wrote.
    """

    def __init__(self, client: Redis, bound: float, wait: Words | None = None) -> None:
        self._client = client
        self._bound = bound
        self._wait = _packed(wait) if wait else None
        self._waiting: deque[_Unit] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def send(self, calls: Sequence[Call], *, transaction: bool = False) -> list[Any]:
        """Run calls in their order; return each one's answer, or the ResponseError in its place.

        With ``transaction`` nobody else's commands come in between, unless Redis refuses transactions
        (it is full): then they run without. Raises `RoundTripFailed`.
        """
        if self._closed:
            raise RoundTripFailed from _closed()
        unit = _Unit(calls, transaction, asyncio.get_running_loop().create_future())
        self._waiting.append(unit)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="redis round trips")
        answers = await unit.done
        if isinstance(answers, Exception):
            raise RoundTripFailed from answers
        if isinstance(answers[0], ExecAbortError):
            return await self.send(calls)
        return answers

    async def close(self) -> None:
        """Send nothing more; what is under way is told that it is closed."""
        self._closed = True
        while self._task is not None and not self._task.done():
            self._task.cancel()
            # Not once: before Python 3.12, asyncio.wait_for, by which redis-py writes, may swallow it.
            await asyncio.wait([self._task], timeout=0.1)
        self._tell(self._waiting, _closed())

    async def _work(self) -> None:
        """Make round trips until nobody waits."""
        while units := self._next():
            failed: Exception = _closed()
            try:
                async with asyncio.timeout(self._bound):
                    with reset_as_error():
                        await self._answer(units)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
                failed = error
                if isinstance(error, AWAY) and not isinstance(error, ResponseError):
                    # Those who come next would wait as long as these, one round trip after the other.
                    units += self._waiting
            finally:
                self._tell(units, failed)

    def _next(self) -> list[_Unit]:
        """Take those who go in the next round trip: of those who still wait."""
        units: list[_Unit] = []
        size = 0
        while self._waiting and len(units) < MOST and size < LARGE:
            unit = self._waiting.popleft()
            if not unit.done.done():  # else cancelled meanwhile, or told
                units.append(unit)
                size += sum(map(len, unit.packed))
        return units

    @staticmethod
    def _tell(units: Iterable[_Unit], failed: Exception) -> None:
        for unit in units:
            if not unit.done.done():
                unit.done.set_result(failed)

    async def _answer(self, units: list[_Unit]) -> None:
        ignorant = await self._exchange(units)
        if ignorant:
            await load(self._client, [call for unit in ignorant for call in unit.calls])
            await self._exchange(ignorant, last=True)

    async def _exchange(self, units: list[_Unit], *, last: bool = False) -> list[_Unit]:
        """Make one round trip; return the units that Redis did not know the scripts of."""
        commands = [command for unit in units for command in unit.packed]
        if self._wait:
            commands.append(self._wait)
        tries = 0

        async def send() -> list[Any]:
            nonlocal tries
            tries += 1
            return await _send(connection, commands)

        pool = self._client.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it so
        try:
            replies = await connection.retry.call_with_retry(send, lambda _: connection.disconnect())
        finally:
            await pool.release(connection)
        replicas = replies[-1:] if self._wait else []
        ignorant, first = [], 0
        for unit in units:
            answers = unit.read(replies[first : first + len(unit.packed)])
            first += len(unit.packed)
            unit.repeated = unit.repeated or tries > 1
            if not last and any(isinstance(answer, NoScriptError) for answer in answers):
                ignorant.append(unit)
            else:
                unit.tell([*answers, *replicas])
        return ignorant


async def _send(connection: AbstractConnection, commands: Sequence[bytes]) -> list[Any]:
    """Return the replies, or the ResponseError in the place; redis-py's pipeline costs twice as much."""
    await connection.send_packed_command(b"".join(commands))
    replies: list[Any] = []
    timeout = None  # the connection's own; the others follow the first one
    for _ in commands:
        try:
            reply = await connection.read_response(timeout=timeout)
        except ResponseError as error:
            reply = error
        if reply is None:
            # Where redis-py sets no time-out it returns this for the system's own, ETIMEDOUT. No command
            # here is answered nil.
            raise RedisTimeoutError("the connection timed out")
        replies.append(reply)
        timeout = math.inf
    return replies


def _closed() -> Exception:
    return ConnectionError("the connection to Redis was closed by this process")
