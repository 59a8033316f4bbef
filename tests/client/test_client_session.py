"""A session hands each reply to whoever waits for it, whatever becomes of the confirm."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest
from aio_pika import Message

from bridge.client.link import Session
from bridge.client.publisher import Lost, Publisher

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage


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
    session: Session = Session("replies", cast("Publisher", Cut(lambda: before(session))))
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
