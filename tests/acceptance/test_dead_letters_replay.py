"""``lcm-bridge dead-letters replay``: requests go back to where they came from, once, and none is lost."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aio_pika.abc import AbstractIncomingMessage
from support.envelopes import create, dial, envelope
from support.letters import (
    everything_in,
    everything_once,
    listed,
    put_letter,
    ready,
    run_letters,
    until_letters,
    until_ready,
)
from support.permitted import url_for_sites
from support.requester import BOUND
from support.site import MakeSite, Site, open_site

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

NO_REDIS = {"BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0"}


@pytest.fixture(scope="module")
async def stopped(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Declare everything for all tests of this module, and stop the worker: what is replayed stays there."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("replay")
        site = await open_site(stack, url_for_sites(rabbit), redis_server.url, folder, None, {}, ready=True)
        assert 0 == await site.worker.stop()
        yield site


@pytest.fixture
async def idle(stopped: Site) -> AsyncIterator[Site]:
    """Empty the queues after a test."""
    yield stopped
    for queue in ("dead-letters", "requests.agent", "requests.campaign"):
        await everything_in(stopped.widget, f"{stopped.prefix}.{queue}")


async def replayed(site: Site, queue: str = "campaign") -> list[AbstractIncomingMessage]:
    """Take what was replayed to a request queue."""
    return await everything_in(site.widget, f"{site.prefix}.requests.{queue}")


async def test_the_request_comes_back_as_it_was(idle: Site, tmp_path: Path) -> None:
    """Body, key and properties are kept; the deadline and what the letter said are gone; it is signed."""
    body = json.dumps(create()).encode()
    await put_letter(
        idle.widget,
        body,
        message_id="m-1",
        correlation_id="c-1",
        reply_to="q-1",
        priority=3,
        type="t",
        app_id="widget-app",
        headers={
            "idempotency-key": "key-1",
            "x-own": [1, "two"],
            "x-deadline": 1,
            "x-original-expiration": "5000",
            "x-original-user-id": "widget",
            "x-held-since": 5,
            "x-redelivered": True,
            "x-death": [{"queue": "q", "reason": "expired"}],
            "x-first-death-queue": "q",
        },
    )
    sent = (await everything_once(idle))[0]

    ended = await run_letters(idle, tmp_path, "replay", "--yes")
    (request,) = await replayed(idle)

    assert (0, "1 letter replayed, 0 left alone, of 1 looked at\n") == (ended.code, ended.output), (
        ended.errors
    )
    assert body == request.body
    assert (f"{idle.prefix}.requests", "LCM.WebService.CreateContact") == (
        request.exchange,
        request.routing_key,
    )
    assert {
        "idempotency-key": "key-1",
        "x-own": [1, "two"],
        "x-attempts": 0,
        "x-original-user-id": "widget",
        "x-original-exchange": f"{idle.prefix}.requests",
        "x-original-routing-key": "LCM.WebService.CreateContact",
    } == {name: value for name, value in request.headers.items() if name != "x-delivery-count"}
    assert ("m-1", "c-1", "q-1", 3, "t", "widget-app", "bridge", 2, None, "application/json") == (
        request.message_id,
        request.correlation_id,
        request.reply_to,
        request.priority,
        request.type,
        request.app_id,
        request.user_id,
        request.delivery_mode,
        request.expiration,
        request.content_type,
    )
    assert sent.timestamp == request.timestamp
    assert 0 == await ready(idle.widget, f"{idle.prefix}.dead-letters")


async def test_where_a_request_goes(idle: Site, tmp_path: Path) -> None:
    """By the request exchange, straight to the queue that it was published to, or by its operation."""
    requests = f"{idle.prefix}.requests"
    origins: dict[str, tuple[Any, str, str]] = {
        "by the exchange": (dial(), requests, "Amazon.InboundCall.ManualDialCall"),
        "by an unknown key": (create(), requests, "some.thing.else"),
        "straight to a queue": (dial(), "", f"{requests}.campaign"),
        "a creation from elsewhere": (create(), "shop.exchange", "x"),
        "a dial from elsewhere": (dial(), "shop.exchange", "x"),
        "to a queue that is none of ours": (dial(), "", "amq.gen-somebody"),
    }
    for name, (body, exchange, key) in origins.items():
        headers = {"x-original-exchange": exchange, "x-original-routing-key": key}
        operation = "CreateContact" if body == create() else "ManualDialCall"
        await put_letter(idle.widget, body, message_id=name, operation=operation, headers=headers)

    ended = await run_letters(idle, tmp_path, "replay", "--yes")

    assert 0 == ended.code, ended.errors
    assert ["straight to a queue", "a creation from elsewhere"] == [
        one.message_id for one in await replayed(idle)
    ]
    assert {*origins} - {"straight to a queue", "a creation from elsewhere"} == {
        one.message_id for one in await replayed(idle, "agent")
    }


async def test_what_the_broker_expired(idle: Site, tmp_path: Path) -> None:
    """It goes back to where it was published, without expiring again, in the name of who published it."""
    await idle.widget.publish(create(), message_id="by-exchange", expiration=0.001, user_id="guest")
    await idle.widget.publish(
        dial(),
        message_id="by-queue",
        queue=f"{idle.prefix}.requests.campaign",
        expiration=0.001,
        headers={"x-original-user-id": "forged", "x-reason": "forged", "x-attempts": 9, "x-deadline": 1},
    )
    await until_letters(idle.widget, 2)

    ended = await run_letters(idle, tmp_path, "replay", "--yes", "--reason", "expired")
    requests = {request.message_id: request for request in await replayed(idle)}

    assert 0 == ended.code, ended.errors
    assert {"by-exchange", "by-queue"} == set(requests)
    assert f"{idle.prefix}.requests" == requests["by-exchange"].exchange
    assert ["guest", None] == [
        requests[name].headers.get("x-original-user-id") for name in ("by-exchange", "by-queue")
    ]
    for request in requests.values():
        assert request.expiration is None
        assert 0 == request.headers["x-attempts"]
        assert not [name for name in request.headers if "death" in name or name in ("x-reason", "x-deadline")]


async def test_only_the_bridges_letters_say_who_sent_the_request(idle: Site, tmp_path: Path) -> None:
    """A letter that somebody else put there cannot speak for another user."""
    forged = {"x-reason": "expired", "x-attempts": 1, "x-original-user-id": "director"}
    await idle.widget.publish(create(), queue=f"{idle.prefix}.dead-letters", message_id="m", headers=forged)

    ended = await run_letters(idle, tmp_path, "replay", "--yes")

    assert 0 == ended.code, ended.errors
    assert "x-original-user-id" not in (await replayed(idle))[0].headers


async def test_a_request_without_a_key_gets_one(idle: Site, tmp_path: Path) -> None:
    """A second replay of the same letter is known by it. A made-up message id is none; a key stays alone."""
    await put_letter(idle.widget, create(), message_id="made-up", headers={"x-message-id-made": True})
    await put_letter(
        idle.widget, create(), message_id="made", reply_to="q", correlation_id="c",
        headers={"x-message-id-made": True},
    )  # fmt: skip
    ids = [line["id"] for line in await listed(idle, tmp_path)]

    ended = await run_letters(idle, tmp_path, "replay", "--yes")
    keyless, addressed = await replayed(idle)

    assert 0 == ended.code, ended.errors
    assert f"replay-{ids[0]}" == keyless.headers["idempotency-key"]
    assert "made-up" != keyless.message_id
    assert "idempotency-key" not in addressed.headers
    assert [True, True] == [request.headers["x-message-id-made"] for request in (keyless, addressed)]


async def test_what_is_never_replayed(idle: Site, tmp_path: Path) -> None:
    """Replies, and requests whose properties are lost: not even when they are named."""
    reply = {"channel": "LCM", "topic": "WebService", "subtopic": "ContactOD", "message": {}}
    await put_letter(idle.widget, reply, reason="reply-as-request", operation="unknown", message_id="reply")
    lost = {"x-bridge-unreadable": "correlation_id"}
    await put_letter(idle.widget, create(), reason="expired", message_id="lost", headers=lost)
    ids = [line["id"] for line in await listed(idle, tmp_path)]

    swept = await run_letters(idle, tmp_path, "replay", "--yes")
    named = await run_letters(idle, tmp_path, "replay", "--yes", "--unsettled", *ids)

    assert (0, 1) == (swept.code, named.code)
    for ended in (swept, named):
        assert f"{ids[0]} is left alone: it is a reply" in ended.errors
        assert f"{ids[1]} is left alone: its properties correlation_id" in ended.errors
    assert 2 == await ready(idle.widget, f"{idle.prefix}.dead-letters")


@pytest.mark.parametrize("settings", [{}, NO_REDIS], ids=["Redis there", "Redis away"])
async def test_an_unknown_outcome_is_left_alone(idle: Site, tmp_path: Path, settings: dict[str, str]) -> None:
    """While nobody has settled it, or Redis cannot say: unless --unsettled is given."""
    await put_letter(idle.widget, create(), reason="outcome-unknown", message_id="m-1")
    await put_letter(
        idle.widget, create(), reason="outcome-unknown", headers={"x-message-id-made": True}, message_id="m-2"
    )
    await put_letter(idle.widget, create(), message_id="m-3")
    ids = [line["id"] for line in await listed(idle, tmp_path)]

    careful = await run_letters(idle, tmp_path, "replay", "--yes", **settings)
    first = await replayed(idle)
    bold = await run_letters(idle, tmp_path, "replay", "--yes", "--unsettled", **settings)
    second = await replayed(idle)

    assert (0, 0) == (careful.code, bold.code)
    assert "1 letter replayed, 2 left alone, of 3 looked at\n" == careful.output
    assert f"{ids[0]} is left alone: its outcome is unknown" in careful.errors
    assert f"{ids[1]} is left alone: its outcome is unknown and it was unprotected" in careful.errors
    assert ["m-3"] == [request.message_id for request in first]
    assert 2 == len(second)


async def test_order_limit_and_dry_run(idle: Site, tmp_path: Path) -> None:
    """Oldest first, at most --limit; --dry-run publishes nothing."""
    for number in range(5):
        await put_letter(idle.widget, create(), message_id=f"m-{number}")

    dry = await run_letters(idle, tmp_path, "replay", "--dry-run")
    untouched = await ready(idle.widget, f"{idle.prefix}.dead-letters")
    some = await run_letters(idle, tmp_path, "replay", "--yes", "--limit", "3")

    assert (0, 0, 5) == (dry.code, some.code, untouched)
    assert "5 letters would be replayed" in dry.output
    assert "3 letters replayed, 0 left alone, of 3 looked at; 2 more were not looked at\n" == some.output
    assert ["m-0", "m-1", "m-2"] == [request.message_id for request in await replayed(idle)]
    assert ["m-3", "m-4"] == [line["key"] for line in await listed(idle, tmp_path)]


async def test_rate(idle: Site, tmp_path: Path) -> None:
    """No faster than --rate: two waits of half a second lie between three letters."""
    for number in range(3):
        await put_letter(idle.widget, create(), message_id=f"m-{number}")

    started = time.monotonic()
    ended = await run_letters(idle, tmp_path, "replay", "--yes", "--rate", "2")

    assert 0 == ended.code
    assert 3 == len(await replayed(idle))
    assert time.monotonic() - started > 1.0  # a lower bound: no machine is too slow for it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_interruption_loses_and_repeats_nothing(
    idle: Site, tmp_path: Path, number: signal.Signals
) -> None:
    """The letter under way is finished, the rest goes back in its order; exit 1 says how many were done."""
    names = [f"m-{place}" for place in range(20)]
    for name in names:
        await put_letter(idle.widget, create(), message_id=name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "dead-letters", "replay", "--yes", "--rate", "5",
        env=os.environ | idle.settings, cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await until_count(idle, f"{idle.prefix}.requests.campaign", 3)
    process.send_signal(number)
    output, errors = await asyncio.wait_for(process.communicate(), BOUND)

    done = [request.message_id for request in await replayed(idle)]
    left = [line["key"] for line in await listed(idle, tmp_path)]
    assert 1 == process.returncode, errors
    assert names == [*done, *left]
    assert 3 <= len(done) < 20
    assert output.decode().startswith(f"interrupted: {len(done)} letters replayed")
    assert b"Traceback" not in errors


async def until_count(site: Site, queue: str, least: int) -> None:
    """Wait until a queue holds at least so many messages."""
    async with asyncio.timeout(BOUND):
        while await ready(site.widget, queue) < least:
            await asyncio.sleep(0.02)


async def test_killed_half_way(idle: Site, tmp_path: Path) -> None:
    """A replay that is killed loses nothing: at worst the letter under way is there twice, under one key."""
    names = [f"m-{place}" for place in range(20)]
    for name in names:
        await put_letter(idle.widget, create(), message_id=name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "dead-letters", "replay", "--yes", "--rate", "20",
        env=os.environ | idle.settings, cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await until_count(idle, f"{idle.prefix}.requests.campaign", 3)
    process.kill()
    await process.wait()

    done = [request.message_id for request in await replayed(idle)]
    await until_ready_again(idle, len(names) - len(done))
    left = [line["key"] for line in await listed(idle, tmp_path)]
    assert set(names) == {*done, *left}
    assert len({*done} & {*left}) <= 1


async def until_ready_again(site: Site, least: int) -> None:
    """Wait until the broker has noticed that the command is gone."""
    await until_count(site, f"{site.prefix}.dead-letters", least)


async def test_a_full_queue_stops_it(make_site: MakeSite, tmp_path: Path) -> None:
    """What the broker refuses is not removed, nor is the rest; exit 1."""
    site = await make_site(BRIDGE_AMQP__MAX_LENGTH="2")
    await site.worker.stop()
    for number in range(12):
        await put_letter(site.widget, create(), message_id=f"m-{number}")

    ended = await run_letters(site, tmp_path, "replay", "--yes")

    done = [request.message_id for request in await replayed(site)]
    left = [line["key"] for line in await listed(site, tmp_path)]
    assert 1 == ended.code
    assert "refused" in ended.errors
    assert [f"m-{number}" for number in range(12)] == [*done, *left]
    assert left


async def test_no_queue_takes_it(make_site: MakeSite, tmp_path: Path) -> None:
    """A request queue that is gone: the letter stays, and it is said."""
    site = await make_site()
    await site.worker.stop()
    await put_letter(site.widget, create(), message_id="m", headers={"x-original-exchange": "other"})
    await site.widget.channel.queue_delete(f"{site.prefix}.requests.campaign")

    ended = await run_letters(site, tmp_path, "replay", "--yes")

    assert 1 == ended.code
    assert "no queue takes it" in ended.errors
    assert 1 == await ready(site.widget, f"{site.prefix}.dead-letters")


async def test_a_letter_that_cannot_be_published_harms_no_other(idle: Site, tmp_path: Path) -> None:
    """It is left alone with the reason; those behind it are replayed."""
    headers = {"x-original-routing-key": "k" * 300}
    await put_letter(idle.widget, create(), message_id="bad", headers=headers)
    await put_letter(idle.widget, create(), message_id="good")

    ended = await run_letters(idle, tmp_path, "replay", "--yes")

    assert "1 letter replayed, 1 left alone, of 2 looked at\n" == ended.output
    assert ["good"] == [request.message_id for request in await replayed(idle)]
    assert ["bad"] == [line["key"] for line in await listed(idle, tmp_path)]


@pytest.mark.parametrize(("answer", "left", "code"), [("y", 0, 0), ("n", 2, 1)])
async def test_on_a_terminal_it_asks(idle: Site, tmp_path: Path, answer: str, left: int, code: int) -> None:
    """It says how many there are and does what is answered."""
    for name in ("m-1", "m-2"):
        await put_letter(idle.widget, create(), message_id=name)
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "dead-letters", "replay",
        env=os.environ | idle.settings | {"TERM": "dumb"}, cwd=tmp_path,
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    loop = asyncio.get_running_loop()
    while b"replay 2 letters? [y/N]" not in shown:
        shown += await asyncio.wait_for(loop.run_in_executor(None, os.read, ours, 4096), BOUND)
    os.write(ours, f"{answer}\n".encode())
    with contextlib.suppress(OSError):  # the terminal is gone when the process is
        while part := await asyncio.wait_for(loop.run_in_executor(None, os.read, ours, 4096), BOUND):
            shown += part
    os.close(ours)

    assert code == await asyncio.wait_for(process.wait(), BOUND), shown
    assert left == await ready(idle.widget, f"{idle.prefix}.dead-letters")
    assert 2 - left == len(await replayed(idle))


async def test_a_worker_answers_the_replay(make_site: MakeSite, tmp_path: Path) -> None:
    """A request that failed because LCM did is dead-lettered; replayed later, it is carried out once."""
    site = await make_site(BRIDGE_RETRY__ATTEMPTS="1")
    site.simulator.faults.put(Fault(kind="status", status=503))
    await site.widget.publish(create(), message_id="m")
    await until_letters(site.widget, 1)
    site.simulator.faults.clear()
    events = await site.widget.listen("#.CreateContactResponse")

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    await until_ready(site.widget, events.name, 1)
    await events.delete(if_empty=False)

    assert 0 == ended.code, ended.errors
    assert 1 == len(site.simulator.effects)
    assert 0 == await ready(site.widget, f"{site.prefix}.dead-letters")


async def test_what_dies_again_is_not_replayed_for_ever(make_site: MakeSite, tmp_path: Path) -> None:
    """A replayed request that fails at once is a new letter, and is left for the next replay."""
    site = await make_site()
    for number in range(3):
        await site.widget.publish(envelope("GetReservedContactOD", {}), message_id=f"m-{number}")
    await until_letters(site.widget, 3)

    ended = await run_letters(site, tmp_path, "replay", "--yes")
    await until_letters(site.widget, 3)

    assert "3 letters replayed, 0 left alone, of 3 looked at\n" == ended.output
    lines = await listed(site, tmp_path)
    assert {"m-0", "m-1", "m-2"} == {line["key"] for line in lines}
    assert {"failure-without-reply-to"} == {line["reason"] for line in lines}
