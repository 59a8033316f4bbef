"""Properties and headers that no decent client sends. None of them may stop the worker."""

import json
import struct

import aio_pika
import pytest
from support.envelopes import dial, od
from support.rawamqp import (
    CORRELATION_ID,
    EXPIRATION,
    HEADERS,
    MESSAGE_ID,
    NOT_UTF8,
    PRIORITY,
    REPLY_TO,
    TIMESTAMP,
    TYPE,
    header,
    long,
    raw_channel,
    short,
)
from support.requester import Reply
from support.site import Site, name_of_letters

from bridge.demo.servers import PrivateRabbit
from bridge.settings import LimitSettings

FAR = b"\xff" * 8

pytestmark = pytest.mark.usefixtures("goes_on")


def text(name: str | bytes, value: bytes) -> bytes:
    """Encode one header that holds a long string."""
    return header(name, b"S", long(value))


def nested(levels: int) -> bytes:
    """Encode tables within tables."""
    table = b""
    for _ in range(levels):
        table = header("a", b"F", long(table))
    return table


# Those that the broker passes on and the client library cannot read.
UNREADABLE: dict[str, tuple[dict[int, bytes], str]] = {
    "a timestamp far ahead": ({TIMESTAMP: FAR}, "timestamp"),
    "the year 10000 in milliseconds": ({TIMESTAMP: struct.pack(">Q", 253402300800000)}, "timestamp"),
    "a type that is not UTF-8": ({TYPE: short(NOT_UTF8)}, "message_type"),
    "a message id that is not UTF-8": ({MESSAGE_ID: short(NOT_UTF8)}, "message_id"),
    "a header's name that is not UTF-8": ({HEADERS: long(text(NOT_UTF8, b"x"))}, "headers"),
    "a header with a timestamp far ahead": ({HEADERS: long(header("a", b"T", FAR))}, "headers"),
    "tables 5,000 deep": ({HEADERS: long(nested(5000))}, "headers"),
    "two at once": ({HEADERS: long(nested(5000)), TIMESTAMP: FAR}, "headers, timestamp"),
}


# Those that can be read, but not simply written again.
ODD: dict[str, dict[int, bytes]] = {
    "a header that is not UTF-8": {HEADERS: long(text("a", NOT_UTF8))},
    "not UTF-8 within a table": {HEADERS: long(header("t", b"F", long(text("a", NOT_UTF8))))},
    "tables 200 deep": {HEADERS: long(nested(200))},
    "a header of 60,000": {HEADERS: long(text("a", b"x" * 60_000))},
    "five hundred headers": {HEADERS: long(b"".join(text(f"h{n}", b"x" * 100) for n in range(500)))},
    "a traceparent of 60,000": {HEADERS: long(text("traceparent", b"x" * 60_000))},
    "a number too large for a float": {HEADERS: long(header("a", b"d", struct.pack(">d", 1e300)))},
    "a large decimal": {HEADERS: long(header("a", b"D", struct.pack(">BI", 2, 2**32 - 1)))},
    "a name of 255": {HEADERS: long(text("k" * 255, b"x"))},
    "a traceparent of another type": {HEADERS: long(header("traceparent", b"F", long(b"")))},
    "routes to nowhere": {HEADERS: long(header("CC", b"A", long(b"S" + long(b"x"))))},
    "the bridge's own headers": {HEADERS: long(text("x-reason", b"x") + text("x-attempts", b"many"))},
    "priority 255": {PRIORITY: b"\xff"},
    "the last timestamp in seconds": {TIMESTAMP: struct.pack(">Q", 2**32 - 1), EXPIRATION: short("60000")},
}

# More than limits.header_bytes.
LARGE: dict[str, dict[int, bytes]] = {
    "headers that fill the frame": {HEADERS: long(text("a", b"x" * 130_800))},
    "a thousand headers": {HEADERS: long(b"".join(text(f"h{n}", b"x" * 100) for n in range(1000)))},
    "a traceparent that fills the frame": {HEADERS: long(text("traceparent", b"x" * 130_800))},
}


async def send(
    site: Site,
    rabbit: PrivateRabbit,
    properties: dict[int, bytes],
    *,
    request: dict[str, object] | None = None,
) -> None:
    """Publish a good request with the given properties."""
    body = json.dumps(request or dial()).encode()
    async with raw_channel(rabbit.url) as channel:
        assert await channel.publish(f"{site.prefix}.requests", "x", body, properties)


async def answer_to(site: Site, rabbit: PrivateRabbit, properties: dict[int, bytes]) -> Reply:
    """Publish with the given properties and a reply_to, and await the reply."""
    name = name_of_letters()
    waiting = site.widget.expect(name)
    own = {CORRELATION_ID: short(name), REPLY_TO: short(site.widget.reply_queue.name)}
    await send(site, rabbit, own | properties)
    return await waiting


@pytest.mark.parametrize("name", UNREADABLE)
async def test_unreadable_properties_are_refused(site: Site, rabbit: PrivateRabbit, name: str) -> None:
    """A request of which a property cannot be read is INVALID_ENVELOPE, and says which."""
    properties, unreadable = UNREADABLE[name]

    reply = await answer_to(site, rabbit, properties)

    assert ("ManualDialCall", "INVALID_ENVELOPE") == (reply.body["subtopic"], reply.error_type)
    assert reply.error["errorMessage"].endswith(f": {unreadable}")


