"""How it shows that Redis is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis.exceptions import RedisClusterException, RedisError

AWAY: Final = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a command raises when Redis is away, or (`redis.exceptions.ResponseError`) refuses it."""


_OF_SOCKETS: Final = {"writelines", "drain", "read", "feed", "gets"}


@contextmanager
def reset_as_error() -> Iterator[None]:
    """Raise ConnectionResetError for a use of a connection that was reset, or closed by another task.

    For the first uvloop raises a bare RuntimeError, and redis-py passes it on. The second is what redis-py's
    client of a Cluster does with all connections when one node is lost, those that are being opened too:
    where it looks for the socket there is None.
    """
    try:
        yield
    except AttributeError as error:
        if error.obj is not None or error.name not in _OF_SOCKETS:
            raise
        raise ConnectionResetError("closed by another task") from error
    except RuntimeError as error:
        if "the handler is closed" not in str(error):
            raise
        raise ConnectionResetError(str(error)) from error
