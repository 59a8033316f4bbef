"""Direct reply-to addresses, real ones among made-up ones, against a real broker."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from pydantic import SecretStr
from support.direct_replies import direct_address
from support.permitted import url_of

from bridge.bus.connection import Connection
from bridge.bus.direct import DirectReplies, origin
from bridge.bus.link import Link
from bridge.demo.servers import PrivateRabbit
from bridge.messages import DIRECT_ADDRESS, Outgoing, Properties
from bridge.ports import Confirmation, PublishFailed
from bridge.settings import Amqp

BOUND = 60.0
FORGERIES = 100
TRIED = 40
"""More tries than there may be: ten until it is an attack, and two for each of the last that wait."""


def process(node: bytes, number: int = 1) -> bytes:
    """Return a process of a node in Erlang's external term format (NEW_PID_EXT)."""
    return b"\x83Xv" + len(node).to_bytes(2, "big") + node + number.to_bytes(4, "big") + bytes(8)


def address(term: bytes, key: str = "key==") -> str:
    """Return the direct reply-to address of a process."""
    return f"{DIRECT_ADDRESS}{b64encode(term).decode()}.{key}"


def test_addresses_of_one_node_have_their_origin_in_common() -> None:
    """Whatever the process and the key; another node, or another length, is another origin."""
    known = origin(address(process(b"reply@1")))

    assert known is not None
    assert known == origin(address(process(b"reply@1", 77), "another"))
    assert known != origin(address(process(b"reply@2")))
    assert known != origin(address(process(b"reply@1") + b"x"))


def test_large_numbers_are_vouched_for_by_large_numbers() -> None:
    """Erlang before 26 has no process of them, and ends the connection at an address with one."""
    small, last, large = (origin(address(process(b"reply@1", number))) for number in (1, 2**15 - 1, 2**15))
    serials = [
        origin(address(process(b"reply@1")[:-8] + serial.to_bytes(4, "big") + bytes(4)))
        for serial in (2**13 - 1, 2**13)
    ]

    assert small == last == serials[0]
    assert large == serials[1] != small
    assert large == origin(address(process(b"reply@1", 2**32 - 1)))


@pytest.mark.parametrize(
    "rest", ["", ".", "garbage", "!!!.key", "abc.key", "AAAA.key", "g1h2=.x", "\N{SNOWMAN}.x"]
)
def test_what_is_no_address_has_no_origin(rest: str) -> None:
    """Nobody can vouch for it."""
    assert origin(f"{DIRECT_ADDRESS}{rest}") is None


class Desk:
    """A requester who waits by direct reply-to, and the bridge's side of it."""

    def __init__(self, direct: DirectReplies, replies: asyncio.Queue[bytes], address: str) -> None:
        self.direct = direct
        self.replies = replies
        self.address = address
        self.openings: dict[str, int] = {"known": 0, "suspects": 0}

    async def answer(self, address: str) -> Confirmation:
        """Publish a reply there."""
        reply = Outgoing(
            exchange="",
            routing_key=address,
            body=address.encode(),
            properties=Properties(message_id=uuid4().hex),
            mandatory=False,
        )
        return await self.direct.publish(reply)


@asynccontextmanager
async def desk(rabbit: PrivateRabbit) -> AsyncIterator[Desk]:
    """Connect both sides."""
    settings = Amqp(url=SecretStr(url_of(rabbit, "bridge")), reconnect_wait=0.05, reconnect_wait_max=0.1)
    replies: asyncio.Queue[bytes] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await aio_pika.connect(rabbit.url))
        found = Desk(DirectReplies(BOUND), replies, await direct_address(await connection.channel(), replies))

        async def known(one: Connection) -> None:
            found.openings["known"] += 1
            await found.direct.run_known(one)

        async def suspects(one: Connection) -> None:
            found.openings["suspects"] += 1
            await found.direct.run_suspects(one)

        for work in (known, suspects):
            link = Link(work.__name__, settings, work, lambda: None, long_life=0)
            task = asyncio.create_task(link.run())
            stack.push_async_callback(asyncio.wait, [task])
            stack.callback(task.cancel)
        yield found


async def test_a_flood_of_made_up_addresses(rabbit: PrivateRabbit) -> None:
    """Who was answered before is answered meanwhile, on a connection that stays; most of it is not tried."""
    async with asyncio.timeout(BOUND), desk(rabbit) as one:
        assert await one.answer(one.address) is Confirmation.CONFIRMED
        forgeries = [f"{DIRECT_ADDRESS}{number:03d}.key" for number in range(FORGERIES)]
        flood = asyncio.gather(*map(one.answer, forgeries), return_exceptions=True)
        for _ in range(20):
            assert await one.answer(one.address) is Confirmation.CONFIRMED
        refused: list[Any] = await flood
        arrived = [await one.replies.get() for _ in range(21)]

    assert {one.address.encode()} == set(arrived)
    assert {(PublishFailed, "impossible")} == {(type(failed), failed.kind) for failed in refused}
    assert 1 == one.openings["known"]
    assert TRIED > one.openings["suspects"]


async def test_a_requester_who_comes_during_a_flood(rabbit: PrivateRabbit) -> None:
    """The first one of a node has a turn among the suspects: a few forgeries are no attack."""
    async with asyncio.timeout(BOUND), desk(rabbit) as one:
        forgeries = [f"{DIRECT_ADDRESS}{number:03d}.key" for number in range(5)]
        flood = asyncio.gather(*map(one.answer, forgeries), return_exceptions=True)

        assert await one.answer(one.address) is Confirmation.CONFIRMED
        assert one.address.encode() == await one.replies.get()
        await flood


async def test_made_up_processes_of_a_node_that_was_answered(rabbit: PrivateRabbit) -> None:
    """They end nobody's connection but that of the suspects: their node has not vouched for such numbers."""
    async with asyncio.timeout(BOUND), desk(rabbit) as one:
        assert await one.answer(one.address) is Confirmation.CONFIRMED
        encoded, _, key = one.address.removeprefix(DIRECT_ADDRESS).partition(".")
        term = b64decode(encoded)
        for number, serial in ((2**15, 0), (2**32 - 1, 0), (1, 2**13)):
            forged = term[:-12] + number.to_bytes(4, "big") + serial.to_bytes(4, "big") + term[-4:]
            await asyncio.gather(one.answer(address(forged, key)), return_exceptions=True)
            assert await one.answer(one.address) is Confirmation.CONFIRMED

    assert 1 == one.openings["known"]
