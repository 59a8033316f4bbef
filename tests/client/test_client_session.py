"""A session hands each reply to whoever waits for it, whatever becomes of the confirm."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest
from aio_pika import Message
from support.worker import BOUND

from bridge.client.publisher import Lost, Publisher
from bridge.client.session import Session

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage


class Mute:
    """A channel whose confirms do not come."""

    def __init__(self) -> None:
        self.publishing, self.ended = asyncio.Event(), asyncio.Event()

    async def publish(self, message: Message, routing_key: str) -> None:  # noqa: ARG002 - a publisher's
        """Wait for ever."""
        self.publishing.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def no_other() -> Publisher:
    """Open no other channel: none is needed."""
    raise AssertionError


class Cut:
    """A channel that ends before its confirms come."""

    def __init__(self, before: Callable[[], object]) -> None:
        self._before = before

    async def publish(self, message: Message, routing_key: str) -> None:
        """Lose the confirm."""
        self._before()
        raise Lost(f"{routing_key} {message.correlation_id}")


def session_of(before: Callable[["Session"], object]) -> Session:
    """Return a session whose confirms are lost after something happened."""
    session: Session = Session("replies", cast("Publisher", Cut(lambda: before(session))), no_other)
    return session


async def test_a_reply_is_proof_enough() -> None:
    """Where the confirm is lost and the reply is here, the reply counts."""
    reply = cast("AbstractIncomingMessage", Message(b"", correlation_id="1"))

    assert reply is await session_of(lambda one: one.take(reply)).ask(Message(b"", correlation_id="1"), "")


async def test_a_lost_request_leaves_nothing() -> None:
    """Its reply, should it come after all, is nobody's; and so is one with a correlation id of nobody's."""
    reply = cast("AbstractIncomingMessage", Message(b"", correlation_id="1"))
    stranger = cast("AbstractIncomingMessage", Message(b""))
    session = session_of(lambda one: one.take(stranger))

    with pytest.raises(Lost):
        await session.ask(Message(b"", correlation_id="1"), "")

    assert not session.take(reply)


async def test_a_reply_ends_the_wait_for_the_confirm() -> None:
    """Where the reply is here and the confirm does not come, the reply counts, and the publishing ends."""
    reply = cast("AbstractIncomingMessage", Message(b"", correlation_id="1"))
    mute = Mute()
    session = Session("replies", cast("Publisher", mute), no_other)

    asking = asyncio.create_task(session.ask(Message(b"", correlation_id="1"), ""))
    await asyncio.wait_for(mute.publishing.wait(), BOUND)
    assert session.take(reply)

    assert reply is await asyncio.wait_for(asking, BOUND)
    await asyncio.wait_for(mute.ended.wait(), BOUND)
