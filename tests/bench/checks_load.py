"""The load sees what becomes of its requests, against consumers that answer well and badly."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aio_pika
import orjson
import pytest
from chaos.proxy import Proxy
from support.load_consumers import Reply, body, consumer, right_body

from bench.amqp import AmqpFailed
from bench.load import Plan, run
from bench.load_tally import Outcome, Tally
from bench.work import Work, WorkName, od_contact
from bridge.demo.servers import PrivateRabbit

BOUND = 30.0

TROUBLED = 2
"""The number of the request that a consumer misbehaves at; later ones are answered after it."""


@pytest.fixture
async def own_rabbit() -> AsyncIterator[PrivateRabbit]:
    """Run a RabbitMQ whose every connection may be closed."""
    async with PrivateRabbit() as server:
        yield server


def plan(url: str, queue: str, **changes: Any) -> Plan:
    """Plan a short run of reads in a closed loop."""
    plain: dict[str, Any] = {"work": "read", "window": 5, "seconds": 0.3, "drain_seconds": 20.0}
    return Plan(amqp_url=url, queue=queue, **{**plain, **changes})


async def load(url: str, queue: str, **changes: Any) -> Outcome:
    """Carry out a short run."""
    async with asyncio.timeout(BOUND):
        return await run(plan(url, queue, **changes))


@pytest.mark.parametrize("work", ["read", "side-effect"])
@pytest.mark.parametrize("pace", [{"window": 5}, {"window": None, "rate": 100.0}])
async def test_right_replies(rabbit: PrivateRabbit, work: WorkName, pace: dict[str, Any]) -> None:
    """Each request that is rightly answered once counts as that, in both works and both loops."""
    async with consumer(rabbit.url) as answering:
        outcome = await load(rabbit.url, answering.queue, work=work, **pace)
        assert outcome.sent == outcome.answered == len(answering.requests) > TROUBLED
    assert (outcome.lost, outcome.repeated, outcome.wrong, outcome.first_wrong) == (0, 0, 0, None)
    assert 0 < outcome.measured <= outcome.answered
    assert outcome.marks[1] - outcome.marks[0] == pytest.approx(outcome.seconds, abs=1e-5)
    assert outcome.latency_ms["p50"] <= outcome.latency_ms["p99"] <= outcome.latency_ms["max"]


async def test_request_properties(rabbit: PrivateRabbit) -> None:
    """A request is persistent JSON with unique ids, a timestamp and the load's reply queue."""
    async with consumer(rabbit.url) as answering:
        await load(rabbit.url, answering.queue)
        requests = answering.requests
    assert len({request.message_id for request in requests}) == len(requests)
    assert len({request.reply_to for request in requests}) == 1
    for request in requests:
        assert request.correlation_id == request.message_id
        assert request.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        assert request.content_type == "application/json"
        assert request.timestamp is not None


async def test_lost_reply(rabbit: PrivateRabbit) -> None:
    """A request that is never answered is lost."""

    def forgetful(number: int, reply: Reply) -> Sequence[Reply]:
        return [] if number == TROUBLED else [reply]

    async with consumer(rabbit.url, forgetful) as answering:
        outcome = await load(rabbit.url, answering.queue, drain_seconds=2.0)
    assert (outcome.lost, outcome.repeated, outcome.wrong) == (1, 0, 0)
    assert outcome.answered == outcome.sent - 1


async def test_repeated_reply(rabbit: PrivateRabbit) -> None:
    """A second answer to a request is a repeated one."""

    def stammering(number: int, reply: Reply) -> Sequence[Reply]:
        return [reply, reply] if number == TROUBLED else [reply]

    async with consumer(rabbit.url, stammering) as answering:
        outcome = await load(rabbit.url, answering.queue)
    assert (outcome.lost, outcome.repeated, outcome.wrong) == (0, 1, 0)
    assert outcome.answered == outcome.sent


FAILED = body("ContactOD", {"success": False, "errorType": "CONTACT_NOT_FOUND"})


