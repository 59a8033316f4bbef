"""Messages on the wire: the bytes are those that the client library writes, and read as it reads them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import body, commands, frame, header

from bridge.bus.content import ack_frame, encoded, publish_frames, requeue_frame
from bridge.bus.wire import read_properties
from bridge.messages import Outgoing, Properties

FRAME_MAX = 131_072

short_text = st.none() | st.text(max_size=60)
numbers = st.integers(-(2**63), 2**63 - 1)
headers = st.dictionaries(
    st.text(max_size=20), st.text(max_size=40) | st.booleans() | numbers | st.none(), max_size=5
)
properties = st.builds(
    Properties,
    content_type=short_text,
    content_encoding=short_text,
    headers=headers,
    delivery_mode=st.sampled_from([None, 1, 2]),
    priority=st.none() | st.integers(0, 255),
    correlation_id=short_text,
    reply_to=short_text,
    expiration=short_text,
    message_id=short_text,
    timestamp=st.none() | st.integers(0, 2**32 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    message_type=short_text,
    user_id=short_text,
    app_id=short_text,
)


def in_the_library(given: Properties) -> commands.Basic.Properties:
    """Return properties in the library's form."""
    return commands.Basic.Properties(**{name: getattr(given, name) for name in Properties.__slots__})


@given(properties)
def test_properties_are_written_as_the_library_writes_them(one: Properties) -> None:
    """Byte by byte."""
    assert in_the_library(one).marshal() == encoded(one, FRAME_MAX)


@given(properties)
def test_properties_are_read_as_the_library_reads_them(one: Properties) -> None:
    """Each of them, and none is called unreadable."""
    content = header.ContentHeader(0, 7, in_the_library(one))

    found, unreadable = read_properties(content.marshal())

    there = header.ContentHeader()
    there.unmarshal(content.marshal())
    assert in_the_library(found) == there.properties
    assert "" == unreadable


def test_further_words_of_flags() -> None:
    """They are skipped: nobody has defined what they mean."""
    found, unreadable = read_properties(b"\0" * 12 + b"\x00\x81" + b"\x00\x01" + b"\x00\x00" + b"\x01m")

    assert ("m", "") == (found.message_id, unreadable)


@pytest.mark.parametrize("cut", range(12, 60))
def test_a_header_that_ends_too_early(cut: int) -> None:
    """What is missing cannot be read, and nothing is raised."""
    whole = Properties(
        headers={"a": "b"}, delivery_mode=2, timestamp=datetime.now(UTC), message_id="m" * 9, app_id="app"
    )
    content = header.ContentHeader(0, 7, in_the_library(whole)).marshal()

    read_properties(content[:cut])


@pytest.mark.parametrize("size", [0, 1, 4087, 4088, 4089, 20_000])
@pytest.mark.parametrize("frame_max", [0, 4096])
def test_a_publish(size: int, frame_max: int) -> None:
    """Its frames are those of the library, none larger than the broker allows."""
    given = Properties(message_id="m", delivery_mode=2, headers={"a": 1})
    outgoing = Outgoing(exchange="e", routing_key="ключ", body=b"x" * size, properties=given)
    most = frame_max - 8 if frame_max else 20_000
    expected: list[Any] = [
        commands.Basic.Publish(exchange="e", routing_key="ключ", mandatory=True),
        header.ContentHeader(0, size, in_the_library(given)),
        *(body.ContentBody(outgoing.body[at : at + most]) for at in range(0, size, most)),
    ]

    written = publish_frames(3, outgoing, given, frame_max)

    assert b"".join(frame.marshal(one, 3) for one in expected) == written


@pytest.mark.parametrize(
    "impossible",
    [Properties(message_id="m" * 256), Properties(delivery_mode=7), Properties(app_id="ж" * 128)],
)
def test_properties_without_a_form(impossible: Properties) -> None:
    """They are refused, not cut short."""
    with pytest.raises((TypeError, ValueError)):
        encoded(impossible, FRAME_MAX)


def test_settlements() -> None:
    """An acknowledgement and a return to the queue are the library's."""
    assert frame.marshal(commands.Basic.Ack(2**40), 7) == ack_frame(7, 2**40)
    assert frame.marshal(commands.Basic.Nack(5, requeue=True), 7) == requeue_frame(7, 5, failed=False)
    assert frame.marshal(commands.Basic.Reject(5, requeue=True), 7) == requeue_frame(7, 5, failed=True)
