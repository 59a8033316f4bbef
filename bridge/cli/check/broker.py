"""A node of RabbitMQ as the checks see it: connected or not, why not, and what it answers or refuses."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ProbableAuthenticationError
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPError, ChannelClosed, ChannelInvalidStateError
from yarl import URL

from bridge.bus import login
from bridge.bus.connection import is_blocked
from bridge.bus.frames import SocketConnection
from bridge.bus.login import node_name, user_name, virtual_host
from bridge.losses import cancellation_as_error

Answer = TypeVar("Answer")

FAULTS: Final = (*CONNECTION_EXCEPTIONS, AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What is raised when a connection does not open, or ends."""

_AT_ONCE: Final = 8
"""Channels open at the same time: a user may be allowed few."""


class Broker:
    """One node. `open` it, then `ask`; `close` it in any case."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.name = node_name(url)
        self.user = user_name(url)
        self._opened = SocketConnection(url, client_properties={"connection_name": "lcm-bridge check"})
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def open(self, seconds: float) -> float:
        """Connect, and return how many seconds it took. Raises what `FAULTS` lists."""
        started = time.monotonic()
        with cancellation_as_error():
            async with asyncio.timeout(seconds):
                await self._opened.connect()
        return time.monotonic() - started

    async def close(self) -> None:
        """Close it; the library gives a broker that does not answer two seconds."""
        try:
            with cancellation_as_error():
                await self._opened.close()
        except FAULTS:
            return  # whatever was wrong with it has been told

    @property
    def vhost(self) -> str:
        """The virtual host, as the library reads it from the URL."""
        return virtual_host(self.url)

    @property
    def properties(self) -> dict[str, Any]:
        """What the broker said of itself."""
        return dict(self._amqp.server_properties)

    @property
    def blocked(self) -> bool:
        """Whether it takes no publishes: a memory or disk alarm."""
        return is_blocked(self._amqp)

    @property
    def _amqp(self) -> Any:  # noqa: ANN401 - aio-pika does not type what is below its connection
        transport = self._opened.transport
        if transport is None:
            raise ConnectionError("the connection is not open")
        return transport.connection

    async def channel(self, *, confirms: bool = False) -> AbstractChannel:
        """Open a channel, which ends with the connection."""
        opened: AbstractChannel = await self._amqp.channel(publisher_confirms=confirms)
        return opened

    async def ask(
        self, method: Callable[[AbstractChannel], Awaitable[Answer]], *, confirms: bool = False
    ) -> Answer | ChannelClosed:
        """Return the answer on a channel of its own, or the refusal, with which the broker closes a channel.

        Raises what `FAULTS` lists.
        """
        async with self._slots:
            with cancellation_as_error():
                channel = await self.channel(confirms=confirms)
                try:
                    answer = await method(channel)
                except ChannelClosed as refusal:
                    return refusal
                await channel.close()
                return answer

    def why(self, error: BaseException) -> tuple[str, str]:
        """Say why it could not be opened, and what to do."""
        known = login.why_refused(error, self.url)
        if known is not None and isinstance(error, ProbableAuthenticationError):
            return f"{known.found}: {error}", known.advice
        return known or login.cut_off(error, self.url) or _unreached(error, error.__cause__ or error)


def _unreached(error: BaseException, cause: BaseException) -> tuple[str, str]:
    if isinstance(cause, socket.gaierror):
        advice = "correct the host in amqp.url, or the DNS of this namespace"
        return f"its name is not known ({error})", advice
    if isinstance(cause, ConnectionRefusedError):
        advice = "is RabbitMQ running, and the port in amqp.url the right one?"
        return f"nothing listens there ({error})", advice
    if isinstance(error, TimeoutError):
        advice = "a firewall or network policy, a node that hangs, or a port that is not AMQP's"
        return "no answer in time", advice
    if isinstance(error, FileNotFoundError | PermissionError | ValueError):
        return f"{type(error).__name__}: {error}", "correct the query of amqp.url: options, certificate files"
    return f"{type(error).__name__}: {error}", "see the log of RabbitMQ"