@pytest.mark.parametrize(
    ("work", "wrong"),
    [
        ("read", body("ContactOD", od_contact("agent-999999"))),
        ("read", body("ContactOD", {"AccountNumber": "137|1|agent-000003|0|0|84|1"})),
        ("read", FAILED),
        ("read", b"{"),
        ("read", b""),
        ("read", b"[]"),
        ("side-effect", body("CreateContactResponse", "77|1|999999999999|0|0|84|0")),
        ("side-effect", body("CreateContactResponse", None)),
    ],
)
async def test_wrong_reply(rabbit: PrivateRabbit, work: WorkName, wrong: bytes) -> None:
    """A reply with another body than the request's own is wrong, and the first one is shown."""

    def confused(number: int, reply: Reply) -> Sequence[Reply]:
        return [(reply[0], wrong)] if number == TROUBLED else [reply]

    async with consumer(rabbit.url, confused) as answering:
        outcome = await load(rabbit.url, answering.queue, work=work)
    assert (outcome.lost, outcome.repeated, outcome.wrong) == (0, 0, 1)
    key = Work(work).key(1 + TROUBLED).decode()
    assert outcome.first_wrong is not None
    assert outcome.first_wrong.startswith(f"the reply to {key} is ")


async def test_unknown_correlation_id(rabbit: PrivateRabbit) -> None:
    """A reply whose correlation id nobody sent is wrong, also where only the number was never sent."""

    def inventive(number: int, reply: Reply) -> Sequence[Reply]:
        run_id = reply[0].partition("-")[0]
        strays = [("nobody's", reply[1]), (f"{run_id}-999999999999", reply[1])]
        return [*strays, reply] if number == TROUBLED else [reply]

    async with consumer(rabbit.url, inventive) as answering:
        outcome = await load(rabbit.url, answering.queue)
    assert (outcome.lost, outcome.repeated, outcome.wrong) == (0, 0, 2)
    assert outcome.first_wrong == 'a reply to the unknown correlation id "nobody\'s"'


async def test_bodies_larger_than_a_frame(rabbit: PrivateRabbit) -> None:
    """Requests and replies of several frames arrive whole."""
    async with consumer(rabbit.url, padding=300_000) as answering:
        for work in ("read", "side-effect"):
            outcome = await load(rabbit.url, answering.queue, work=work, body_bytes=300_000, window=2)
            assert (outcome.lost, outcome.wrong) == (0, 0)
        assert min(len(request.body) for request in answering.requests) >= 300_000
        assert all(orjson.loads(request.body) for request in answering.requests)


async def test_several_contacts(rabbit: PrivateRabbit) -> None:
    """A read of several contacts is right only with all of them."""

    def frugal(number: int, reply: Reply) -> Sequence[Reply]:
        request = orjson.loads(reply[1])
        request["message"]["response"].pop()
        return [(reply[0], orjson.dumps(request))] if number == TROUBLED else [reply]

    async with consumer(rabbit.url, frugal) as answering:
        outcome = await load(rabbit.url, answering.queue, contacts=3)
    assert (outcome.lost, outcome.wrong) == (0, 1)


async def test_latency_from_scheduled_time(rabbit: PrivateRabbit) -> None:
    """While a worker stalls, the open loop goes on, and the wait of each request counts from its due time.

    The first reply cannot come before the 20th request was sent, which is 19 intervals after the first.
    """
    async with consumer(rabbit.url, hold=20) as stalling:
        outcome = await load(rabbit.url, stalling.queue, window=None, rate=100.0, seconds=0.5)
    assert outcome.lost == 0
    assert outcome.sent >= 20
    assert outcome.latency_ms["max"] >= 19 / 100 * 1000


async def test_latency_of_a_late_load(rabbit: PrivateRabbit) -> None:
    """Where the load itself is late, that is part of the latency and shown on its own."""

    def stall(mark: str) -> None:
        if mark == "begin":
            time.sleep(0.2)

    async with consumer(rabbit.url) as answering:
        open_loop = plan(rabbit.url, answering.queue, window=None, rate=100.0, warm_up=0.1)
        async with asyncio.timeout(BOUND):
            outcome = await run(open_loop, stall)
    # The first request of the interval is due at most 10 ms after its begin, and sent after the stall.
    assert outcome.latency_ms["max"] >= outcome.late_ms["max"] >= 190


