"""RabbitMQ is killed, idle and under load: the bridge comes back by itself and loses nothing."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aio_pika
import aiormq
import orjson
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import ChannelNotFoundEntity
from support.connecting import connect
from support.envelopes import Envelope, add_contact, od, skip
from support.permitted import rabbit_with_users, url_for_sites
from support.requester import requester
from support.site import Site, open_site
from support.worker import until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

PREFIX = "outages"
SETTINGS = {
    "BRIDGE_AMQP__PREFIX": PREFIX,
    "BRIDGE_AMQP__RECONNECT_WAIT": "0.1",
    "BRIDGE_AMQP__RECONNECT_WAIT_MAX": "0.5",
    "BRIDGE_AMQP__DEPTH_INTERVAL": "0.2",
    "BRIDGE_CONTACTS__FRESH_FOR": "0",
}

REPLY_QUEUES = ("under-reads", "under-skips", "closed", "frozen")

# The tests' own connections die with the broker, and aiormq leaves their errors to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
async def own_rabbit(
    redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PrivateRabbit]:
    """Run a RabbitMQ that may be killed, with the bridge's and the requesters' queues on its disk.

    RabbitMQ 3.10 that is killed within a second of a queue's declaration may forget it, and bring a quorum
    queue back without a leader, for ever. An orderly restart has it write everything down.
    """
    async with rabbit_with_users(tmp_path_factory.mktemp("rabbit") / "users") as server:
        async with AsyncExitStack() as stack:
            folder = tmp_path_factory.mktemp("declaring")
            site = await open_site(
                stack, url_for_sites(server), redis_server.url, folder, None, SETTINGS, ready=True
            )
            for queue in REPLY_QUEUES:
                await site.widget.channel.declare_queue(queue, durable=True)
        await server.restart()
        yield server


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Let what the garbage collector finds be found within the test that left it."""
    yield
    gc.collect()


@pytest.fixture
async def exposed(
    own_rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path
) -> AsyncIterator[Site]:
    """Run a site on that RabbitMQ; what a test leaves there is removed."""
    async with AsyncExitStack() as stack:
        yield await open_site(
            stack, url_for_sites(own_rabbit), redis_server.url, tmp_path, None, SETTINGS, ready=True
        )
    connection = await connect(own_rabbit.url)
    async with connection:
        channel = await connection.channel()
        for name in ("requests.agent", "requests.campaign", "dead-letters"):
            await (await channel.get_queue(f"{PREFIX}.{name}")).purge()


async def answers(site: Site, url: str) -> None:
    """Check that a new requester is answered."""
    async with requester(url, site.prefix) as widget:
        assert "ContactOD" == (await widget.ask(od("testagent"))).body["subtopic"]


