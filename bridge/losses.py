"""A lost connection to RabbitMQ, where the client library makes something else of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class LostWhileWaiting(ConnectionError):
    """The connection ended while a call waited for the broker."""


@contextmanager
def cancellation_as_error() -> Iterator[None]:
    """Raise `LostWhileWaiting` for a cancellation that nobody asked of this task.

    The client library cancels whatever waits for the broker when a connection dies of missing
    heartbeats, or is closed. Taken for a real cancellation, it would end the waiting task without a word.
    Where a connection ends in order it raises a bare `Exception` instead, which means the same.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LostWhileWaiting("the connection ended while a call waited") from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise LostWhileWaiting("the connection ended while a call waited") from error
