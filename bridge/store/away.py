"""How it shows that Redis is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis.exceptions import RedisClusterException, RedisError

AWAY: Final = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a command raises when Redis is away, or (`redis.exceptions.ResponseError`) refuses it."""


@contextmanager
def reset_as_error() -> Iterator[None]:
    """Raise ConnectionResetError for what uvloop raises at a write to a connection that was reset.

    That is a bare RuntimeError, and redis-py passes it on.
    """
    try:
        yield
    except RuntimeError as error:
        if "the handler is closed" not in str(error):
            raise
        raise ConnectionResetError(str(error)) from error
