"""The bridge's peers in the benchmark do the bridge's work: one suite for all of them.

They are not installed by ``make setup``: scripts/setup.sh --bench.
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from redis.asyncio import Redis
from support.envelopes import add_contact, create, od
from support.requester import Reply, Requester, requester
from support.site import name_of_letters
from support.worker import BOUND, running, until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Simulator
from bridge.simulator.faults import Fault

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-bench/bin/python"
NODE = ROOT / "bench/peers/node"
AGENT = "agent-000001"
CONTACT: dict[str, Any] = {
    "kind": "od",
    "AccountNumber": "137|1|3|0|0|84|1",
    "CampaignId": "SamplePreviewCampaign-ACQ",
    "ExpiryTime": "Dec 31 2099 11:59PM",
    "CallbackTime": "Dec 31 2099 11:59PM",
    "Queue": "Schlange ä",
}

NO_PYTHON = pytest.mark.skipif(
    not PYTHON.exists(), reason="the peers' packages are not installed: scripts/setup.sh --bench"
)
NO_NODE = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").exists(),
    reason="node or the peer's packages are not installed: scripts/setup.sh --bench",
)


@dataclass(frozen=True)
class Peer:
    """How a peer is started, and the prefix of what it writes into Redis, if it does."""

    command: Sequence[str]
    keys: str | None = None


def python_peer(name: str, keys: str | None = None) -> Any:
    """Return a peer that is a module of ours."""
    return pytest.param(Peer((str(PYTHON), "-m", f"bench.peers.{name}"), keys), id=name, marks=NO_PYTHON)


PEERS = [
    python_peer("bare"),
    python_peer("faststream_httpx", "bench.faststream-httpx"),
    python_peer("faststream_tuned", "bench.faststream-tuned"),
    pytest.param(Peer(("node", str(NODE / "peer.mjs")), "bench.node"), id="node", marks=NO_NODE),
]


@dataclass(frozen=True)
class Answers:
    """What came of a read and a side effect: the replies, and what LCM was asked."""

    read: Reply
    creation: Reply
    calls: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Run:
    """A peer's answers, what it left behind in Redis and in its queues, and how it ended."""

    answers: Answers
    keys: Mapping[Any, int]
    contact: Any
    record: Any
    left: int
    exit_code: int


@asynccontextmanager
async def lcm() -> AsyncIterator[Simulator]:
    """Run an LCM that gives everybody the same contact, and the same keys to what is created."""
    async with Simulator().running() as simulator:
        add_contact(simulator, AGENT, **CONTACT)
        yield simulator


async def ask_both(widget: Requester, queues: Sequence[str], simulator: Simulator) -> Answers:
    """Ask for a contact, then create one."""
    read = await widget.ask(od(AGENT), queue=queues[0], message_id="read", correlation_id="first")
    creation = await widget.ask(create(), queue=queues[1], message_id="create", correlation_id="second")
    calls = [(call.method, json.loads(call.body or "")) for call in simulator.calls.calls]
    return Answers(read, creation, calls)


@dataclass
class Process:
    """A peer that runs."""

    process: asyncio.subprocess.Process
    errors: Path

    async def ended(self) -> int:
        """Wait for its end and return the exit code."""
        return await asyncio.wait_for(self.process.wait(), BOUND)


@asynccontextmanager
async def started(
    peer: Peer, folder: Path, *, amqp_url: str, redis_url: str, lcm_url: str, queues: Sequence[str]
) -> AsyncIterator[Process]:
    """Run a peer for the length of a block, which begins when it consumes."""
    output, errors = folder / "output", folder / "errors"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BENCH_AMQP_URL": amqp_url,
        "BENCH_REDIS_URL": redis_url,
        "BENCH_LCM_URL": f"{lcm_url.rstrip('/')}/",
        "BENCH_QUEUES": ",".join(queues),
        "BENCH_PREFETCH": "200",
    }
    with output.open("wb") as out, errors.open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *peer.command, env=environment, stdout=out, stderr=err, cwd=folder
        )
    try:
        await until(
            lambda: process.returncode is not None or "ready" in output.read_text().splitlines(),
            f"{peer.command} is ready",
        )
        assert process.returncode is None, errors.read_text()
        yield Process(process, errors)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def declare(stack: AsyncExitStack, url: str) -> tuple[aio_pika.abc.AbstractChannel, list[str]]:
    """Declare an agent and a campaign queue of one's own; they last as long as the stack."""
    connection = await stack.enter_async_context(await aio_pika.connect(url))
    channel = await connection.channel()
    queues = [f"{name_of_letters()}.{kind}" for kind in ("agent", "campaign")]
    for queue in queues:
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        stack.push_async_callback(channel.queue_delete, queue)
    return channel, queues


async def count_left(channel: aio_pika.abc.AbstractChannel, queues: Sequence[str]) -> int:
    """Count the requests that nobody has acknowledged; the consumers must have ended."""
    declared = [await channel.declare_queue(queue, passive=True) for queue in queues]
    return sum(queue.declaration_result.message_count or 0 for queue in declared)


