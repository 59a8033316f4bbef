"""What the LCM client's tests share: a client, a server that does anything, calls to make."""

import asyncio
import json
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.lcm.breaker import State
from bridge.lcm.client import LcmClient
from bridge.lcm.gateway import LcmGateway
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.ports import CallFailed, CallTerms
from bridge.settings import Breaker, Lcm, Retry
from bridge.simulator import Fault, Options

OD = LcmCall("GetReservedContactOD", {"UserID": "testagent"})
SKIP = LcmCall(
    "SkipManualDialContact",
    {
        "OutcomeId": 100,
        "UserID": "testagent@domain.com",
        "AccountNumber": "49|3|279|0|0|44|1253",
        "PhoneNumber": "1234567890",
    },
)

Handler = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def lcm_client(
    base_url: str, metrics: Metrics | None = None, **settings: Any
) -> AsyncIterator[LcmClient]:
    """Open a client for the length of a block."""
    values = {"base_url": base_url, "timeout": 10.0, **settings}
    async with LcmClient(Lcm.model_validate(values), metrics or Metrics()) as client:
        yield client


@asynccontextmanager
async def lcm_gateway(
    base_url: str,
    metrics: Metrics | None = None,
    *,
    retry: Mapping[str, Any] | None = None,
    breaker: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[LcmGateway]:
    """Open a gateway for the length of a block; unless told otherwise, it waits a blink before a retry."""
    async with LcmGateway(
        Lcm.model_validate({"base_url": base_url, "timeout": 10.0, **settings}),
        Retry.model_validate({"quick_wait": 0.001, **(retry or {})}),
        Breaker.model_validate(breaker or {}),
        metrics or Metrics(),
    ) as gateway:
        yield gateway


ONCE = CallTerms()
"""A call like any other: no deadline, no retries."""
WAITING = CallTerms(quick_retries=True)
WAITING_SKIP = CallTerms(quick_retries=True, side_effect=True)


def due_in(seconds: float, **terms: Any) -> CallTerms:
    """Give the terms of a call whose deadline is so many seconds away."""
    return CallTerms(deadline=time.time() + seconds, **terms)


async def failure_of(
    client: LcmClient | LcmGateway, call: LcmCall = SKIP, terms: CallTerms = ONCE
) -> CallFailed:
    """Make a call that fails; it shows nothing about where LCM is."""
    with pytest.raises(CallFailed) as caught:
        await client.call(call, terms)
    assert "127.0.0.1" not in str(caught.value)
    assert "localhost" not in str(caught.value)
    return caught.value


async def failure_and_memory(client: LcmClient) -> tuple[CallFailed, int]:
    """Make a call that fails; return its failure, and how many bytes of memory were taken at most."""
    tracemalloc.start()
    try:
        failed = await failure_of(client)
        return failed, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def busy(count: int | None = None) -> Options:
    """Give the options of an LCM that takes no calls."""
    return Options(faults=(Fault(kind="status", status=503, count=count),))


def heard(gateway: LcmGateway) -> list[State]:
    """Give a list that grows with each change of state."""
    states: list[State] = []
    gateway.listen(states.append)
    return states


def gauge(metrics: Metrics) -> float | None:
    """Give the state as it is shown on /metrics."""
    return metrics.registry.get_sample_value("lcm_bridge_lcm_breaker_state")


async def fail(gateway: LcmGateway, times: int, terms: CallTerms = ONCE) -> None:
    """Make calls that fail."""
    for _ in range(times):
        await failure_of(gateway, OD, terms)


@dataclass
class Request:
    """One request as it stood on the wire."""

    line: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader
    lines: list[str]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class RawServer:
    """A server of bytes: it reads whole requests and answers each by ``handler``."""

    handler: Handler
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *lines = head.rstrip().split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(line, headers, body, reader, lines)
                self.requests.append(request)
                await self.handler(request, writer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["RawServer"]:
        """Listen for the length of a block; what still runs then is cancelled."""
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self.serve(reader, writer))
            tasks.add(task)
            writer_of[task] = writer

        writer_of: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/lcm.svc"
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
                writer_of[task].transport.abort()
            await asyncio.gather(*tasks, return_exceptions=True)


def answer(
    body: bytes, status: str = "200 OK", headers: str = "", content_type: str = "application/json"
) -> bytes:
    """Write one HTTP answer."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


def answering(raw: bytes, *, close: bool = False) -> RawServer:
    """Make a server that sends the same bytes to each request, and may then end the connection."""

    async def handler(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        if close:
            raise ConnectionResetError

    return RawServer(handler)


@asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """Give a port to which nobody can connect, as behind a firewall that drops: its backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.settimeout(0)
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
            fillers.append(filler)
        try:
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


def bare_status(code: int, count: int | None = None, when: str = "before") -> Options:
    """Give the options of an LCM that answers so many calls by a bare status."""
    fault = {"kind": "status", "status": code, "when": when} | ({"count": count} if count else {})
    return Options(faults=(Fault.from_json(fault),))


def retries(metrics: Metrics, method: str = "SkipManualDialContact") -> float:
    """Give how many quick retries were counted."""
    return metrics.registry.get_sample_value("lcm_bridge_lcm_retries_total", {"method": method}) or 0.0
