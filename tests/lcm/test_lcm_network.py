"""A network that fails: before the request went out, while it was under way, in the middle of the answer."""

import asyncio
import json
import socket

import pytest
from lcm.lcm_servers import (
    OD,
    ONCE,
    SKIP,
    RawServer,
    Request,
    answer,
    answering,
    due_in,
    failure_of,
    lcm_client,
    silent_port,
)

from bridge.demo.ports import free_port
from bridge.failures import LcmBadResponse, LcmTimeout, LcmUnavailable
from bridge.simulator import Fault, Options, Simulator

OK = answer(b'{"d": true}')


async def test_a_refused_connection_had_no_effect() -> None:
    """Nobody listens: LCM is unavailable, and nothing was sent."""
    async with lcm_client(f"http://127.0.0.1:{free_port()}/lcm.svc") as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible


async def test_an_unknown_host_had_no_effect_and_is_not_named() -> None:
    """A name that nobody knows: LCM is unavailable, and the requester does not learn the name."""
    async with lcm_client("http://lcm-host.invalid/lcm.svc") as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert (True, False) == (failed.unreached, failed.effect_possible)
    assert "lcm-host" not in str(failed)


@pytest.mark.parametrize(("whole", "connect"), [(5.0, 0.1), (0.1, 5.0), (0.1, 0.1)])
async def test_a_connection_that_never_comes_about_had_no_effect(whole: float, connect: float) -> None:
    """Whichever bound ends the wait for a connection: LCM is unavailable, and nothing was sent."""
    async with (
        silent_port() as port,
        lcm_client(f"http://127.0.0.1:{port}/", timeout=whole, connect_timeout=connect) as client,
    ):
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible


async def test_a_short_deadline_that_ends_the_wait_for_a_connection_had_no_effect() -> None:
    """The bound of the single call is told apart like the setting's."""
    async with silent_port() as port, lcm_client(f"http://127.0.0.1:{port}/") as client:
        failed = await failure_of(client, terms=due_in(0.1))

    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible


async def test_no_answer_in_time_may_have_had_an_effect() -> None:
    """The request went out and no answer came: a time-out whose effect is open."""
    options = Options(faults=(Fault(kind="hang"),))
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, timeout=0.2) as client,
    ):
        failed = await failure_of(client)

        assert 1 == simulator.calls.total
    assert isinstance(failed.failure, LcmTimeout)
    assert failed.effect_possible


async def test_an_answer_that_drips_is_bounded_as_a_whole() -> None:
    """Each byte comes in good time and the whole does not: a time-out whose effect is open."""
    options = Options(faults=(Fault(kind="drip", drip_ms=20, when="after"),))
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, timeout=0.2) as client,
    ):
        failed = await failure_of(client, OD)

    assert isinstance(failed.failure, LcmTimeout)
    assert failed.effect_possible


async def test_a_deadline_shortens_the_call_and_never_lengthens_it() -> None:
    """The lesser of the call's bound and the setting holds."""
    options = Options(faults=(Fault(kind="hang"),))
    async with Simulator(options).running() as simulator:
        async with lcm_client(simulator.base_url, timeout=60.0) as client:
            short = await failure_of(client, terms=due_in(0.1))
        async with lcm_client(simulator.base_url, timeout=0.1) as client:
            long = await failure_of(client, terms=due_in(60.0))

    assert isinstance(short.failure, LcmTimeout)
    assert isinstance(long.failure, LcmTimeout)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_reset_connection_leaves_the_effect_open(when: str) -> None:
    """Cut off after the request was sent: whether LCM acted cannot be told."""
    fault = Fault.from_json({"kind": "reset", "when": when})
    async with (
        Simulator(Options(faults=(fault,))).running() as simulator,
        lcm_client(simulator.base_url) as client,
    ):
        failed = await failure_of(client)

        assert 1 == simulator.calls.total
    assert isinstance(failed.failure, LcmUnavailable)
    assert failed.effect_possible


async def test_half_an_answer_leaves_the_effect_open() -> None:
    """An answer that breaks off is a bad response."""
    options = Options(faults=(Fault(kind="half", when="after"),))
    async with Simulator(options).running() as simulator, lcm_client(simulator.base_url) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmBadResponse)
    assert failed.effect_possible


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + b'{"d": true}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Length: 5\r\n\r\n" + b'{"d": true}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n" + b'{"d": true}',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 11\r\n\r\n" + b'{"d": true}',
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: x\r\n" % n for n in range(40_000)) + b"\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ],
)
async def test_what_is_no_whole_http_answer_leaves_the_effect_open(raw: bytes) -> None:
    """Whatever comes instead of an answer, the effect of what was sent cannot be told."""
    async with answering(raw, close=True).running() as server, lcm_client(server.url) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmBadResponse | LcmUnavailable)
    assert failed.effect_possible


async def test_the_client_recovers_from_each_failure() -> None:
    """The next call after a broken one gets its own answer, over a connection of its own."""
    plan = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + b'{"d": true}', b"nonsense\r\n\r\n"]

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        if plan:
            writer.write(plan.pop())
            raise ConnectionResetError
        writer.write(OK)

    async with RawServer(handler).running() as server, lcm_client(server.url) as client:
        for _ in range(3):
            await failure_of(client)

        assert await client.call(SKIP, ONCE) is True


async def test_a_connection_is_kept_and_used_again() -> None:
    """Calls one after the other share one connection."""
    async with answering(OK).running() as server, lcm_client(server.url) as client:
        for _ in range(3):
            await client.call(SKIP, ONCE)

        assert (1, 3) == (server.connections, len(server.requests))


async def test_no_answer_reaches_another_call() -> None:
    """After a call that timed out, its late answer is not taken for the next call's."""
    late = asyncio.Event()

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.json == SKIP.parameters:
            await late.wait()
        writer.write(answer(json.dumps({"d": request.json}).encode()))

    async with RawServer(handler).running() as server, lcm_client(server.url) as client:
        await failure_of(client, terms=due_in(0.1))
        late.set()

        assert OD.parameters == await client.call(OD, ONCE)


async def test_a_stale_kept_connection_is_not_used() -> None:
    """LCM ended the idle connection: the next call opens a new one instead of failing."""
    closed = asyncio.Event()

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        writer.write_eof()
        assert b"" == await request.reader.read()  # the client has closed its side
        closed.set()

    async with RawServer(handler).running() as server, lcm_client(server.url) as client:
        await client.call(SKIP, ONCE)
        await closed.wait()

        assert await client.call(SKIP, ONCE) is True
        assert 2 == server.connections


async def test_a_side_effect_on_a_connection_that_dies_is_not_sent_twice() -> None:
    """A kept connection that is cut at the second request: the effect is open, and nothing is repeated."""

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 2:
            raise ConnectionResetError
        writer.write(OK)

    async with RawServer(handler).running() as server, lcm_client(server.url) as client:
        await client.call(SKIP, ONCE)
        failed = await failure_of(client)

        assert (1, 2) == (server.connections, len(server.requests))
    assert isinstance(failed.failure, LcmUnavailable)
    assert failed.effect_possible


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is set for other programs of the machine does not see the calls."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        async with answering(OK).running() as server, lcm_client(server.url) as client:
            assert await client.call(SKIP, ONCE) is True
