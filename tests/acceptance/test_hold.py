"""Redis is away, and a side effect must not be risked: it waits in the delayed queues, and reads go on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from support.envelopes import add_contact, create, manual, od, skip
from support.permitted import url_for_sites
from support.site import MakeSite, Site, name_of_letters, open_site
from support.worker import BOUND

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

MakeExposed = Callable[..., Awaitable[Site]]


@pytest.fixture(scope="module")
async def own_redis() -> AsyncIterator[PrivateRedis]:
    """Run a Redis that may be ended."""
    async with PrivateRedis() as server:
        yield server


@pytest.fixture
async def make_exposed(
    rabbit: PrivateRabbit, own_redis: PrivateRedis, tmp_path: Path
) -> AsyncIterator[MakeExposed]:
    """Build sites on that Redis, which look often whether it is back; afterwards it is."""
    async with AsyncExitStack() as stack:

        async def make(**settings: str) -> Site:
            quick = {
                "BRIDGE_REDIS__WATCH_INTERVAL": "0.1",
                "BRIDGE_RETRY__DELAYS": "[200]",
                "BRIDGE_AMQP__DEPTH_INTERVAL": "0.1",
            }
            site = await open_site(
                stack, url_for_sites(rabbit), own_redis.url, tmp_path, None, quick | settings, ready=True
            )
            await until_redis_is(site, there=True)
            return site

        yield make
    own_redis.resume()
    with suppress(RuntimeError):  # it runs
        await own_redis.start()


async def until_redis_is(site: Site, *, there: bool) -> None:
    """Wait until the worker has noticed."""
    async with asyncio.timeout(BOUND):
        while await site.worker.metric("lcm_bridge_redis_connected") != float(there):
            await asyncio.sleep(0.02)


async def until_held(site: Site, queue: str, count: int) -> None:
    """Wait until so many requests wait in the delayed queues."""
    async with asyncio.timeout(BOUND):
        while await site.worker.metric(f'lcm_bridge_requests_held{{queue="{site.prefix}.{queue}"}}') < count:
            await asyncio.sleep(0.02)


async def test_held_requests_are_carried_out_when_redis_is_back(
    make_exposed: MakeExposed, own_redis: PrivateRedis
) -> None:
    """While Redis is away side effects wait and take no prefetch from reads; then they happen once."""
    site = await make_exposed(BRIDGE_AMQP__AGENT_PREFETCH="5", BRIDGE_RETRY__DELAYS="[1000]")
    agents = [name_of_letters() for _ in range(20)]
    accounts = [add_contact(site.simulator, agent) for agent in agents]
    add_contact(site.simulator, "reader", kind="od")
    await own_redis.kill()
    await until_redis_is(site, there=False)

    asked = [
        asyncio.create_task(site.widget.ask(skip(agent, account)))
        for agent, account in zip(agents, accounts, strict=True)
    ]
    await until_held(site, "requests.agent", 10)
    reads = [await site.widget.ask(od("reader")) for _ in range(5)]
    effects_meanwhile = len(site.simulator.effects)
    await own_redis.start()
    replies = await asyncio.gather(*asked)

    assert ["ok"] * 5 == [reply.headers["x-bridge-status"] for reply in reads]
    assert 0 == effects_meanwhile
    assert [{"success": True}] * 20 == [reply.response for reply in replies]
    assert 20 == len(site.simulator.effects)


async def test_a_held_request_whose_time_is_up_is_unknown(
    make_exposed: MakeExposed, own_redis: PrivateRedis
) -> None:
    """Its deadline passes while it is parked: without the ledger nobody can say that a copy had no effect."""
    site = await make_exposed()
    await own_redis.kill()
    await until_redis_is(site, there=False)

    reply = await site.widget.ask(create(), expiration=1.0)
    letter = await site.widget.dead_letter()

    assert "OUTCOME_UNKNOWN" == reply.error_type
    assert "outcome-unknown" == letter.headers["x-reason"]
    assert 0 == len(site.simulator.effects)


async def test_without_a_deadline_it_is_held_for_as_long_as_the_setting_says(
    make_exposed: MakeExposed, own_redis: PrivateRedis
) -> None:
    """``ledger.hold_for`` is over, and nobody waits: a dead letter that says so."""
    site = await make_exposed(BRIDGE_LEDGER__HOLD_FOR="0.5")
    await own_redis.kill()
    await until_redis_is(site, there=False)

    await site.widget.publish(create(), message_id="it")
    letter = await site.widget.dead_letter()

    assert ("it", "outcome-unknown") == (letter.message_id, letter.headers["x-reason"])
    assert "ledger" in str(letter.headers["x-error"])


async def test_a_first_delivery_may_proceed_unrecorded(
    make_exposed: MakeExposed, own_redis: PrivateRedis
) -> None:
    """``ledger.when_unavailable = proceed``: a first delivery is carried out although Redis is away."""
    site = await make_exposed(BRIDGE_LEDGER__WHEN_UNAVAILABLE="proceed")
    await own_redis.kill()
    await until_redis_is(site, there=False)

    reply = await site.widget.ask(create())

    assert isinstance(reply.response, str)
    assert 1 == len(site.simulator.effects)
    assert 1.0 == await site.worker.metric('lcm_bridge_ledger_total{outcome="unavailable"}')


async def test_a_skip_whose_fetching_cannot_be_looked_up_is_held(
    make_exposed: MakeExposed, own_redis: PrivateRedis
) -> None:
    """``contacts.require_fetched = enforce`` needs the cache: the skip waits for it like a side effect."""
    site = await make_exposed(
        BRIDGE_CONTACTS__REQUIRE_FETCHED="enforce", BRIDGE_LEDGER__WHEN_UNAVAILABLE="proceed"
    )
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))
    own_redis.pause()
    await until_redis_is(site, there=False)

    asked = asyncio.create_task(site.widget.ask(skip(agent, account)))
    await until_held(site, "requests.agent", 1)
    own_redis.resume()

    assert {"success": True} == (await asked).response


async def test_a_redis_that_goes_away_during_the_call_delays_the_reply_no_longer_than_set(
    make_exposed: MakeExposed, own_redis: PrivateRedis
) -> None:
    """The answer cannot be recorded: told after ``ledger.record_within``, recorded when Redis is back."""
    site = await make_exposed(BRIDGE_LEDGER__RECORD_WITHIN="0.2")
    name = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = asyncio.create_task(site.widget.ask(create(ContactDetail=name), message_id=name))
    async with asyncio.timeout(BOUND):
        while site.simulator.hung < 1:
            await asyncio.sleep(0.02)
    await own_redis.kill()
    site.simulator.release()
    first = await asked
    await own_redis.start()
    await until_redis_is(site, there=True)
    again = await site.widget.ask(create(ContactDetail=name), message_id=name)

    assert (first.response, True) == (again.response, again.headers["x-bridge-replayed"])
    assert 1 == len(site.simulator.effects)


async def test_a_worker_that_starts_without_redis_serves_reads(
    make_site: MakeSite, own_redis: PrivateRedis
) -> None:
    """Redis is not there at the start: ready all the same, and reads are answered."""
    await own_redis.kill()
    try:
        site = await make_site(BRIDGE_REDIS__URL=own_redis.url)
        add_contact(site.simulator, "reader", kind="od")

        reply = await site.widget.ask(od("reader"))
    finally:
        await own_redis.start()

    assert "ok" == reply.headers["x-bridge-status"]
