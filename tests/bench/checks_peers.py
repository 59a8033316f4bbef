"""The bridge's peers in the benchmark do the bridge's work: one suite for all of them.

They are not installed by ``make setup``: scripts/setup.sh --bench.
"""

import json
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from redis.asyncio import Redis
from support.envelopes import create, od
from support.peer_processes import AGENT, CONTACT, ECHO, NO_PYTHON, PEERS, Peer, declare, lcm, started
from support.requester import Reply, Requester, requester
from support.site import name_of_letters
from support.worker import running

from bench.work import WORK_NAMES, Work
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Simulator
from bridge.simulator.faults import Fault


@dataclass(frozen=True)
class Answers:
    """What came of a read and a side effect: the replies, and what LCM was asked."""

    read: Reply
    creation: Reply
    calls: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Run:
    """A peer's answers, what it left behind in Redis, and how it ended."""

    answers: Answers
    again: Answers
    keys: Mapping[Any, int]
    contact: Any
    record: Any
    exit_code: int


async def ask_both(
    widget: Requester, queues: Sequence[str], simulator: Simulator, name: str = "once"
) -> Answers:
    """Ask for a contact, then create one; ``name`` is in the ids of both requests."""
    read = await widget.ask(
        od(AGENT), queue=queues[0], message_id=f"read-{name}", correlation_id=f"first-{name}"
    )
    creation = await widget.ask(
        create(), queue=queues[1], message_id=f"create-{name}", correlation_id=f"second-{name}"
    )
    calls = [(call.method, json.loads(call.body or "")) for call in simulator.calls.calls]
    return Answers(read, creation, calls)


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
        queues = await declare(stack, rabbit.url)
        async with started(
            peer,
            tmp_path_factory.mktemp("peer"),
            amqp_url=rabbit.url,
            redis_url=redis_url,
            lcm_url=simulator.base_url,
            queues=queues,
        ) as process:
            answers = await ask_both(widget, queues, simulator)
            again = await ask_both(widget, queues, simulator, "again")
            process.process.send_signal(signal.SIGTERM)
            exit_code = await process.ended()
        keys = {key: await redis.pttl(key) for key in await redis.keys("*")}
        contact = await redis.hget(f"{peer.keys}:contacts:{AGENT}", CONTACT["AccountNumber"])
        record = await redis.get(f"{peer.keys}:request:create-once")
        yield peer, Run(answers, again, keys, contact, record, exit_code)


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
    contacts = f"{peer.keys}:contacts:{AGENT}".encode()
    records = {f"{peer.keys}:request:create-{name}".encode() for name in ("once", "again")}
    assert {contacts} | records == set(done.keys)
    assert 0 < done.keys[contacts] <= 120_000
    assert all(60_000 < done.keys[record] <= 86_400_000 for record in records)


def test_a_peer_acknowledges_what_it_answered(run: tuple[Peer, Run]) -> None:
    """With a prefetch of one, the next request of each queue is answered too."""
    _, done = run

    assert done.answers.read.body == done.again.read.body
    assert "second-again" == done.again.creation.message.correlation_id


def test_a_peer_ends_when_asked(run: tuple[Peer, Run]) -> None:
    """SIGTERM ends it with 0."""
    _, done = run

    assert 0 == done.exit_code


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
        queues = await declare(stack, rabbit.url)
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


@NO_PYTHON
async def test_the_echo_answers_without_lcm(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    """Its replies are what the load takes for right, and as persistent as the bridge's; LCM is not called."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(lcm())
        widget = await stack.enter_async_context(requester(rabbit.url, "unused"))
        queues = await declare(stack, rabbit.url)
        process = await stack.enter_async_context(
            started(
                ECHO,
                tmp_path,
                amqp_url=rabbit.url,
                redis_url=redis_server.url,
                lcm_url=simulator.base_url,
                queues=queues,
            )
        )
        for queue, name in zip(queues, WORK_NAMES, strict=True):
            work = Work(name)
            for number in (1, 2):
                key = work.key(number)
                body = work.opening + key + work.rest
                reply = await widget.ask(body, queue=queue, correlation_id=f"{name}-{number}")

                assert work.problem(key, reply.message.body) is None
                assert f"{name}-{number}" == reply.message.correlation_id
                assert aio_pika.DeliveryMode.PERSISTENT == reply.message.delivery_mode
        assert [] == list(simulator.calls.calls)
        process.process.send_signal(signal.SIGTERM)
        assert 0 == await process.ended()
