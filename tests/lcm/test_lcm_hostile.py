"""An LCM that means harm: whatever it sends without end or packs together, the call ends, and small."""

import asyncio
import gzip
import zlib

import pytest
from lcm.lcm_servers import RawServer, Request, answer, answering, failure_and_memory, failure_of, lcm_client

from bridge.failures import LcmBadResponse, LcmTimeout

LIMIT = 100_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS: dict[str, tuple[bytes, bytes]] = {
    "answers that are none yet": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 20),
    "a status line": (b"HTTP/1.1 200 ", b"x" * 1000),
    "a header": (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
    "a chunk's size": (CHUNKED, b"0" * 1000),
    "a chunk's extension": (CHUNKED + b"1;", b"x" * 1000),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 100),
    "empty gzip members": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n",
        gzip.compress(b"") * 20,
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_what_never_ends_is_given_up(flood: str) -> None:
    """At a bound of its own or when the call's time is up, with little in memory; its effect is open."""
    first, again = FLOODS[flood]

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:  # until the client cuts the connection
            writer.write(again)
            await writer.drain()

    async with (
        RawServer(handler).running() as server,
        lcm_client(server.url, timeout=0.1, max_response_bytes=LIMIT) as client,
    ):
        failed, peak = await failure_and_memory(client)

    assert isinstance(failed.failure, LcmBadResponse | LcmTimeout)
    assert failed.effect_possible
    assert peak < 20_000_000


@pytest.mark.parametrize("encoding", ["deflate", "gzip, gzip", "gzip, deflate"])
async def test_what_is_packed_otherwise_is_bounded(encoding: str) -> None:
    """By another method, or twice: it is given up at the bound, or not unpacked at all."""
    packed = zlib.compress(b"\0" * 20_000_000, 1)
    if encoding.startswith("gzip"):
        packed = gzip.compress(packed, 1)
    raw = answer(packed, headers=f"Content-Encoding: {encoding}\r\n")
    async with answering(raw).running() as server, lcm_client(server.url, max_response_bytes=LIMIT) as client:
        failed, peak = await failure_and_memory(client)

    assert isinstance(failed.failure, LcmBadResponse)
    assert failed.effect_possible
    assert peak < 5_000_000


async def test_a_switch_of_protocols_is_no_answer() -> None:
    """Nobody asked for one; what comes after it is not read as a result."""
    raw = b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n{"d": true}'
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmBadResponse)
    assert failed.effect_possible
