"""What arrives on a socket is cut into frames; what nobody takes reaches the client library unchanged."""

import asyncio

import pytest
from pamqp import body, commands, frame, heartbeat

from bridge.bus.frames import FrameReader

QOS = frame.marshal(commands.Basic.QosOk(), 1)
ACK = frame.marshal(commands.Basic.Ack(1), 1)
ELSEWHERE = frame.marshal(commands.Basic.Ack(2), 2)
CONTENT = frame.marshal(body.ContentBody(b"x" * 300), 1)
STREAM = QOS + ACK + ELSEWHERE + CONTENT + heartbeat.Heartbeat().marshal() + QOS


class Takes:
    """Takes acknowledgements and contents."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a frame, or leave it."""
        if kind == 3 or payload[:4] == ACK[7:11]:
            self.taken.append(payload)
            return True
        return False


async def passed(reader: FrameReader) -> bytes:
    """Return what the library is given until the end."""
    reader.feed_eof()
    return await reader.read()


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 50, len(STREAM)])
async def test_frames_in_pieces(size: int) -> None:
    """However the stream arrives, each frame goes to the one whose it is, and in its order."""
    reader, takes = FrameReader(asyncio.get_running_loop()), Takes()
    reader.offer(1, takes)
    for start in range(0, len(STREAM), size):
        reader.feed_data(STREAM[start : start + size])

    assert [ACK[7:-1], CONTENT[7:-1]] == takes.taken
    left = (await passed(reader)).replace(heartbeat.Heartbeat().marshal(), b"")
    assert QOS + ELSEWHERE + QOS == left


@pytest.mark.parametrize(
    "odd", [b"HTTP/1.1 400 Bad Request\r\n", b"\0" * 20, ACK[:-1] + b"!", b"AMQP\0\1\0\0"]
)
async def test_bytes_that_are_no_frame(odd: bytes) -> None:
    """From there on everything is the library's, which says what is wrong with it."""
    reader, takes = FrameReader(asyncio.get_running_loop()), Takes()
    reader.offer(1, takes)
    reader.feed_data(QOS + odd)
    reader.feed_data(ACK)

    assert [] == takes.taken
    assert QOS + odd + ACK == await passed(reader)


@pytest.mark.parametrize("cut", [1, 7, 20])
async def test_half_a_frame_at_the_end(cut: int) -> None:
    """It is the library's."""
    reader = FrameReader(asyncio.get_running_loop())
    reader.offer(1, Takes())
    reader.feed_data(QOS)
    reader.feed_data(ACK[:cut])

    assert QOS + ACK[:cut] == await passed(reader)


async def test_the_library_sees_that_the_connection_lives() -> None:
    """Where everything is taken it gets a heartbeat: it takes a silent connection for dead."""
    reader = FrameReader(asyncio.get_running_loop())
    reader.offer(1, Takes())
    for _ in range(3):
        reader.feed_data(ACK)

    assert heartbeat.Heartbeat().marshal() == await passed(reader)


async def test_a_number_with_a_new_taker() -> None:
    """The end of a channel does not take the frames from the next one of its number."""
    reader, first, second = FrameReader(asyncio.get_running_loop()), Takes(), Takes()
    reader.offer(1, first)
    reader.offer(1, second)
    reader.offer_no_more(1, first)
    reader.feed_data(ACK)
    reader.offer_no_more(1, second)
    reader.feed_data(ACK)

    assert ([], [ACK[7:-1]]) == (first.taken, second.taken)
    assert (await passed(reader)).endswith(ACK)
