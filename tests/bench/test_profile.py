"""Each sample of a profile is told to the part that is at work."""

import pytest

from bench.profile import EVENT_LOOP, by_part, part_of

MAIN = "main (bridge/__main__.py:21);run (asyncio/runners.py:118)"
CONSUMER = f"{MAIN};_work (bridge/bus/consumer.py:233);handle (bridge/pipeline.py:95)"


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        (MAIN, EVENT_LOOP),
        (CONSUMER, "the story"),
        (f"{CONSUMER};call (bridge/lcm/client.py:93);post (aiohttp/client.py:900)", "LCM"),
        (f"{CONSUMER};call (bridge/lcm/client.py:93);timeout (asyncio/timeouts.py:94)", "LCM"),
        (f"{CONSUMER};info (structlog/_base.py:3)", "logs"),
        (f"{CONSUMER};labels (bridge/metrics.py:60);__eq__ (enum.py:9)", "metrics"),
        (f"{CONSUMER};send (bridge/store/round_trips.py:9);pack (redis/connection.py:2)", "Redis"),
        (f"{MAIN};feed (bridge/bus/frames.py:70)", "AMQP: bridge/bus"),
    ],
)
def test_a_sample_belongs_to_the_innermost_part(stack: str, part: str) -> None:
    """What a library does for a part is that part's; what nobody called is the event loop's."""
    assert part == part_of(stack)


def test_shares_are_of_all_samples() -> None:
    """Samples count as often as they were seen, and the shares make one."""
    samples = f"{MAIN} 1\n{CONSUMER} 2\n{CONSUMER};info (structlog/_base.py:3) 5\n"
    assert by_part(samples) == {EVENT_LOOP: 1 / 8, "the story": 2 / 8, "logs": 5 / 8}
