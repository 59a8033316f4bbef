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
from aiormq.exceptions import ConnectionChannelError

from bridge.client.errors import NotSent, Unroutable
from bridge.losses import LostWhileWaiting, cancellation_as_error

CLOSE_SECONDS = 5.0
REFUSED_SECONDS = 2.0
"""Age from which a channel on which a request was refused is replaced."""


class Lost(Exception):
    """The connection or the channel ended while a request was under way: it may or may not have arrived."""


class Suspected(Lost):
    """The broker refused one of several requests and ended their channel; it does not say which one."""


class Refused(Exception):
    """The broker did not take a request: its queue is full (basic.nack)."""


@contextmanager
def loss_as_error() -> Iterator[None]:
    """Raise `Lost` for what the library raises when a connection ends, a cancellation of its own included."""
    try:
        with cancellation_as_error():
            yield
    except LostWhileWaiting as error:
        raise Lost("the connection ended") from error
    except CONNECTION_EXCEPTIONS as error:
        raise Lost(f"{type(error).__name__}: {error}") from error


class Publisher:
    """A channel on which requests are published; `over` is called when it is of no use any more.

    The broker ends a channel for a request that it refuses (no permission, no exchange), and drops what came
    after it. What came before it may have been taken, so nobody else's request was refused by that.

    RabbitMQ 3.10 refuses, for ever, what a channel publishes for the first time to a queue whose leader has
    died; a new channel it serves. So one that was refused something is replaced, at most every two seconds.
    """

    def __init__(
        self, channel: AbstractChannel, exchange: AbstractExchange, over: Callable[[], None]
    ) -> None:
        self.usable = True
        self._unsettled = 0
        """Requests of which the broker has not said what became, or no one waited until it said so."""
        self._channel = channel
        self._exchange = exchange
        self._over = over
        self._opened_at = asyncio.get_running_loop().time()
        self._ended = False
        channel.close_callbacks.add(lambda *_: self._gone())

    @property
    def idle(self) -> bool:
        """Whether it is usable, and the broker has said of everything what became of it."""
        return self.usable and not self._unsettled

    def _gone(self) -> None:
        self._ended = True
        self._end()

    def _end(self) -> None:
        if self.usable:
            self.usable = False
            self._over()

    async def publish(self, message: Message, routing_key: str) -> None:
        """Publish with a confirm. Raises `Lost`, `Suspected`, `Refused`, `Unroutable`, `NotSent`.

        A refusal is `NotSent` and not retryable if nothing else was under way on the channel, which it ends.
        """
        self._unsettled += 1
        try:
            with loss_as_error():
                await self._exchange.publish(message, routing_key, mandatory=True)
        except Lost as lost:
            match lost.__cause__:
                case PublishError():
                    self._unsettled -= 1
                    raise Unroutable(
                        f"the exchange {self._exchange.name} leads nowhere: the bridge's queues are not there"
                    ) from lost
                case DeliveryError():
                    self._unsettled -= 1
                    if asyncio.get_running_loop().time() - self._opened_at > REFUSED_SECONDS:
                        self._end()
                    raise Refused("its queue is full") from lost
                # The plain class is a channel that ended otherwise; each refusal of the broker's has its own.
                case ChannelClosed() as error if type(error) is not ChannelClosed:
                    raise self._refusal(error) from lost
                # aiormq may use a channel that has just ended: RabbitMQ then ends the connection (504).
                case ConnectionChannelError() as error:
                    raise Suspected(f"RabbitMQ ended a channel, and the connection: {error}") from lost
                case _:
                    raise
        self._unsettled -= 1

    def _refusal(self, error: ChannelClosed) -> Suspected | NotSent:
        self._gone()
        if self._unsettled > 1:
            return Suspected(f"RabbitMQ ended the channel, for this request or another: {error}")
        if isinstance(error, ChannelNotFoundEntity):
            refusal: NotSent = Unroutable(f"no bridge is there, or it has another prefix: {error}")
        else:
            refusal = NotSent(f"RabbitMQ refuses the request: {error}")
        refusal.retryable = False
        return refusal

    async def close(self) -> None:
        """Close the channel, if the broker has not."""
        self.usable = False
        if self._ended:  # aiormq 7.2 may answer with a close of its own, which ends the connection
            return
        with suppress(Lost), loss_as_error():
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._channel.close()
