"""Nothing is without a bound: calls under way, the wait for a slot, the size of an answer."""

import asyncio
import gc
import gzip
import tracemalloc
from functools import partial

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
    failure_and_memory,
    failure_of,
    lcm_client,
)
from support.worker import until

from bridge.failures import LcmBadResponse, LcmTimeout, LcmUnavailable
from bridge.metrics import Metrics
from bridge.simulator import Fault, Options, Simulator

LIMIT = 100_000


def arrived(simulator: Simulator, total: int) -> bool:
    """Tell whether so many calls have come to LCM."""
    return simulator.calls.total == total


async def test_never_more_calls_are_under_way_than_the_setting_says() -> None:
    """Of forty calls at once LCM sees four at a time, never more and never fewer, and all are answered."""
    four = asyncio.Barrier(4)
    under_way: list[int] = [0]

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        under_way.append(under_way[-1] + 1)
        await four.wait()
        under_way.append(under_way[-1] - 1)
        writer.write(answer(b'{"d": true}'))

    async with RawServer(handler).running() as server, lcm_client(server.url, concurrency=4) as client:
        results = await asyncio.gather(*[client.call(OD, ONCE) for _ in range(40)])

        assert 40 == len(server.requests)
        assert 4 == server.connections
    assert 4 == max(under_way)
    assert [True] * 40 == results


async def test_the_wait_for_a_slot_counts_and_has_no_effect() -> None:
    """A call that gets no slot within its time never reaches LCM."""
    options = Options(faults=(Fault(kind="hang"),))
    metrics = Metrics()
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, metrics, concurrency=1) as client,
    ):
        first = asyncio.ensure_future(client.call(SKIP, ONCE))
        await until(lambda: simulator.hung == 1, "the first call hangs")
        failed = await failure_of(client, terms=due_in(0.05))
        total = simulator.calls.total
        simulator.release()

        assert await first is True
    assert isinstance(failed.failure, LcmUnavailable)
    assert (True, False) == (failed.unreached, failed.effect_possible)
    assert 1 == total


@pytest.mark.parametrize("ending", ["failure", "cancellation", "result"])
async def test_a_slot_is_given_back_however_a_call_ends(ending: str) -> None:
    """After failures, cancellations and results there are as many slots as before."""
    options = Options(faults=(Fault(kind="result" if ending == "result" else "hang", count=3),))
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, concurrency=1) as client,
    ):
        for number in range(1, 4):
            if ending == "result":
                await client.call(OD, ONCE)
            elif ending == "failure":
                assert isinstance((await failure_of(client, terms=due_in(0.05))).failure, LcmTimeout)
            else:
                call = asyncio.ensure_future(client.call(OD, ONCE))
                await until(partial(arrived, simulator, number), "the call arrived")
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)

        assert isinstance(await client.call(OD, ONCE), dict)


async def test_a_cancelled_wait_for_a_slot_takes_none() -> None:
    """Who gives up waiting leaves the slot to the next."""
    options = Options(faults=(Fault(kind="hang", count=1),))
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, concurrency=1) as client,
    ):
        first = asyncio.ensure_future(client.call(OD, ONCE))
        await until(lambda: simulator.hung == 1, "the first call hangs")
        waiting = [asyncio.ensure_future(client.call(OD, ONCE)) for _ in range(3)]
        await asyncio.sleep(0)
        for call in waiting[:2]:
            call.cancel()
        simulator.release()

        assert isinstance(await first, dict)
        assert isinstance(await waiting[2], dict)


@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
async def test_an_answer_may_be_as_large_as_the_setting_says(size: int, *, fits: bool) -> None:
    """The bound counts the body's bytes and is exact."""
    body = b'{"d": "%s"}' % (b"x" * (size - 9))
    async with (
        answering(answer(body)).running() as server,
        lcm_client(server.url, max_response_bytes=LIMIT) as client,
    ):
        assert size == len(body)
        if fits:
            assert size - 9 == len(str(await client.call(OD, ONCE)))
        else:
            failed = await failure_of(client, OD)
            assert isinstance(failed.failure, LcmBadResponse)
            assert failed.effect_possible
            assert str(LIMIT) in str(failed)


@pytest.mark.parametrize(
    "head", ["Transfer-Encoding: chunked", "Connection: close", "Content-Length: 9999999999"]
)
async def test_an_endless_answer_is_cut_off(head: str) -> None:
    """However the length is told, reading stops at the bound, and so does the server's sending."""

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        block = b" " * 10_000
        while True:  # until the client cuts the connection
            writer.write(b"%x\r\n%s\r\n" % (len(block), block) if "chunked" in head else block)
            await writer.drain()

    async with (
        RawServer(handler).running() as server,
        lcm_client(server.url, max_response_bytes=LIMIT) as client,
    ):
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmBadResponse)
    assert failed.effect_possible


async def test_the_memory_of_a_compressed_answer_is_bounded() -> None:
    """A small answer that unpacks to 200 MB is given up at the bound, not unpacked as a whole."""
    bomb = gzip.compress(gzip.compress(b"\0" * 200_000_000, 1), 1)
    inner = gzip.decompress(bomb)
    raw = answer(inner, headers="Content-Encoding: gzip\r\n")
    async with answering(raw).running() as server, lcm_client(server.url, max_response_bytes=LIMIT) as client:
        failed, peak = await failure_and_memory(client)

    assert isinstance(failed.failure, LcmBadResponse)
    assert failed.effect_possible
    assert peak < 5_000_000


async def test_a_compressed_answer_is_read() -> None:
    """IIS may compress what it answers."""
    body = gzip.compress(b'{"d": "49|3"}')
    raw = answer(body, headers="Content-Encoding: gzip\r\n")
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        assert "49|3" == await client.call(OD, ONCE)


async def test_memory_does_not_grow_with_calls_that_fail() -> None:
    """Hundreds of refused calls leave nothing behind."""
    raw = answer(b"x" * 2000, "503 No")
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        for _ in range(50):
            await failure_of(client)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(300):
                await failure_of(client)
                server.requests.clear()
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert 1 == server.connections
    assert after - before < 200_000
