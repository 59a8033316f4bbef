"""`BridgeClient`: the operations of the contract as methods, for services in Python.

async with BridgeClient("amqp://user:password@rabbitmq/") as client:
    key = await client.create_contact(campaign_id="SampleCampaign", ...)
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from bridge.client import operations
from bridge.client.attempts import converse, publish, repeat
from bridge.client.call import Call, CallOptions
from bridge.client.checks import SHORT, nodes, text
from bridge.client.errors import ClientClosed, UnreadableReply
from bridge.client.link import REPLY_QUEUE, Link
from bridge.client.operations import Address, ContactOD, ManualDialContact, MoreOfContact
from bridge.client.replies import Reply
from bridge.client.session import Session
from bridge.jsontypes import JsonObject, JsonValue

_T = TypeVar("_T")
CLOSING_SECONDS = 5.0


class BridgeClient:
    """Asks the bridge, any number of tasks at once, over one connection and one reply queue.

    `url` is RabbitMQ's, several nodes separated by commas; `prefix` the bridge's setting ``amqp.prefix``;
    `name` stands in the bridge's log as the source, and names the connection and the reply queue. `timeout`
    is for each call that has none of its own, in seconds. At most `in_flight` requests are under way at once;
    further ones wait for their turn.

    Every call raises `bridge.client.errors.BridgeError`, and ends at its deadline. Until then a request is
    sent again, with the same idempotency key, where the reply says that it may be, where the queue is full,
    and where the connection, or the channel, was lost with the request under way.

    It belongs to the event loop in which it is entered. Raises ValueError or TypeError at once for what can
    never work: a `url` or name of no use, an operation that AMQP has no routing key for, a strange option.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "lcm",
        name: str = "lcm-client",
        timeout: float = 30.0,
        in_flight: int = 100,
    ) -> None:
        if in_flight < 1:
            raise ValueError("in_flight must be at least 1")
        if not text("the name", name, SHORT - REPLY_QUEUE) or name.startswith("amq."):
            raise ValueError("the name must not be empty, nor begin with amq., which is RabbitMQ's")
        self._name = name
        self._timeout = timeout
        self._slots = asyncio.Semaphore(in_flight)
        exchange = text("the prefix, with .requests,", f"{prefix}.requests")
        self._link = Link(nodes(url), exchange=exchange, name=name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: dict[Call, asyncio.Timeout] = {}
        self._none_left = asyncio.Event()
        self._open = False
        self._cut = False

    async def __aenter__(self) -> Self:
        """Connect. Raises `NotSent` where no node takes it; what is lost later is opened again.

        After `NotSent` it may be entered again. Raises RuntimeError where it is open, or was closed.
        """
        if self._cut:
            raise RuntimeError("a client that was closed is not opened again: make another one")
        await self._link.start()
        self._loop = asyncio.get_running_loop()
        self._open = not self._cut
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; after an exception without waiting for what is under way."""
        await self.close(CLOSING_SECONDS if kind is None else 0.0)

    async def close(self, grace: float = CLOSING_SECONDS) -> None:
        """Take no more calls, wait `grace` seconds for those under way, end the rest with `ClientClosed`."""
        self._open = False
        try:
            if self._calls and grace > 0:
                self._none_left.clear()
                async with asyncio.timeout(grace):
                    await self._none_left.wait()
        except TimeoutError:
            pass
        finally:
            self._cut = True
            for bound in self._calls.values():
                if not bound.expired():
                    bound.reschedule(asyncio.get_running_loop().time())
            await self._link.close()

    @property
    def connected(self) -> bool:
        """Whether the connection is open, with a reply queue."""
        return self._link.connected

    @property
    def pending(self) -> int:
        """How many calls are under way, those that wait for their turn among them."""
        return len(self._calls)

    @property
    def connections(self) -> int:
        """How many connections were opened until now."""
        return self._link.openings

    @property
    def unmatched_replies(self) -> int:
        """How many replies came that nobody waited for: repeated ones, and those that came too late."""
        return self._link.unmatched

    # --- the contract's operations ------------------------------------------------------------------

    async def create_contact(  # noqa: PLR0913 - what the operation must be told
        self,
        *,
        campaign_id: str,
        call_type: int | str,
        start: datetime | str,
        end: datetime | str,
        business_fields: Mapping[str, JsonValue] | str,
        modes: Mapping[str, JsonValue] | str,
        is_account_number: bool,
        more: MoreOfContact | None = None,
        **options: Unpack[CallOptions],
    ) -> str:
        """Add a contact to a campaign and return its LCM key. A side effect.

        `call_type`: 0 fresh, 1 callback, 2 personal callback. `start` and `end`: ``dd/mm/yyyy HH:MM``, or a
        datetime, of which neither seconds nor zone are told. `business_fields` and `modes`: XML with the root
        ``Data``, or the members of it.
        """
        data = operations.contact(
            campaign_id=campaign_id,
            call_type=call_type,
            start=start,
            end=end,
            business_fields=business_fields,
            modes=modes,
            is_account_number=is_account_number,
            more=more or {},
        )
        return await self._ask(operations.CREATE, data, options, operations.key_of)

    async def get_reserved_manual_dial_contact(
        self, *, agent_id: str, count: int, consent: bool, reserved: bool, **options: Unpack[CallOptions]
    ) -> list[ManualDialContact]:
        """Return contacts already `reserved` for the agent; or up to `count` new ones: a side effect."""
        data: JsonObject = {
            "AgentID": agent_id,
            "NumberOfContactsRequired": count,
            "Consent": consent,
            "ReservedContacts": reserved,
        }
        return await self._ask(operations.MANUAL, data, options, operations.contacts_of)

    async def get_reserved_contact_od(self, *, user_id: str, **options: Unpack[CallOptions]) -> ContactOD:
        """Return the agent's reserved contact without written consent; none is `ContactNotFound`."""
        return await self._ask(operations.OD, {"UserID": user_id}, options, operations.contact_od_of)

    async def skip_manual_dial_contact(
        self,
        *,
        outcome_id: int,
        user_id: str,
        account_number: str,
        phone_number: str,
        **options: Unpack[CallOptions],
    ) -> None:
        """Skip and close a contact: a side effect. `ContactNotFound` is LCM's no."""
        data: JsonObject = {
            "OutcomeId": outcome_id,
            "UserID": user_id,
            "AccountNumber": account_number,
            "PhoneNumber": phone_number,
        }
        await self._ask(operations.SKIP, data, options, lambda _: None)

    async def manual_dial_call(self, *, phone_number: str, **options: Unpack[CallOptions]) -> None:
        """Relay a number to the softphones."""
        await self._ask(operations.DIAL, {"PhoneNumber": phone_number}, options, lambda _: None)

    # --- any operation --------------------------------------------------------------------------------

    async def request(
        self,
        subtopic: str,
        data: Mapping[str, JsonValue],
        *,
        channel: str = "LCM",
        topic: str = "WebService",
        **options: Unpack[CallOptions],
    ) -> Reply:
        """Ask for any operation that the site's bridge knows, and return the whole reply, headers too."""
        return await self._bounded(Address(channel, topic, subtopic), data, options, converse)

    async def send(
        self,
        subtopic: str,
        data: Mapping[str, JsonValue],
        *,
        channel: str = "LCM",
        topic: str = "WebService",
        **options: Unpack[CallOptions],
    ) -> None:
        """Publish a request that nobody waits for, and return when RabbitMQ has confirmed it.

        A success becomes an event, a failure is tried again for minutes and then dead-lettered. For bulk
        loads, and for operations without a reply. `timeout` is for the confirm.
        """
        await self._bounded(Address(channel, topic, subtopic), data, options, publish)

    # --- how ------------------------------------------------------------------------------------------

    async def _ask(
        self, address: Address, data: JsonObject, options: CallOptions, read: Callable[[JsonValue], _T]
    ) -> _T:
        reply = await self._bounded(address, data, options, converse)
        try:
            return read(reply.response)
        except UnreadableReply as error:
            error.message_id, error.correlation_id = reply.message_id, reply.correlation_id
            error.idempotency_key = reply.idempotency_key
            raise

    async def _bounded(
        self,
        address: Address,
        data: Mapping[str, JsonValue],
        options: CallOptions,
        attempt: Callable[[Call, Session], Coroutine[Any, Any, _T]],
    ) -> _T:
        """Repeat `attempt` as long as that makes sense, within the call's deadline, and in its turn."""
        if not self._open:
            error = ClientClosed("the client is not open")
            error.retryable = True
            raise error
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("the client belongs to another event loop: make one for each")
        call = Call(address, data, source=self._name, timeout=self._timeout, options=options)
        bound = asyncio.timeout_at(call.ends)
        try:
            async with bound:
                self._calls[call] = bound
                async with self._slots:
                    return await repeat(call, self._link, attempt)
        except TimeoutError as error:
            raise call.ended(closed=self._cut, connection=self._link.problem) from error
        finally:
            self._calls.pop(call, None)
            if not self._calls:
                self._none_left.set()
