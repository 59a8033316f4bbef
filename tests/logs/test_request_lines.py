"""What the lines of a request, and those of a worker's start and end, tell the person on call."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import pytest
from support.envelopes import add_contact, create, manual, od, skip
from support.permitted import url_for_sites
from support.site import Site, name_of_letters, open_site
from support.worker import until

from bridge import __version__
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

Line = dict[str, Any]

IDS = {"operation", "correlation_id", "message_id", "source", "queue", "trace_id"}
QUICK = {
    "BRIDGE_BREAKER__MINIMUM_CALLS": "10",
    "BRIDGE_BREAKER__OPEN_FOR": "0.2",
    "BRIDGE_RETRY__DELAYS": "[200]",
    "BRIDGE_RETRY__BUDGET": "1",
    "BRIDGE_LCM__PASSWORD": "hunter2",
    "BRIDGE_LCM__USERNAME": "bridge",
}


@pytest.fixture
async def own(rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path: Path) -> AsyncIterator[Site]:
    """Run a site of one's own, whose breaker opens soon."""
    async with AsyncExitStack() as stack:
        yield await open_site(
            stack, url_for_sites(rabbit), redis_server.url, tmp_path, None, QUICK, ready=True
        )


async def settled(site: Site, message_id: str) -> Line:
    """Wait for the line that tells a request's end."""

    def lines() -> list[Line]:
        return [
            line for line in site.worker.events("request.settled") if line.get("message_id") == message_id
        ]

    await until(lambda: bool(lines()), f"{message_id} has ended")
    [line] = lines()
    return line


def steps(line: Line) -> set[str]:
    """Return which steps a line gives the seconds of."""
    return {key.removesuffix("_seconds") for key in line if key.endswith("_seconds")}


async def test_the_end_of_a_request_says_what_it_waited_for(own: Site) -> None:
    """Each step that was taken, in seconds that are no more than the whole; no key that does not apply."""
    agent = name_of_letters()
    account = add_contact(own.simulator, agent)
    add_contact(own.simulator, agent, kind="od")
    at = datetime.now(UTC)
    await own.widget.ask(od(agent), message_id="first", timestamp=at)
    await own.widget.ask(od(agent), message_id="again")
    await own.widget.ask(skip(agent, account), message_id="skip")
    first, again, skipped = [await settled(own, name) for name in ("first", "again", "skip")]

    assert {"cache", "lcm", "publish", "wait"} == steps(first)
    assert {"cache", "publish"} == steps(again)
    assert {"claim", "lcm", "record", "publish"} == steps(skipped)
    for line in (first, again, skipped):
        assert line["seconds"] + 0.001 >= sum(line[f"{step}_seconds"] for step in steps(line) - {"wait"})
        assert ("ok", 1, False) == (line["outcome"], line["attempt"], line["redelivered"])
        assert not {"error", "lcm_tries", "lcm_status", "replayed", "dead_letter", "reply"} & line.keys()
    assert ("miss", "hit") == (first["cache"], again["cache"])


async def test_the_end_of_a_failure_says_why(own: Site) -> None:
    """How often LCM was called, its last status, a stored reply, a dead letter, a requester that has gone."""
    agent = name_of_letters()
    account = add_contact(own.simulator, agent, kind="od")
    own.simulator.faults.put(Fault(kind="status", status=503, count=2))
    await own.widget.ask(manual(agent), message_id="third time")
    own.simulator.faults.put(Fault(kind="fault", message="Campaign is closed", count=1))
    for _ in range(2):
        await own.widget.ask(skip(agent, account), message_id="closed", headers={"x-n": 1})
    own.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    unknown = {"x-deadline": int((time() + 0.5) * 1000)}
    await own.widget.ask(skip(agent, "0|1|2|3|4|5|6"), message_id="unknown", headers=unknown)
    await own.widget.publish(od(agent), message_id="gone", reply_to="nobody.waits")
    third, gone, unknown_line = [await settled(own, name) for name in ("third time", "gone", "unknown")]
    await until(lambda: len(own.worker.events("request.settled")) == 5, "all have ended")
    closed, again = [one for one in own.worker.events("request.settled") if one["message_id"] == "closed"]

    assert ("ok", 3) == (third["outcome"], third["lcm_tries"])
    assert ("WS_Error", "Campaign is closed", 500) == (
        closed["outcome"],
        closed["error"],
        closed["lcm_status"],
    )
    assert again["replayed"]
    assert not {"lcm_seconds", "lcm_status"} & again.keys()
    assert ("OUTCOME_UNKNOWN", "outcome-unknown") == (unknown_line["outcome"], unknown_line["dead_letter"])
    assert ("ok", "unroutable") == (gone["outcome"], gone["reply"])
    assert [1, 2] == [line["tries"] for line in own.worker.events("lcm.call_failed")][:2]


async def test_lines_about_lcm_and_queues_are_no_request_s(own: Site) -> None:
    """Whoever's call opened the breaker, and whoever waited for it: its lines bear nobody's ids."""
    agent = name_of_letters()
    add_contact(own.simulator, agent, kind="od")
    await own.widget.ask(od(agent))
    own.simulator.faults.put(Fault(kind="status", status=503))
    await asyncio.gather(*(own.widget.ask(manual(agent)) for _ in range(10)))
    stale = await own.widget.ask(od(agent), message_id="stale", headers={})
    await own.worker.until_logged("lcm.breaker_half_open")
    own.simulator.faults.clear()
    await own.worker.until_logged("consumer.resumed")
    about_lcm = [
        line
        for line in own.worker.events()
        if line["event"].startswith(("lcm.breaker", "consumer.", "redis."))
    ]

    assert "ok" == stale.headers["x-bridge-status"]
    assert {"lcm.breaker_opened", "lcm.breaker_half_open", "consumer.paused"} <= {
        line["event"] for line in about_lcm
    }
    assert [] == [line for line in about_lcm if line.keys() & (IDS - {"queue"})]
    assert all({"correlation_id", "queue"} <= line.keys() for line in own.worker.events("lcm.call_failed"))


async def test_the_start_tells_the_settings_that_are_not_the_defaults(own: Site) -> None:
    """By where they come from, secrets masked, in a line of readable size."""
    [line] = own.worker.events("worker.started")
    told = line["settings"]["environment"]

    assert ({"environment"}, __version__) == (set(line["settings"]), line["version"])
    assert {"pid", "admin"} <= line.keys()
    assert ("***", "10", "bridge") == (
        told["lcm.password"],
        told["breaker.minimum_calls"],
        told["lcm.username"],
    )
    assert own.prefix == told["amqp.prefix"]
    assert "bridge:***@" in told["amqp.url"]
    assert "shutdown.grace" not in told
    assert 2000 > len(json.dumps(line))


async def test_the_end_tells_what_was_served(own: Site) -> None:
    """How long it took, what was finished meanwhile, and the outcomes since the start."""
    agent = name_of_letters()
    add_contact(own.simulator, agent, kind="od")
    await own.widget.ask(od(agent))
    await own.widget.ask(b"rubbish")
    own.simulator.faults.put(Fault(latency_ms=500, count=1))
    await own.widget.publish(create(), message_id="last")
    await until(lambda: own.simulator.calls.total == 2, "the last one has begun")
    code = await own.worker.stop()
    [line] = own.worker.events("worker.drained")

    assert (0, 1, 0) == (code, line["finished"], line["given_back"])
    assert {"ok": 2, "INVALID_ENVELOPE": 1} == line["served"]
    assert line["uptime"] >= line["seconds"] > 0
