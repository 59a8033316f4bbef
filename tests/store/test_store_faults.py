"""What a command raises: some of it says that Redis is away, the rest is a fault of ours."""

import asyncio

import pytest
from redis.asyncio import Redis

from bridge.demo.servers import PrivateRedis
from bridge.metrics import Metrics
from bridge.ports import StoreUnavailable
from bridge.settings import Redis as RedisSettings
from bridge.store.away import reset_as_error
from bridge.store.connection import Store, connect
from bridge.store.scripts import PlainCall

UVLOOP = "unable to perform operation on <TCPTransport closed=True reading=False 0x55>; the handler is closed"
CLOSED = "'NoneType' object has no attribute 'drain'"


@pytest.mark.parametrize(
    ("raised", "seen", "there"),
    [
        (RuntimeError(UVLOOP), StoreUnavailable, False),
        (ConnectionResetError(), StoreUnavailable, False),
        (RuntimeError("dictionary changed size during iteration"), RuntimeError, True),
        (AttributeError(CLOSED, name="drain", obj=None), StoreUnavailable, False),
        (AttributeError(CLOSED, name="drain", obj=object()), AttributeError, True),
        (AttributeError("'NoneType' object has no attribute 'x'", name="x", obj=None), AttributeError, True),
        (NotImplementedError(), NotImplementedError, True),
    ],
)
async def test_only_a_lost_connection_means_that_redis_is_away(
    redis_server: PrivateRedis,
    raised: Exception,
    seen: type[Exception],
    there: bool,  # noqa: FBT001
) -> None:
    """Neither uvloop nor redis-py has an error of its own for a use of what was reset or closed."""
    settings = RedisSettings.model_validate({"url": redis_server.url})
    store = Store(connect(settings), settings, Metrics())
    await store.look()

    async def fail() -> None:
        raise raised

    with pytest.raises(seen):
        await store.run(fail)
    assert there is store.connected
    await store.close()


@pytest.mark.parametrize("name", ["writelines", "drain", "read", "feed", "gets"])
def test_what_redis_py_asks_of_a_connection_that_is_gone_is_a_reset(name: str) -> None:
    """The client of a Cluster closes connections under those who write, and who read by either parser."""
    gone = None
    with pytest.raises(ConnectionResetError, match="closed by another task"), reset_as_error():
        getattr(gone, name)


async def test_what_is_left_on_a_connection_answers_nobody(redis_server: PrivateRedis) -> None:
    """A connection that was given back with an answer on its way is not used as it is."""
    settings = RedisSettings.model_validate({"url": redis_server.url})
    store = Store(connect(settings), settings, Metrics())
    await store.look()
    assert isinstance(store.client, Redis)
    pool = store.client.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it so
    await connection.send_command("ECHO", "of nobody")
    async with asyncio.timeout(10):
        while not await connection.can_read():
            await asyncio.sleep(0)
    await pool.release(connection)

    assert b"mine" == await store.ask(PlainCall(("ECHO", "mine")))
    await store.close()
