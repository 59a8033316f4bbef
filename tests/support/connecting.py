"""A connection to RabbitMQ by the library alone, which leaves nothing behind where it fails."""

import aio_pika
from yarl import URL


async def connect(url: str | URL) -> aio_pika.Connection:
    """Connect, as `aio_pika.connect` does, and raise what it does.

    What that one leaves behind closes itself when it is collected, in whatever test that happens to be.
    """
    connection = aio_pika.Connection(URL(url))
    try:
        await connection.connect()
    except BaseException:
        await connection.close()
        raise
    return connection