def test_latency_arithmetic() -> None:
    """Latency is arrival less due time, lateness sending less due time, of what was due in the interval."""
    tally, work = Tally(Work("read"), b"run00000", 1), Work("read")
    early, _ = tally.send(due=9.0, now=9.0)
    tally.begin(10.0)
    requests = [tally.send(due=10.0 + number, now=10.5 + number) for number in range(4)]
    tally.end(13.0)  # the last one is due at its end, and so no longer in it
    replies = [early, *(identity for identity, _ in requests)]
    for number, identity in enumerate(replies):
        key = work.key(1 + number).decode()
        tally.reply(identity, body("ContactOD", od_contact(key)), 20.0)
    outcome = tally.outcome()
    assert (outcome.answered, outcome.wrong) == (5, 0)
    assert outcome.latency_ms == {"p50": 9000, "p90": 10000, "p99": 10000, "p99.9": 10000, "max": 10000}
    assert outcome.late_ms["max"] == 500
    assert (outcome.seconds, outcome.marks) == (3.0, (10.0, 13.0))


async def test_missing_queue(rabbit: PrivateRabbit) -> None:
    """A queue that is not there ends the run with the broker's reason."""
    with pytest.raises(AmqpFailed, match="404 NOT_FOUND"):
        await load(rabbit.url, "bench.nobody")


async def test_refused_login(rabbit: PrivateRabbit) -> None:
    """A password that the broker refuses ends the run with the broker's reason."""
    with pytest.raises(AmqpFailed, match="403 ACCESS_REFUSED"):
        await load(rabbit.url.replace("guest@", "stranger@"), "bench.nobody")


@pytest.mark.parametrize("orderly", [True, False])
async def test_lost_connection(own_rabbit: PrivateRabbit, *, orderly: bool) -> None:
    """A connection that the broker closes, or that is cut, ends the run, however long it should take."""
    begun = asyncio.Event()
    proxy = Proxy(own_rabbit.port)
    await proxy.start()
    try:
        async with consumer(own_rabbit.url) as answering:
            url = own_rabbit.url.replace(str(own_rabbit.port), str(proxy.port))
            endless = plan(url, answering.queue, seconds=3600.0)
            running = asyncio.create_task(run(endless, lambda _: begun.set()))
            async with asyncio.timeout(BOUND):
                await begun.wait()
                if orderly:
                    await own_rabbit.ctl("close_all_connections", "a test")
                else:
                    proxy.cut()
                with pytest.raises((AmqpFailed, OSError)) as raised:
                    await running
            assert "CONNECTION_FORCED" in str(raised.value) or not orderly
    finally:
        await proxy.stop()


async def test_command_line(rabbit: PrivateRabbit) -> None:
    """The program prints both marks and then the outcome, and nothing else."""
    async with consumer(rabbit.url) as answering:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", "--amqp-url", rabbit.url, "--queue", answering.queue),
            *("--work", "side-effect", "--rate", "50", "--seconds", "0.3", "--warm-up", "0.1"),
            *("--first-number", "700"),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(BOUND):
            printed, _ = await process.communicate()
        numbers = {orjson.loads(request.body)["data"]["Modes"] for request in answering.requests}
    begin, end, outcome = (json.loads(line) for line in printed.splitlines())
    assert (begin, end) == ({"mark": "begin"}, {"mark": "end"})
    assert outcome["sent"] == outcome["answered"] == len(numbers)
    assert any("<Cvalue>000000000700<" in number for number in numbers)
    assert process.returncode == 0


@pytest.mark.parametrize(
    "changes",
    [{"rate": 5.0}, {"window": None}, {"window": 0}, {"seconds": 0.0}, {"warm_up": -1.0}, {"agents": 0}],
)
async def test_impossible_plan(rabbit: PrivateRabbit, changes: dict[str, Any]) -> None:
    """A plan that cannot be is refused."""
    with pytest.raises(ValueError, match=r"at least|above"):
        await load(rabbit.url, "bench.nobody", **changes)


def test_right_body_of_every_work() -> None:
    """The consumers of these tests know every request that the load can send."""
    for work in (Work("read"), Work("read", contacts=3), Work("side-effect", body_bytes=5000)):
        key = work.key(7)
        request = work.opening + key + work.rest
        reply = right_body(orjson.loads(request))
        assert work.problem(key, reply) is None
        assert work.problem(work.key(8), reply) is not None
