"""Two sites on one RabbitMQ and one Redis, told apart by the one setting ``amqp.prefix``.

Whatever a site's publishers choose freely (agents, keys, correlation ids) is the same on both.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import orjson
import pytest
from support.command import run_command
from support.envelopes import add_contact, create, manual, od, skip
from support.letters import listed, until_letters, until_ready
from support.permitted import url_for_sites
from support.requester import Reply, next_message
from support.site import Site, name_of_letters, open_site

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

AGENT = "agent at both"
SAME: dict[str, Any] = {"message_id": "m-1", "correlation_id": "c-1"}
QUICK = {
    "BRIDGE_REDIS__WATCH_INTERVAL": "0.1",
    "BRIDGE_RETRY__DELAYS": "[100]",
    "BRIDGE_RETRY__ATTEMPTS": "3",
}


class Sites(NamedTuple):
    """One site, and another whose prefix only goes on where the first one's ends."""

    one: Site
    other: Site

    async def ask(self, body: dict[str, Any], **properties: Any) -> tuple[Reply, Reply]:
        """Send the same request to both at once."""
        one, other = await asyncio.gather(*(site.widget.ask(body, **properties) for site in self))
        return one, other


@pytest.fixture(scope="module")
async def sites(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Sites]:
    """Both for all tests of this file; nothing but ``amqp.prefix`` and LCM's address differs."""
    prefix = name_of_letters()
    async with AsyncExitStack() as stack:
        one, other = [
            await open_site(
                stack,
                url_for_sites(rabbit),
                redis_server.url,
                tmp_path_factory.mktemp("site"),
                None,
                QUICK | {"BRIDGE_AMQP__PREFIX": name},
                ready=True,
            )
            for name in (prefix, f"{prefix}.other")
        ]
        assert not any("REDIS__PREFIX" in name for name in {**one.settings, **other.settings})
        yield Sites(one, other)


async def test_contacts_come_from_the_own_lcm_and_the_own_cache(sites: Sites) -> None:
    """The same agent has other contacts at each site, also from the cache, and a skip removes the own one."""
    keys = [add_contact(site.simulator, AGENT, AccountNumber=f"{site.prefix}|1") for site in sites]

    for cache in ("miss", "hit"):
        replies = await sites.ask(manual(AGENT), correlation_id="c-1")
        assert keys == [reply.response[0]["AccountNumber"] for reply in replies]
        assert [cache] * 2 == [reply.headers["x-bridge-cache"] for reply in replies]

    await sites.one.widget.ask(skip(AGENT, keys[0]), **SAME)
    here, there = await sites.ask(manual(AGENT), correlation_id="c-1")

    assert ([], [keys[1]]) == (here.response, [one["AccountNumber"] for one in there.response])
    shown = [
        await run_command("contacts", AGENT, folder=site.worker.log.parent, settings=site.settings)
        for site in sites
    ]
    assert [False, True] == [key in one.output for key, one in zip(keys, shown, strict=True)]


async def test_a_key_is_known_to_the_own_ledger_alone(sites: Sites) -> None:
    """The same key with other data is no mismatch at the other site; a repetition gets its own reply."""
    bodies = [create(AgentID=site.prefix) for site in sites]
    before = [len(site.simulator.effects) for site in sites]

    first, again = [
        await asyncio.gather(
            *(site.widget.ask(body, **SAME) for site, body in zip(sites, bodies, strict=True))
        )
        for _ in range(2)
    ]

    assert ["ok"] * 4 == [reply.headers["x-bridge-status"] for reply in (*first, *again)]
    assert [reply.response for reply in first] == [reply.response for reply in again]
    assert [True] * 2 == [reply.headers.get("x-bridge-replayed") for reply in again]
    assert [count + 1 for count in before] == [len(site.simulator.effects) for site in sites]


async def test_a_pause_holds_the_own_queue(sites: Sites) -> None:
    """One site's agents wait; those of the other are served, and its worker knows of no pause."""
    one, other = sites
    queue = f"{one.prefix}.requests.agent"
    for site in sites:
        add_contact(site.simulator, AGENT, kind="od")
    ended = await run_command("pause", "agent", folder=one.worker.log.parent, settings=one.settings)
    await one.worker.until_logged("consumer.paused")

    waiting = asyncio.create_task(one.widget.ask(od(AGENT)))
    await until_ready(one.widget, queue, 1)
    reply = await other.widget.ask(od(AGENT))

    assert (0, "ok") == (ended.code, reply.headers["x-bridge-status"])
    pages = [orjson.loads((await site.worker.get("/readyz"))[1])["paused"] for site in sites]
    assert [{queue: ["by hand"]}, {}] == pages
    assert [] == other.worker.events("consumer.paused")
    await run_command("resume", "agent", folder=one.worker.log.parent, settings=one.settings)
    assert "ok" == (await waiting).headers["x-bridge-status"]


async def test_what_is_parked_comes_back_to_the_own_site(sites: Sites) -> None:
    """A creation that nobody waits for is tried later by its own site, whose softphones alone hear of it."""
    heard = [await site.widget.listen() for site in sites]
    other = sites.other.worker.events("request.settled")
    sites.one.simulator.faults.put(Fault(kind="status", status=503, method="CreateContact", count=1))

    await sites.one.widget.publish(create(), message_id="parked")
    event = await next_message(heard[0])

    assert "CreateContactResponse" == orjson.loads(event.body)["subtopic"]
    assert 1 == len(sites.one.worker.events("request.parked"))
    assert (None, other) == (await heard[1].get(fail=False), sites.other.worker.events("request.settled"))


async def test_dead_letters_lie_apart(sites: Sites) -> None:
    """The same request that failed lies at each site in its own queue, and each lists its own alone."""
    for count, site in enumerate(sites):
        await site.widget.publish(create(CampaignID=""), message_id="failed")
        await until_letters(site.widget, 1)
        await until_ready(sites.other.widget, f"{sites.other.prefix}.dead-letters", count)

    letters = await listed(sites.one, sites.one.worker.log.parent)
    assert [("failure-without-reply-to", "failed")] == [(one["reason"], one["key"]) for one in letters]


async def test_metrics_name_the_own_queues(sites: Sites) -> None:
    """Each worker tells of its own three queues and of no other's."""
    for site in sites:
        _, page = await site.worker.get("/metrics")
        names = {f"{site.prefix}.{name}" for name in ("requests.agent", "requests.campaign", "dead-letters")}
        assert names == set(re.findall(r'queue="([^"]*)"', page))
