"""Redis goes away, by a crash and by a freeze: reads go on, the worker stays ready, the cache comes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from support.envelopes import add_contact, calls_about, manual, od
from support.permitted import url_for_sites
from support.site import Site, name_of_letters, open_site

from bridge.demo.servers import PrivateRabbit, PrivateRedis

Outage = tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]


@pytest.fixture(scope="module")
async def own_redis() -> AsyncIterator[PrivateRedis]:
    """Run a Redis that may be ended."""
    async with PrivateRedis() as server:
        yield server


@pytest.fixture(scope="module")
async def exposed(
    rabbit: PrivateRabbit, own_redis: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Run a site on that Redis, which looks often whether it is back."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("exposed")
        settings = {"BRIDGE_REDIS__WATCH_INTERVAL": "0.1"}
        yield await open_site(stack, url_for_sites(rabbit), own_redis.url, folder, None, settings, ready=True)


@pytest.fixture(params=["killed", "frozen"])
async def outage(request: pytest.FixtureRequest, own_redis: PrivateRedis) -> AsyncIterator[Outage]:
    """Give two functions: one that takes Redis away, one that brings it back."""

    async def freeze() -> None:
        own_redis.pause()

    async def thaw() -> None:
        own_redis.resume()

    frozen = request.param == "frozen"
    yield (freeze, thaw) if frozen else (own_redis.kill, own_redis.start)
    own_redis.resume()


async def until_cached(site: Site, agent: str) -> None:
    """Wait until the cache answers again."""
    async with asyncio.timeout(20):
        while (await site.widget.ask(od(agent))).headers.get("x-bridge-cache") != "hit":
            await asyncio.sleep(0.05)


async def test_reads_go_on_without_redis(exposed: Site, outage: Outage) -> None:
    """While Redis is away reads are answered by LCM and the worker stays ready; then the cache is back."""
    end, begin = outage
    agent = name_of_letters()
    add_contact(exposed.simulator, agent, kind="od")
    await until_cached(exposed, agent)
    before = calls_about(exposed.simulator, agent)

    await end()
    replies = await asyncio.gather(*(exposed.widget.ask(od(agent)) for _ in range(50)))
    ready = await exposed.worker.get("/readyz")

    assert {"ok"} == {reply.headers["x-bridge-status"] for reply in replies}
    assert before + 50 == calls_about(exposed.simulator, agent)
    assert 200 == ready[0]
    # Those beyond the first learn at once that it is away: none of these waits for a time-out.
    for _ in range(30):
        await exposed.widget.ask(od(agent))
    assert 0.0 == await exposed.worker.metric("lcm_bridge_redis_connected")

    await begin()
    await until_cached(exposed, agent)
    assert 1.0 == await exposed.worker.metric("lcm_bridge_redis_connected")


async def test_a_refusal_to_write_changes_no_reply(exposed: Site, own_redis: PrivateRedis) -> None:
    """A Redis that answers but takes no writes (out of memory): the reply is LCM's all the same."""
    from redis.asyncio import Redis  # noqa: PLC0415

    agent = name_of_letters()
    add_contact(exposed.simulator, agent, kind="od")
    client = Redis.from_url(own_redis.url)
    await client.config_set("maxmemory", "1")
    try:
        replies = [await exposed.widget.ask(request) for request in (od(agent), od(agent))]
    finally:
        await client.config_set("maxmemory", "0")
        await client.aclose()

    assert ["ok", "ok"] == [reply.headers["x-bridge-status"] for reply in replies]


async def test_a_record_of_somebody_else_is_passed_over(exposed: Site, own_redis: PrivateRedis) -> None:
    """What cannot be read in the cache, or is of another type, is as if it were not there."""
    from redis.asyncio import Redis  # noqa: PLC0415

    client = Redis.from_url(own_redis.url)
    agents = [name_of_letters() for _ in range(3)]
    keys = [f"{exposed.prefix}:{{{agent}}}:contacts:manual" for agent in agents]
    await client.hset(keys[0], mapping={"x": "not JSON", "y": "[1]", "z": '{"v": 99}', "n": "null"})
    await client.set(keys[1], "a string")
    await client.hset(keys[2], "x", b"\xff\xfe")
    for agent in agents:
        add_contact(exposed.simulator, agent)

    replies = [await exposed.widget.ask(manual(agent)) for agent in agents]

    assert [1, 1, 1] == [len(reply.response) for reply in replies]
    await client.aclose()
