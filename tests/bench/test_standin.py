"""The stand-in answers what the bridge takes, and counts what it was asked."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from bench.work import Work
from bridge.envelope import parse
from bridge.lcm.wire import read_answer
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules
from bridge.replies import encode, reply_body
from bridge.strictjson import Limits

BOUND = 20.0


class Standin:
    """The running program, by HTTP."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.session = session
        self.port = port

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and body of an answer."""
        async with self.session.post(path, data=body) as answer:
            return answer.status, await answer.read()

    async def set(self, **settings: Any) -> None:
        """Change settings."""
        status, body = await self.post("/bench/settings", orjson.dumps(settings))
        assert (status, orjson.loads(body).items() >= settings.items()) == (200, True)

    async def stats(self) -> Any:
        """Return the counts."""
        async with self.session.get("/bench/stats") as answer:
            assert answer.status == 200
            return await answer.json()

    async def answer(self, work: Work, number: int) -> bytes:
        """Return the reply's body that the bridge makes of the answer to a request of the load."""
        envelope = parse(work.opening + work.key(number) + work.rest, Limits())
        operation, route = Catalogue(Rules()).find(envelope)
        command = operation.translate(envelope)
        assert command.call is not None
        method, parameters = command.call
        status, body = await self.post(f"/some/lcm.svc/{method}", orjson.dumps(parameters))
        answer = operation.answer(command, read_answer(status, body))
        return encode(reply_body(route.reply, answer.message))


@asynccontextmanager
async def running() -> AsyncIterator[Standin]:
    """Run the stand-in on a free port; it must end orderly."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.standin", "--port", "0"),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(BOUND):
            port = json.loads(await process.stdout.readline())["port"]
        timeout = aiohttp.ClientTimeout(total=BOUND)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as session:
            yield Standin(session, port)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(BOUND):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    """Run a stand-in of the test's own."""
    async with running() as one:
        yield one


@pytest.mark.parametrize(
    "work",
    [
        Work("read"),
        Work("read", body_bytes=4096),
        Work("read", contacts=5),
        Work("side-effect"),
        Work("side-effect", body_bytes=8192),
    ],
    ids=["read", "padded read", "five contacts", "side-effect", "padded side-effect"],
)
async def test_the_bridge_takes_the_answers(standin: Standin, work: Work) -> None:
    """The bridge takes each request of the load, and makes the right reply of the stand-in's answer."""
    await standin.set(contacts=5 if b"NumberOfContacts" in work.opening + work.rest else 1, contact_bytes=100)
    for number in (1, 2):
        reply = await standin.answer(work, number)
        assert work.problem(work.key(number), reply) is None
        assert work.problem(work.key(number + 1), reply) is not None


async def test_spacing_of_json(standin: Standin) -> None:
    """It matters not how a client spaces its JSON."""
    for body in (b'{"UserID":"agent-7"}', b'{ "UserID" : "agent-7" }'):
        status, answer = await standin.post("/GetReservedContactOD", body)
        assert (status, orjson.loads(answer)["d"]["AccountNumber"]) == (200, "137|1|agent-7|0|0|84|1")


async def test_repeated_effect(standin: Standin) -> None:
    """An effect carried out twice is counted as such, and `reset` forgets it."""
    work = Work("side-effect")
    for number in (1, 2, 1, 3):
        await standin.answer(work, number)
    await standin.answer(Work("read"), 1)
    calls = {"CreateContact": 4, "GetReservedContactOD": 1}
    assert await standin.stats() == {"calls": calls, "effects": 4, "repeated_effects": 1}
    assert (await standin.post("/bench/reset", b""))[0] == 200
    assert await standin.stats() == {"calls": {}, "effects": 0, "repeated_effects": 0}
    await standin.answer(work, 1)
    assert (await standin.stats())["repeated_effects"] == 0


async def test_contact_settings(standin: Standin) -> None:
    """`contacts` says how many there are in a read's answer, `contact_bytes` how much larger each is."""
    body = b'{"AgentID":"agent-7"}'
    _, plain = await standin.post("/GetReservedManualDialContact", body)
    await standin.set(contacts=3, contact_bytes=1000)
    _, large = await standin.post("/GetReservedManualDialContact", body)
    assert [len(orjson.loads(answer)["d"]) for answer in (plain, large)] == [1, 3]
    assert (
        len(orjson.dumps(orjson.loads(large)["d"][0])) - len(orjson.dumps(orjson.loads(plain)["d"][0]))
        == 1000
    )


async def test_latency(standin: Standin) -> None:
    """No answer of LCM comes before its latency is over; control is answered at once."""
    await standin.set(latency_ms=3_600_000)
    slow = asyncio.create_task(standin.post("/GetReservedContactOD", b'{"UserID":"agent-7"}'))
    async with asyncio.timeout(BOUND):
        while not (await standin.stats())["calls"]:
            await asyncio.sleep(0.01)
        await standin.set(latency_ms=0)
        await standin.post("/GetReservedContactOD", b'{"UserID":"agent-7"}')
    assert not slow.done()
    slow.cancel()
    await asyncio.wait({slow}, timeout=BOUND)


@pytest.mark.parametrize(
    "settings",
    [
        b"{",
        b"[]",
        b'{"latency": 1}',
        b'{"latency_ms": -1}',
        b'{"contacts": 0}',
        b'{"contacts": true}',
        b'{"contact_bytes": 1.5}',
    ],
)
async def test_bad_settings(standin: Standin, settings: bytes) -> None:
    """Settings that cannot be are refused with 400 and change nothing."""
    assert (await standin.post("/bench/settings", settings))[0] == 400
    _, unchanged = await standin.post("/bench/settings", b"{}")
    assert orjson.loads(unchanged) == {"latency_ms": 0, "contacts": 1, "contact_bytes": 0}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/GetReservedContactOD", b"{}", 400),
        ("/CreateContact", b'{"Modes": "<Data></Data>"}', 400),
        ("/SomethingElse", b"{}", 404),
        ("/bench/elsewhere", b"{}", 404),
    ],
)
async def test_what_it_cannot_answer(standin: Standin, path: str, body: bytes, status: int) -> None:
    """A call without its agent or number, or of an unknown method, is refused: no variant can hide it."""
    assert (await standin.post(path, body))[0] == status


async def test_no_http(standin: Standin) -> None:
    """What is no HTTP is cut off, and others are served on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
    writer.write(b"AMQP\x00\x00\x09\x01\r\n\r\n")
    async with asyncio.timeout(BOUND):
        assert await reader.read() == b""
    writer.close()
    assert (await standin.stats())["calls"] == {}
