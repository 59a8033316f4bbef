"""The hand brake: a person pauses a queue for all workers, and lets it go again."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.command import Ended, run_command
from support.envelopes import calls_about, create, dial, od
from support.site import MakeSite, Site
from support.worker import BOUND, Worker, running, until

from bridge.demo.servers import PrivateRedis
from bridge.simulator import Fault

QUICK = {"BRIDGE_REDIS__WATCH_INTERVAL": "0.1", "BRIDGE_AMQP__DEPTH_INTERVAL": "0.2"}


async def command(site: Site, *arguments: str) -> Ended:
    """Run a command at the site, where no settings lie."""
    return await run_command(*arguments, folder=site.worker.log.parent, settings=site.settings)


async def readiness(worker: Worker) -> tuple[int, Any]:
    """Return the status of ``/readyz`` and the queues that it says are paused."""
    status, page = await worker.get("/readyz")
    return status, orjson.loads(page)["paused"]


async def until_waiting(site: Site, queue: str, count: int) -> None:
    """Wait until a queue holds so many messages."""
    async with asyncio.timeout(BOUND):
        while True:
            found = await site.widget.channel.declare_queue(queue, passive=True)
            if count == found.declaration_result.message_count:
                return
            await asyncio.sleep(0.02)


async def until_metric(worker: Worker, sample: str, value: float) -> None:
    """Wait until a sample on ``/metrics`` has a value."""
    async with asyncio.timeout(BOUND):
        while value != await worker.metric(sample):
            await asyncio.sleep(0.02)


async def test_a_paused_queue_keeps_its_requests(make_site: MakeSite) -> None:
    """They wait in the queue, the worker is ready and says so; resumed, they are answered."""
    site = await make_site(**QUICK)
    queue = f"{site.prefix}.requests.campaign"

    paused = await command(site, "pause", "campaign")
    await site.worker.until_logged("consumer.paused")
    await until_metric(site.worker, f'lcm_bridge_consumers{{queue="{queue}"}}', 0)
    asked = [asyncio.create_task(site.widget.ask(create())) for _ in range(5)]
    await until_waiting(site, queue, 5)

    assert (0, f"{queue} is paused; workers stop taking requests within 0.1 s\n") == (
        paused.code,
        paused.output,
    )
    assert (200, {queue: ["by hand"]}) == await readiness(site.worker)
    assert 1.0 == await site.worker.metric(f'lcm_bridge_queue_paused{{queue="{queue}"}}')
    assert 0 == calls_about(site.simulator, "SampleCampaign")
    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]  # the other queue goes on

    resumed = await command(site, "resume", queue)

    assert (0, f"{queue} is resumed; workers take requests within 0.1 s\n") == (resumed.code, resumed.output)
    replies = await asyncio.wait_for(asyncio.gather(*asked), BOUND)
    assert {"ok"} == {reply.headers["x-bridge-status"] for reply in replies}
    assert (200, {}) == await readiness(site.worker)
    assert 0.0 == await site.worker.metric(f'lcm_bridge_queue_paused{{queue="{queue}"}}')
    assert 0 == await site.worker.stop()


async def test_the_brake_holds_every_worker(make_site: MakeSite, tmp_path: Path) -> None:
    """Two workers share it, and one that starts later does not take a request either."""
    site = await make_site(**QUICK)
    queue = f"{site.prefix}.requests.agent"
    async with running(site.settings, tmp_path / "second.log") as second:
        assert 0 == (await command(site, "pause", "agent")).code
        for worker in (site.worker, second):
            await worker.until_logged("consumer.paused")
            await until_metric(worker, f'lcm_bridge_consumers{{queue="{queue}"}}', 0)
        async with running(site.settings, tmp_path / "third.log") as third:
            asked = [asyncio.create_task(site.widget.ask(dial())) for _ in range(30)]
            await until_waiting(site, queue, 30)

            assert (200, {queue: ["by hand"]}) == await readiness(third)
            registered = [event["queue"] for event in third.events("consumer.registered")]
            assert [f"{site.prefix}.requests.campaign"] == registered

            assert 0 == (await command(site, "resume", "agent")).code
            replies = await asyncio.wait_for(asyncio.gather(*asked), BOUND)
            assert {"ok"} == {reply.headers["x-bridge-status"] for reply in replies}
            for worker in (site.worker, second, third):
                await worker.until_logged("consumer.resumed")
                assert 0 == await worker.stop()


async def test_what_has_begun_is_finished_while_paused(make_site: MakeSite) -> None:
    """A call under way when the queue is paused is answered and acknowledged; a drain then ends well."""
    site = await make_site(**QUICK)
    queue = f"{site.prefix}.requests.agent"
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD", count=1))
    asked = asyncio.create_task(site.widget.ask(od("hanging")))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")

    await command(site, "pause", "agent")
    await until_metric(site.worker, f'lcm_bridge_consumers{{queue="{queue}"}}', 0)
    site.simulator.release()

    assert "ContactOD" == (await asyncio.wait_for(asked, BOUND)).body["subtopic"]
    await site.worker.until_logged("request.settled")
    assert 0 == await site.worker.stop()
    await until_waiting(site, queue, 0)


async def test_many_changes_of_mind(make_site: MakeSite) -> None:
    """Paused and resumed again and again under load, every request is answered."""
    site = await make_site(**QUICK | {"BRIDGE_REDIS__WATCH_INTERVAL": "0.01"})
    queue = f"{site.prefix}.requests.agent"
    site.simulator.faults.put(Fault(latency_ms=5, jitter_ms=20))
    asked = [asyncio.create_task(site.widget.ask(od("testagent"))) for _ in range(300)]
    for round_ in range(1, 6):
        await command(site, "pause", "agent")
        await site.worker.until_logged("consumer.paused", round_)
        await command(site, "resume", "agent")
        await site.worker.until_logged("consumer.resumed", round_)

    replies = await asyncio.wait_for(asyncio.gather(*asked), BOUND)

    assert {"ContactOD"} == {reply.body["subtopic"] for reply in replies}
    await until_waiting(site, queue, 0)
    assert 0 == await site.worker.stop()


async def test_pausing_twice_and_resuming_twice(make_site: MakeSite) -> None:
    """Each says what it found, and changes nothing."""
    site = await make_site(**QUICK)
    queue = f"{site.prefix}.requests.agent"

    await command(site, "pause", "agent")
    again = await command(site, "pause", "agent")
    await command(site, "resume", "agent")
    resumed = await command(site, "resume", "agent")

    assert again.output.startswith(f"{queue} is paused already, since 2")
    assert (0, 0, f"{queue} was not paused\n") == (again.code, resumed.code, resumed.output)


@pytest.mark.parametrize("name", ["pause", "resume"])
async def test_an_unknown_queue(site: Site, name: str) -> None:
    """Exit 2, with the names that there are."""
    ended = await command(site, name, "lcm.requests.nobody")

    assert 2 == ended.code
    for known in ("lcm.requests.nobody", f"{site.prefix}.requests.agent", f"{site.prefix}.requests.campaign"):
        assert known in ended.errors


@pytest.mark.parametrize("name", ["pause", "resume"])
async def test_redis_away(tmp_path: Path, name: str) -> None:
    """Exit 1, without a stack."""
    settings = {"BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0"}
    ended = await run_command(name, "agent", folder=tmp_path, settings=settings)

    assert (1, "Redis does not answer; try: lcm-bridge check\n") == (ended.code, ended.errors)


async def test_without_redis_at_the_start(make_site: MakeSite) -> None:
    """Nobody can say that a queue is paused, so it is consumed."""
    site = await make_site(BRIDGE_REDIS__URL="redis://127.0.0.1:1/0")

    assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
    assert site.worker.events("brake.not_known")


async def test_redis_goes_while_paused(make_site: MakeSite) -> None:
    """The queue stays paused, and can be resumed when Redis is back."""
    async with PrivateRedis() as server:
        site = await make_site(**QUICK, BRIDGE_REDIS__URL=server.url)
        queue = f"{site.prefix}.requests.agent"
        await command(site, "pause", "agent")
        await site.worker.until_logged("consumer.paused")
        await server.kill()
        await site.worker.until_logged("redis.away")

        assert (200, {queue: ["by hand"]}) == await readiness(site.worker)

        await server.start()
        await command(site, "resume", "agent")
        await site.worker.until_logged("consumer.resumed")
        assert "ManualDialCall" == (await site.widget.ask(dial())).body["subtopic"]
