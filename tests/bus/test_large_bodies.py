"""Bodies that are larger than a request may be: what of them is kept."""

import pytest
from pamqp import body, commands, frame, header

from fuzz.targets.frames import CHANNEL, read

DELIVER = frame.marshal(
    commands.Basic.Deliver("tag", 7, exchange="lcm.requests", routing_key="a.b.c"), CHANNEL
)


def content(size: int, part: int) -> list[bytes]:
    """Return the frames of a delivery with a body of ``size`` bytes, in frames of ``part`` bytes."""
    whole = bytes(range(256)) * (size // 256 + 1)
    parts = [whole[at : min(at + part, size)] for at in range(0, size, part)]
    head = header.ContentHeader(0, size, commands.Basic.Properties(message_id="m"))
    bodies = [frame.marshal(body.ContentBody(one), CHANNEL) for one in parts]
    return [DELIVER, frame.marshal(head, CHANNEL), *bodies]


@pytest.mark.parametrize("part", [1000, 7])
async def test_a_body_is_kept_up_to_its_limit(part: int) -> None:
    """At the limit the whole of it, one byte more and far beyond the beginning; the next one whole again."""
    sizes = (100, 101, 5000, 100)

    _, arrivals, _ = await read([one for size in sizes for one in content(size, part)], most=100)

    beginning = bytes(range(100))
    assert [(beginning, 0), (beginning, 1), (beginning, 4900), (beginning, 0)] == [
        (one.body, one.left_out) for one in arrivals
    ]
