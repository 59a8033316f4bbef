"""The request that is written here, and how it uses a connection."""

import asyncio

import aiohttp
import pytest
from lcm.lcm_servers import OD, ONCE, SKIP, RawServer, answer, answering, failure_of, lcm_client, silent_port
from lcm.lcm_servers import Request as HttpRequest
from yarl import URL

from bridge.lcm.http import Head, Request, Sending
from bridge.operations.model import LcmCall
from bridge.ports import CallTerms

OK = answer(b'{"d": true}')
LARGE = LcmCall("CreateContact", {"ContactDetail": "x" * 16_000_000})
"""More than the buffers of a connection take, so that it is under way for as long as nobody reads it."""


class Hasty(RawServer):
    """Answers as soon as it knows the head of a request, and reads no further."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until the server is stopped."""
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.Event().wait()


@pytest.mark.parametrize("key", [None, "4f0e-11"])
async def test_a_request_is_what_aiohttp_itself_would_write(key: str | None) -> None:
    """The same line, the same headers with the same values, the same body."""
    ours = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", "X-Site": "Zoë"}
    keyed = {"Idempotency-Key": key} if key else {}
    async with (
        answering(OK).running() as server,
        lcm_client(f"{server.url}/a%20b%2fé", headers={"X-Site": "Zoë"}) as client,
        aiohttp.ClientSession(headers=ours) as session,
    ):
        await client.call(SKIP, CallTerms(idempotency_key=key))
        body = server.requests[0].body
        await session.post(f"{server.url}/a%20b%2fé/{SKIP.operation}", data=body, headers=keyed)
        sent, expected = server.requests

    assert expected.line == sent.line
    assert sorted(expected.lines) == sorted(sent.lines)
    assert expected.body == sent.body


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://localhost/x", "localhost"), ("http://[::1]:81/x", "[::1]:81"), ("https://a.b.:443/x", "a.b")],
)
def test_the_host_is_named_as_http_wants_it(url: str, host: str) -> None:
    """IPv6 in brackets, no port that the scheme implies, no dot at the end."""
    assert f"\r\nHost: {host}\r\n".encode() in Head(URL(url), {}).request(b"", None)


async def test_a_large_request_goes_out_whole() -> None:
    """Also one that a connection does not take at once."""
    async with answering(OK).running() as server, lcm_client(server.url) as client:
        await client.call(LARGE, ONCE)

        assert LARGE.parameters == server.requests[0].json


async def test_what_is_left_of_a_request_does_not_stand_before_another() -> None:
    """LCM answered before it had read all: the next call has a connection of its own."""
    server = Hasty(handler=answering(OK).handler)
    async with server.running(), lcm_client(server.url) as client:
        assert await client.call(LARGE, ONCE) is True
        assert await client.call(OD, ONCE) is True

        assert 2 == server.connections


async def test_a_request_is_not_sent_before_there_is_a_connection() -> None:
    """Nothing is told as sent that was not written."""
    sending = Sending()
    async with (
        silent_port() as port,
        aiohttp.ClientSession(request_class=Request, timeout=aiohttp.ClientTimeout(connect=0.1)) as session,
    ):
        with pytest.raises(TimeoutError):
            await session.post(f"http://127.0.0.1:{port}/", data=sending)

    assert not sending.sent


async def test_an_answer_that_nobody_asked_for_answers_nobody() -> None:
    """What comes between two calls is not taken for the answer to the second, which is not sent."""
    writers: list[asyncio.StreamWriter] = []

    async def handler(_: HttpRequest, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if len(writers) == 2:  # while another client is answered, so that it has arrived then
            writers[0].write(answer(b'{"d": "of nobody"}'))
        writer.write(OK)

    server = RawServer(handler)
    async with server.running(), lcm_client(server.url) as client, lcm_client(server.url) as another:
        assert await client.call(SKIP, ONCE) is True
        assert await another.call(OD, ONCE) is True
        failed = await failure_of(client)
        assert failed.unreached
        assert not failed.effect_possible
        assert await client.call(SKIP, ONCE) is True

    assert 3 == len(server.requests)