@pytest.fixture(scope="module")
async def expected(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """Return what comes of the two requests when the bridge gets them."""
    prefix = name_of_letters()
    async with lcm() as simulator, requester(rabbit.url, prefix) as widget:
        settings = {
            "BRIDGE_AMQP__URL": rabbit.url,
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": redis_server.url,
            "BRIDGE_REDIS__PREFIX": prefix,
            "BRIDGE_LCM__BASE_URL": simulator.base_url,
        }
        async with running(settings, tmp_path_factory.mktemp("bridge") / "bridge.log"):
            queues = [f"{prefix}.requests.agent", f"{prefix}.requests.campaign"]
            return await ask_both(widget, queues, simulator)


@pytest.fixture(scope="module", params=PEERS)
async def run(
    request: pytest.FixtureRequest,
    rabbit: PrivateRabbit,
    redis_server: PrivateRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Peer, Run]]:
    """Run a peer that gets the two requests, and is then asked to end."""
    peer: Peer = request.param
    redis_url = redis_server.url.removesuffix("/0") + "/9"
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(lcm())
        widget = await stack.enter_async_context(requester(rabbit.url, "unused"))
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        await redis.flushdb()
        channel, queues = await declare(stack, rabbit.url)
        async with started(
            peer,
            tmp_path_factory.mktemp("peer"),
            amqp_url=rabbit.url,
            redis_url=redis_url,
            lcm_url=simulator.base_url,
            queues=queues,
        ) as process:
            answers = await ask_both(widget, queues, simulator)
            process.process.send_signal(signal.SIGTERM)
            exit_code = await process.ended()
        keys = {key: await redis.pttl(key) for key in await redis.keys("*")}
        contact = await redis.hget(f"{peer.keys}:contacts:{AGENT}", CONTACT["AccountNumber"])
        record = await redis.get(f"{peer.keys}:request:create")
        left = await count_left(channel, queues)
        yield peer, Run(answers, keys, contact, record, left, exit_code)


def test_a_peer_replies_as_the_bridge_does(run: tuple[Peer, Run], expected: Answers) -> None:
    """Body, correlation id, content type and persistence of both replies are those of the bridge's."""
    _, done = run

    for right, reply in ((expected.read, done.answers.read), (expected.creation, done.answers.creation)):
        assert right.message.body == reply.message.body
        assert right.message.correlation_id == reply.message.correlation_id
        assert right.message.content_type == reply.message.content_type
        assert right.message.delivery_mode == reply.message.delivery_mode


def test_a_peer_asks_lcm_as_the_bridge_does(run: tuple[Peer, Run], expected: Answers) -> None:
    """Methods and parameters of both calls are those of the bridge's."""
    _, done = run

    assert expected.calls == done.answers.calls


def test_a_peer_records_what_it_did(run: tuple[Peer, Run]) -> None:
    """The contact and the reply to the side effect are in Redis, for a while; (a) writes nothing there."""
    peer, done = run

    if peer.keys is None:
        assert {} == done.keys
        return
    assert done.contact is not None
    assert done.answers.read.response == json.loads(done.contact)
    assert done.record is not None
    assert done.answers.creation.body == json.loads(done.record)
    contacts, record = f"{peer.keys}:contacts:{AGENT}".encode(), f"{peer.keys}:request:create".encode()
    assert {contacts, record} == set(done.keys)
    assert 0 < done.keys[contacts] <= 120_000
    assert 60_000 < done.keys[record] <= 86_400_000


def test_a_peer_acknowledges_and_ends_when_asked(run: tuple[Peer, Run]) -> None:
    """SIGTERM ends it with 0, and no request is left in its queues."""
    _, done = run

    assert 0 == done.exit_code
    assert 0 == done.left


@dataclass(frozen=True)
class Mishap:
    """Something that goes wrong with a request, and what the peer's message holds then."""

    told: str
    fault: Fault | None = None
    work: int = 0
    reply_to: str | None = None


MISHAPS = [
    pytest.param(Mishap("500", fault=Fault(kind="fault")), id="a fault"),
    pytest.param(Mishap("no contact", fault=Fault(kind="result", result=None)), id="no contact"),
    pytest.param(
        Mishap("created nothing", fault=Fault(kind="result", result=False), work=1), id="nothing created"
    ),
    pytest.param(Mishap("", reply_to="nobody-waits-here"), id="a reply to nobody"),
]


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("peer", PEERS)
async def test_a_peer_hides_no_failure(
    peer: Peer, mishap: Mishap, rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    """Whatever goes wrong with a request, the process ends with an exit code other than 0 and says why."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(lcm())
        if mishap.fault is not None:
            simulator.faults.put(mishap.fault)
        widget = await stack.enter_async_context(requester(rabbit.url, "unused"))
        _, queues = await declare(stack, rabbit.url)
        process = await stack.enter_async_context(
            started(
                peer,
                tmp_path,
                amqp_url=rabbit.url,
                redis_url=redis_server.url,
                lcm_url=simulator.base_url,
                queues=queues,
            )
        )

        await widget.publish(
            (od(AGENT), create())[mishap.work],
            queue=queues[mishap.work],
            message_id=uuid4().hex,
            correlation_id="failing",
            reply_to=mishap.reply_to or widget.reply_queue.name,
        )

        assert 0 < await process.ended()
        assert process.errors.read_text().strip()
        assert mishap.told in process.errors.read_text()
        assert [] == widget.unexpected