@pytest.mark.parametrize("name", UNREADABLE)
async def test_unreadable_properties_without_reply_to(site: Site, rabbit: PrivateRabbit, name: str) -> None:
    """Without a reply_to such a request is a dead letter, with its body."""
    properties, unreadable = UNREADABLE[name]

    await send(site, rabbit, properties)

    letter = await site.widget.dead_letter()
    assert dial() == json.loads(letter.body)
    assert unreadable == letter.headers["x-bridge-unreadable"]


@pytest.mark.parametrize("name", ODD)
async def test_odd_properties_do_no_harm(site: Site, rabbit: PrivateRabbit, name: str) -> None:
    """A good request with odd properties is carried out."""
    reply = await answer_to(site, rabbit, ODD[name])

    assert "ok" == reply.headers["x-bridge-status"]


@pytest.mark.parametrize("name", LARGE)
async def test_properties_that_are_too_large_are_refused(
    site: Site, rabbit: PrivateRabbit, name: str
) -> None:
    """INVALID_ENVELOPE, by the reply of the operation."""
    reply = await answer_to(site, rabbit, LARGE[name])

    assert ("ManualDialCall", "INVALID_ENVELOPE") == (reply.body["subtopic"], reply.error_type)
    told = "headers included; at most 65536 are taken (the bridge's setting limits.header_bytes)"
    assert reply.error["errorMessage"].endswith(told)


async def test_properties_at_the_limit_are_taken_and_one_byte_more_is_not(
    site: Site, rabbit: PrivateRabbit
) -> None:
    """All properties count, with the two bytes that say which are there."""
    others = 2 + len(short(name_of_letters())) + len(short(site.widget.reply_queue.name))
    room = LimitSettings().header_bytes - others - len(long(text("a", b"")))

    taken = await answer_to(site, rabbit, {HEADERS: long(text("a", b"x" * room))})
    refused = await answer_to(site, rabbit, {HEADERS: long(text("a", b"x" * (room + 1)))})

    assert "ok" == taken.headers["x-bridge-status"]
    assert refused.error["errorMessage"].startswith("the AMQP properties have 65537 bytes")


@pytest.mark.parametrize("name", [*ODD, *LARGE])
async def test_odd_properties_in_a_dead_letter(site: Site, rabbit: PrivateRabbit, name: str) -> None:
    """A failure with odd properties and without a reply_to becomes a dead letter all the same."""
    await send(site, rabbit, (ODD | LARGE)[name], request=od(""))

    letter = await site.widget.dead_letter()
    assert "failure-without-reply-to" == letter.headers["x-reason"]
    assert od("") == json.loads(letter.body)


@pytest.mark.parametrize("key", ["", "k" * 256, 7, [1], {"a": 1}, True])
async def test_an_idempotency_key_of_another_form(site: Site, key: object) -> None:
    """A key that is no text of 1 to 255 characters is INVALID_ENVELOPE."""
    reply = await site.widget.ask(od("testagent"), headers={"idempotency-key": key})

    assert "INVALID_ENVELOPE" == reply.error_type
    assert "the header idempotency-key must be text of 1 to 255 characters" == reply.error["errorMessage"]


@pytest.mark.parametrize("deadline", ["soon", -1, 1.5, True, "", [1], "9" * 300, 2**62])
async def test_a_deadline_of_another_form(site: Site, deadline: object) -> None:
    """A deadline that is no time is INVALID_ENVELOPE; one that never comes is none."""
    reply = await site.widget.ask(dial(), headers={"x-deadline": deadline})

    never = deadline in ("9" * 300, 2**62)
    assert ("ok" if never else "error") == reply.headers["x-bridge-status"]
    assert reply.headers.get("x-bridge-error-type") == (None if never else "INVALID_ENVELOPE")


async def test_a_header_of_the_bridges_own_name_is_not_believed(site: Site, rabbit: PrivateRabbit) -> None:
    """Only the bridge's reader says what could not be read."""
    reply = await answer_to(site, rabbit, {HEADERS: long(text("x-bridge-unreadable", b"everything"))})

    assert "ok" == reply.headers["x-bridge-status"]


@pytest.mark.parametrize("expiration", ["-5", "soon", "99999999999999999999", "1.5"])
async def test_an_expiration_that_the_broker_refuses(
    site: Site, rabbit: PrivateRabbit, expiration: str
) -> None:
    """The broker itself refuses an expiration that is no number: such a request never arrives."""
    async with raw_channel(rabbit.url) as channel:
        taken = await channel.publish(f"{site.prefix}.requests", "x", b"{}", {EXPIRATION: short(expiration)})

    assert not taken


async def test_every_property_at_its_longest(site: Site) -> None:
    """All text properties of 255 characters at once are answered and correlated."""
    longest = "p" * 255
    waiting = site.widget.expect(longest)
    message = aio_pika.Message(
        json.dumps(dial()).encode(),
        content_type=longest,
        content_encoding=longest,
        correlation_id=longest,
        message_id=longest,
        type=longest,
        app_id=longest,
        reply_to=site.widget.reply_queue.name,
    )

    await site.widget.channel.default_exchange.publish(message, f"{site.prefix}.requests.agent")

    assert "ok" == (await waiting).headers["x-bridge-status"]
