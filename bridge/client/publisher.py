"""Publishing a request, and telling apart what came of it: confirmed, refused, or nobody knows."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelClosed,
    ChannelNotFoundEntity,
    DeliveryError,
    PublishError,
)

from bridge.client.errors import NotSent, Unroutable

CLOSE_SECONDS = 5.0
REFUSED_SECONDS = 2.0
"""Age from which a channel on which a request was refused is replaced."""


class Lost(Exception):
    """The connection or the channel ended while a request was under way: it may or may not have arrived."""


class Refused(Exception):
    """The broker did not take a request: its queue is full (basic.nack)."""


@contextmanager
def loss_as_error() -> Iterator[None]:
    """Raise `Lost` for what the library raises when a connection ends, a cancellation of its own included.

    It cancels whatever waits for the broker, and in an orderly end raises a bare `Exception`. Taken for a
    real cancellation, the first would end the waiting task without a word. (`bridge.bus.connection` knows the
    same; it brings settings, metrics and logs with it, which are not for whoever uses the client.)
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Lost("the connection ended") from error
    except CONNECTION_EXCEPTIONS as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise Lost("the connection ended") from error


class Publisher:
    """A channel on which requests are published; `over` is called when it is of no use any more.

    RabbitMQ 3.10 refuses, for ever, what a channel publishes for the first time to a queue whose leader has
    died; a new channel it serves. So one that was refused something is replaced, at most every two seconds.
    """

    def __init__(
        self, channel: AbstractChannel, exchange: AbstractExchange, over: Callable[[], None]
    ) -> None:
        self.usable = True
        self._channel = channel
        self._exchange = exchange
        self._over = over
        self._opened_at = asyncio.get_running_loop().time()
        channel.close_callbacks.add(lambda *_: self._end())

    def _end(self) -> None:
        if self.usable:
            self.usable = False
            self._over()

    async def publish(self, message: Message, routing_key: str) -> None:
        """Publish with a confirm. Raises `Lost`, `Refused`, `Unroutable`, `NotSent`."""
        try:
            with loss_as_error():
                await self._exchange.publish(message, routing_key, mandatory=True)
        except Lost as lost:
            match lost.__cause__:
                case PublishError():
                    raise Unroutable(
                        f"the exchange {self._exchange.name} leads nowhere: the bridge's queues are not there"
                    ) from lost
                case DeliveryError():
                    if asyncio.get_running_loop().time() - self._opened_at > REFUSED_SECONDS:
                        self._end()
                    raise Refused("its queue is full") from lost
                case ChannelNotFoundEntity() as error:
                    raise self._broken(
                        Unroutable(f"no bridge is there, or it has another prefix: {error}")
                    ) from lost
                # The plain class is a channel that ended otherwise; each refusal of the broker's has its own.
                case ChannelClosed() as error if type(error) is not ChannelClosed:
                    raise self._broken(NotSent(f"RabbitMQ refuses the request: {error}")) from lost
                case _:
                    raise

    def _broken(self, refused: NotSent) -> NotSent:
        # The channel is closed for all that was under way on it, and the broker may have taken some of that.
        refused.retryable = False
        return refused

    async def close(self) -> None:
        """Close the channel, if the broker has not."""
        self.usable = False
        with suppress(Lost), loss_as_error():
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._channel.close()