async def publish_all(url: str, prefix: str, queue: str, requests: dict[str, Envelope]) -> None:
    """Publish requests with confirms; their names are their ids, and a durable queue takes the replies."""
    connection = await connect(url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(f"{prefix}.requests", ensure=False)
        await asyncio.gather(
            *(
                exchange.publish(
                    aio_pika.Message(
                        orjson.dumps(request),
                        delivery_mode=2,
                        correlation_id=name,
                        message_id=name,
                        reply_to=queue,
                    ),
                    f"LCM.WebService.{request['subtopic']}",
                )
                for name, request in requests.items()
            )
        )


async def begin(site: Site, url: str, queue: str, requests: dict[str, Envelope]) -> None:
    """Have all requests wait in the queue before a worker starts on them; return in the midst of them."""
    assert 0 == await site.worker.stop()
    await publish_all(url, site.prefix, queue, requests)
    site.simulator.faults.put(Fault(latency_ms=50, jitter_ms=200))
    await site.worker.start()
    await until(lambda: len(site.worker.events("request.settled")) > 50, "the load")


async def collect(url: str, queue: str, expected: set[str]) -> dict[str, list[AbstractIncomingMessage]]:
    """Take messages from a queue until each expected correlation id has come; all of them, by id."""
    found: dict[str, list[AbstractIncomingMessage]] = {}
    connection = await connect(url)
    async with connection:
        channel = await connection.channel()
        source = await channel.get_queue(queue)
        try:
            async with asyncio.timeout(40):
                while not expected <= set(found):
                    message = await source.get(fail=False, no_ack=True)
                    if message is None:
                        await asyncio.sleep(0.02)
                        continue
                    found.setdefault(str(message.correlation_id), []).append(message)
        except TimeoutError:
            missing = sorted(expected - set(found))
            raise AssertionError(f"{len(missing)} were never answered, such as {missing[:5]}") from None
        while message := await source.get(fail=False, no_ack=True):
            found.setdefault(str(message.correlation_id), []).append(message)
    return found


async def test_killed_while_idle(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """After a kill and a restart of the broker the bridge serves again without help; the loss is counted."""
    await own_rabbit.kill()
    await exposed.worker.until_not_ready()
    assert 200 == (await exposed.worker.get("/livez"))[0]
    assert 0.0 == await exposed.worker.metric("lcm_bridge_amqp_connected")

    await own_rabbit.start()
    await exposed.worker.until_ready()

    await answers(exposed, own_rabbit.url)
    await exposed.worker.until_logged("amqp.connected", 8)  # four connections, opened twice
    assert 4.0 == await exposed.worker.metric("lcm_bridge_amqp_reconnects_total")


async def test_killed_under_reads(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """Killed while hundreds of replies are published: every request is answered in the end."""
    requests = {f"read-{number}": od(f"agent{number % 20 + 1}") for number in range(600)}
    await begin(exposed, own_rabbit.url, "under-reads", requests)

    await own_rabbit.kill()
    await own_rabbit.start()

    found = await collect(own_rabbit.url, "under-reads", set(requests))
    assert set(requests) == set(found)
    await nothing_is_left(exposed, own_rabbit)


async def test_killed_under_side_effects(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """Killed while skips are carried out: each is done once and answered with its success."""
    requests = {}
    for number in range(300):
        agent = f"skipper-{number}"
        requests[f"skip-{number}"] = skip(agent, add_contact(exposed.simulator, agent))
    await begin(exposed, own_rabbit.url, "under-skips", requests)

    await own_rabbit.kill()
    await own_rabbit.start()

    found = await collect(own_rabbit.url, "under-skips", set(requests))
    done = Counter(effect.agent for effect in exposed.simulator.effects.effects)
    assert dict.fromkeys((f"skipper-{number}" for number in range(300)), 1) == done
    # The calls went on without the broker, and what it delivered again got their recorded answers.
    assert {"ok"} == {reply.headers["x-bridge-status"] for replies in found.values() for reply in replies}
    await nothing_is_left(exposed, own_rabbit)


async def test_connections_are_closed_under_load(exposed: Site, own_rabbit: PrivateRabbit) -> None:
    """Both connections are closed by a broker that goes on: every read is answered."""
    requests = {f"closed-{number}": od(f"agent{number % 20 + 1}") for number in range(400)}
    await begin(exposed, own_rabbit.url, "closed", requests)

    await own_rabbit.ctl("close_all_connections", "a test")

    assert set(requests) == set(await collect(own_rabbit.url, "closed", set(requests)))
    await nothing_is_left(exposed, own_rabbit)


async def test_a_frozen_broker(own_rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path) -> None:
    """A broker that freezes with replies under way: the heartbeats end, and no request is forgotten."""
    requests = {f"frozen-{number}": od(f"agent{number % 20 + 1}") for number in range(150)}
    settings = SETTINGS | {"BRIDGE_AMQP__HEARTBEAT": "1", "BRIDGE_AMQP__PUBLISH_TIMEOUT": "30"}
    async with AsyncExitStack() as stack:
        site = await open_site(
            stack, url_for_sites(own_rabbit), redis_server.url, tmp_path, None, settings, ready=True
        )
        site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD"))
        await publish_all(own_rabbit.url, site.prefix, "frozen", requests)
        await until(lambda: site.simulator.hung > 0, "the calls")
        own_rabbit.pause()
        site.simulator.faults.clear()
        site.simulator.release()
        try:
            await site.worker.until_not_ready()
        finally:
            own_rabbit.resume()
        await site.worker.until_ready()

        assert set(requests) == set(await collect(own_rabbit.url, "frozen", set(requests)))
        await nothing_is_left(site, own_rabbit)


async def nothing_is_left(site: Site, rabbit: PrivateRabbit) -> None:
    """Check that the request queue is empty, nothing is in flight and no task ended without a word."""
    queue = f"{site.prefix}.requests.agent"
    async with asyncio.timeout(20):
        while await site.worker.metric(f'lcm_bridge_requests_in_flight{{queue="{queue}"}}'):
            await asyncio.sleep(0.05)
    connection = await connect(rabbit.url)
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        assert 0 == declared.declaration_result.message_count
    assert [] == site.worker.events("consumer.task_failed")
    assert [] == site.worker.events("request.internal_error")


async def test_started_before_the_broker(
    own_rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    """A worker that starts without a broker is alive and not ready, says what is missing, and then serves."""
    async with AsyncExitStack() as stack:
        site = await open_site(
            stack, url_for_sites(own_rabbit), redis_server.url, tmp_path, None, SETTINGS, ready=True
        )
        assert 0 == await site.worker.stop()
        await own_rabbit.kill()
        await site.worker.start(ready=False)
        await until(lambda: len(site.worker.events("worker.started")) == 2, "the second start")

        await site.worker.until_logged("amqp.connection_failed")
        assert 200 == (await site.worker.get("/livez"))[0]
        status, page = await site.worker.get("/readyz")
        assert 503 == status
        assert {
            "connection lcm-bridge requests",
            "connection lcm-bridge replies",
            f"consumer of {site.prefix}.requests.agent",
            f"consumer of {site.prefix}.requests.campaign",
            "reply channel",
            "exchanges and queues",
        } == set(orjson.loads(page)["missing"])

        await own_rabbit.start()
        await site.worker.until_ready()
        await answers(site, own_rabbit.url)


@pytest.mark.parametrize("name", ["requests.agent", "requests.campaign", "dead-letters"])
async def test_a_deleted_queue_is_declared_again(exposed: Site, own_rabbit: PrivateRabbit, name: str) -> None:
    """A queue that somebody deletes is declared anew and served; nobody restarts the worker."""
    queue = f"{exposed.prefix}.{name}"

    await exposed.widget.channel.queue_delete(queue)

    connection = await aiormq.connect(own_rabbit.url)
    async with asyncio.timeout(20):
        while True:
            probe = await connection.channel()
            try:
                declared = await probe.queue_declare(queue, passive=True)
            except ChannelNotFoundEntity:
                await asyncio.sleep(0.05)
                continue
            if name == "dead-letters" or declared.consumer_count:
                break
            await probe.close()
    await connection.close()
    if name == "dead-letters":
        await exposed.widget.publish(od(""))
        assert "failure-without-reply-to" == (await exposed.widget.dead_letter()).headers["x-reason"]
    else:
        reply = await exposed.widget.ask(od("testagent"), queue=queue)
        assert "ContactOD" == reply.body["subtopic"]
