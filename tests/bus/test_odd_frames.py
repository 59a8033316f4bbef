"""Frames out of order, which no broker sends: they end nothing, and no message gets what is another's."""

from pamqp import body, commands, frame, header

from bridge.bus.content import Arrival
from fuzz.targets.frames import CHANNEL, read

DELIVER = frame.marshal(
    commands.Basic.Deliver("tag", 7, exchange="lcm.requests", routing_key="a.b.c"), CHANNEL
)
HEADER = frame.marshal(header.ContentHeader(0, 2, commands.Basic.Properties(message_id="m")), CHANNEL)
BODY = frame.marshal(body.ContentBody(b"{}"), CHANNEL)
SHORT = frame.marshal(commands.Basic.Ack(1), CHANNEL)[:-4] + b"\xce"
SHORT = SHORT[:6] + bytes([len(SHORT) - 8]) + SHORT[7:]


def told(arrivals: list[Arrival]) -> list[tuple[bytes, str | None]]:
    """Return body and message id of what was delivered."""
    return [(one.body, one.properties.message_id) for one in arrivals]


async def test_a_message_without_a_header_has_none() -> None:
    """Neither the properties nor the body of the one before it: they say whom to answer."""
    _, arrivals, _ = await read([DELIVER, HEADER, BODY, DELIVER, BODY])

    assert [(b"{}", "m"), (b"{}", None)] == told(arrivals)


async def test_a_confirm_that_is_too_short_is_the_librarys() -> None:
    """It says what is wrong with it; what follows is read."""
    left, arrivals, ends = await read([SHORT, DELIVER, HEADER, BODY])

    assert SHORT == left
    assert [(b"{}", "m")] == told(arrivals)
    assert all("ended before the confirm" in str(end) for end in ends)
