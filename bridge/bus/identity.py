"""As whom RabbitMQ knows a connection whose log-in is a certificate: the client is not told."""

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.exceptions import ChannelPreconditionFailed
from pamqp.commands import Basic

from bridge.bus.connection import Connection
from bridge.bus.login import user_name
from bridge.losses import cancellation_as_error

log = structlog.get_logger(__name__)


async def tell_another_user(connection: Connection) -> None:
    """Tell where RabbitMQ knows us as another user than we sign as: it refuses what is signed.

    It looks at the user before it looks where a message goes, and this one goes nowhere. While an alarm holds
    publishes up, this waits as they do, for as long as the connection lives.
    """
    amqp = connection.amqp
    if amqp is None or amqp.url.query.get("auth", "").upper() != "EXTERNAL":
        return
    user = user_name(amqp.url)
    try:
        with cancellation_as_error():
            channel = await amqp.channel(publisher_confirms=True)
            await channel.basic_publish(b"", routing_key="", properties=Basic.Properties(user_id=user))
            await channel.close()
    except ChannelPreconditionFailed as error:
        log.error(
            "amqp.another_user",
            user=user,
            error=str(error),
            next="set amqp.username to the user that the client certificate stands for, and start anew: until"
            " then RabbitMQ refuses what the bridge signs, requests that are parked among it",
        )
    except CONNECTION_EXCEPTIONS as error:
        # Nothing is known then; whoever opens or uses the connection tells what is wrong with it.
        log.debug("amqp.user_not_known", error=f"{type(error).__name__}: {error}")
