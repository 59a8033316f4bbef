"""Replies to direct reply-to addresses, which anyone may make up.

RabbitMQ closes the connection of whoever publishes to an address that it cannot read: 3.10 where it names no
node that runs, or a process with a number that it has no room for, 4.0 where it is no base64 or holds no
process. So an address goes by a connection for suspects until one like it was taken, alone, so that it is
known which of them it was. Addresses of one node differ in the process and the key only: whoever was answered
at that node before has vouched for the others, where both have small numbers or both large ones.
"""

import asyncio
import binascii
import time
from base64 import b64decode
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from bridge.bus.connection import Connection
from bridge.bus.publisher import Publisher
from bridge.messages import DIRECT_ADDRESS, Outgoing
from bridge.ports import Confirmation, PublishFailed

_CUT_OFFS_BEFORE_REFUSED: Final = 2
"""How often an address may end the connection before it is taken for none that the broker gave out."""
_CUT_OFFS_REMEMBERED: Final = 10_000
_NODES_REMEMBERED: Final = 1_000
_ATTACK: Final = 10
"""Cut-offs within `_ATTACK_SECONDS` that make an attack."""
_ATTACK_SECONDS: Final = 60.0
_SUSPECTS_AT_ONCE: Final = 8
"""How many may wait for their turn during one: each is a request under way meanwhile."""
_PROCESS_BYTES: Final = 12
"""The end of an address' first part: id, serial and creation, as Erlang's external term format has them."""

_SMALL_NUMBER: Final = 1 << 15
_SMALL_SERIAL: Final = 1 << 13
"""Below these are all processes of a node whose Erlang is older than 26: it cannot read an address beyond."""

Origin = tuple[int, bytes, bool]
"""What addresses of the same node have in common."""


def origin(address: str) -> Origin | None:
    """Return what an address says of its node; None where it says nothing that can be compared.

    A broker's addresses are ``amq.rabbitmq.reply-to.<base64 of a process>.<key>``.
    """
    encoded, _, _ = address.removeprefix(DIRECT_ADDRESS).partition(".")
    try:
        process = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(process) <= _PROCESS_BYTES:
        return None
    node, numbers = process[:-_PROCESS_BYTES], process[-_PROCESS_BYTES:]
    number, serial = int.from_bytes(numbers[:4], "big"), int.from_bytes(numbers[4:8], "big")
    return len(process), node, number < _SMALL_NUMBER and serial < _SMALL_SERIAL


class DirectReplies:
    """Publishes them on two connections: one for addresses like those that were taken, one for all others."""

    def __init__(self, timeout: float) -> None:
        """Take the seconds that one publish may last."""
        self._known = Publisher("direct replies", timeout)
        self._suspects = Publisher("suspect replies", timeout)
        self._origins: OrderedDict[Origin, None] = OrderedDict()
        self._cut_offs: OrderedDict[str, int] = OrderedDict()
        self._lately: deque[float] = deque(maxlen=_ATTACK)
        self._suspects_turn = asyncio.Lock()
        self._timeout = timeout
        self._waiting = 0

    async def run_known(self, connection: Connection) -> None:
        """Keep the channel for addresses like those that were taken, while its connection lives."""
        await self._known.run(connection)

    async def run_suspects(self, connection: Connection) -> None:
        """Keep the channel for all others, on a connection of its own."""
        await self._suspects.run(connection)

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Publish and await the confirm. Raises `PublishFailed`."""
        address, node = outgoing.routing_key, origin(outgoing.routing_key)
        while self._cut_offs.get(address, 0) < _CUT_OFFS_BEFORE_REFUSED:
            try:
                confirmation = await self._publish(outgoing, node)
            except PublishFailed as error:
                if not error.cut_off:
                    raise
                self._suspect(address, node)
            else:
                self._cut_offs.pop(address, None)
                self._vouch_for(node)
                return confirmation
        raise PublishFailed(
            "the broker ended the connection each time: the reply_to is no address that it gave out",
            kind="impossible",
        )

    async def _publish(self, outgoing: Outgoing, node: Origin | None) -> Confirmation:
        if self._is_known(outgoing, node):
            return await self._known.publish(outgoing, alone=True)
        self._waiting += 1
        try:
            async with self._turn():
                if self._is_known(outgoing, node):  # by one that waited before it
                    return await self._known.publish(outgoing, alone=True)
                if self._attacked() and self._waiting > _SUSPECTS_AT_ONCE:
                    raise PublishFailed(
                        "the broker ended the connection at many addresses lately: no more are tried of nodes"
                        " that nobody was answered at",
                        kind="impossible",
                    )
                return await self._suspects.publish(outgoing)
        finally:
            self._waiting -= 1

    def _is_known(self, outgoing: Outgoing, node: Origin | None) -> bool:
        return node in self._origins and outgoing.routing_key not in self._cut_offs

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as alone:
            try:
                async with asyncio.timeout(self._timeout):
                    await alone.enter_async_context(self._suspects_turn)
            except TimeoutError as error:
                raise PublishFailed(
                    f"not tried within {self._timeout} s: others like it were before"
                ) from error
            yield

    def _attacked(self) -> bool:
        lately = self._lately
        return len(lately) == _ATTACK and time.monotonic() - lately[0] < _ATTACK_SECONDS

    def _suspect(self, address: str, node: Origin | None) -> None:
        if node is not None:
            self._origins.pop(node, None)  # the node has ended
        self._lately.append(time.monotonic())
        self._cut_offs[address] = self._cut_offs.get(address, 0) + 1
        self._cut_offs.move_to_end(address)
        if len(self._cut_offs) > _CUT_OFFS_REMEMBERED:
            self._cut_offs.popitem(last=False)

    def _vouch_for(self, node: Origin | None) -> None:
        if node is None:
            return
        self._origins[node] = None
        self._origins.move_to_end(node)
        if len(self._origins) > _NODES_REMEMBERED:
            self._origins.popitem(last=False)
