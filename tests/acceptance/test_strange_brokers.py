"""What listens on the broker's port is no broker, or not one that lets us in: the worker keeps trying."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.envelopes import dial
from support.permitted import url_of
from support.site import MakeSite

from bridge.demo.servers import PrivateRabbit

# A frame of a method nobody knows, one without an end, and a start with a table that ends too early.
GREETINGS = {
    "closes at once": b"",
    "speaks HTTP": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "another version": b"AMQP\x00\x01\x00\x00",
    "zeros": b"\0" * 4096,
    "an unknown method": b"\x01\x00\x00\x00\x00\x00\x04\xff\xff\xff\xff\xce",
    "a frame without an end": b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\x00",
    "half a start": b"\x01\x00\x00\x00\x00\x01\xff\x00\x0a\x00\x0a\x00\x09",
    "a broken start": b"\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x0a\x00\x09\x00\x00\xff\xff\x00\x00\xce",
}


@pytest.fixture(params=GREETINGS)
async def stranger(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Listen, greet in a strange way and hang up; gives the URL."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETINGS[request.param])
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"amqp://bridge:bridge@127.0.0.1:{port}/"
    server.close()
    await server.wait_closed()


async def test_a_stranger_on_the_port(make_site: MakeSite, rabbit: PrivateRabbit, stranger: str) -> None:
    """Whatever it says, the worker tries the next node, and serves there."""
    site = await make_site(
        BRIDGE_AMQP__URL=f"{stranger},{url_of(rabbit, 'bridge')}",
        BRIDGE_AMQP__RECONNECT_WAIT="0.1",
        BRIDGE_AMQP__RECONNECT_WAIT_MAX="0.2",
    )

    assert site.worker.events("amqp.connection_failed")
    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
    assert 0 == await site.worker.stop()


async def test_a_silent_stranger(make_site: MakeSite, rabbit: PrivateRabbit) -> None:
    """What accepts connections and says nothing is given up after amqp.connect_timeout."""
    callers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: callers.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    site = await make_site(
        BRIDGE_AMQP__URL=f"amqp://bridge:bridge@127.0.0.1:{port}/,{url_of(rabbit, 'bridge')}",
        BRIDGE_AMQP__CONNECT_TIMEOUT="0.3",
    )

    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
    assert callers
    for writer in callers:
        writer.transport.abort()
    server.close()


async def test_refused_credentials(make_site: MakeSite, rabbit: PrivateRabbit) -> None:
    """A password that the broker refuses: alive, not ready, logged without the password."""
    url = url_of(rabbit, "bridge").replace("bridge:bridge", "bridge:wr0ng-pass")
    site = await make_site(ready=False, BRIDGE_AMQP__URL=url)
    await site.worker.until_logged("amqp.connection_failed")

    assert 200 == (await site.worker.get("/livez"))[0]
    assert 503 == (await site.worker.get("/readyz"))[0]
    assert b"wr0ng-pass" not in site.worker.log.read_bytes()
    assert 0 == await site.worker.stop()


async def test_a_virtual_host_that_is_not_there(make_site: MakeSite, rabbit: PrivateRabbit) -> None:
    """The log says so in the broker's own words, which come while the connection opens, and what to do."""
    site = await make_site(ready=False, BRIDGE_AMQP__URL=f"{url_of(rabbit, 'bridge').rstrip('/')}/nosuch")
    await site.worker.until_logged("amqp.connection_failed")

    lines = site.worker.events("amqp.connection_failed")

    error = "it knows bridge, and closed the connection: NOT_ALLOWED - vhost nosuch not found"
    assert {error} == {line["error"] for line in lines}
    assert all(line["next"].startswith("is nosuch the right virtual host in amqp.url?") for line in lines)
