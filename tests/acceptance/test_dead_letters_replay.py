"""``lcm-bridge dead-letters replay``: requests go back to where they came from, once, and none is lost."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.envelopes import create, dial
from support.letters import (
    everything_once,
    listed,
    put_letter,
    ready,
    replayed_to,
    run_letters,
    until_letters,
)
from support.site import Site

NO_REDIS = {"BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0"}


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
    (request,) = await replayed_to(idle)

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
        one.message_id for one in await replayed_to(idle)
    ]
    assert {*origins} - {"straight to a queue", "a creation from elsewhere"} == {
        one.message_id for one in await replayed_to(idle, "agent")
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
    requests = {request.message_id: request for request in await replayed_to(idle)}

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
    assert "x-original-user-id" not in (await replayed_to(idle))[0].headers


async def test_a_request_without_a_key_gets_one(idle: Site, tmp_path: Path) -> None:
    """A second replay of the same letter is known by it. A made-up message id is none; a key stays alone."""
    await put_letter(idle.widget, create(), message_id="made-up", headers={"x-message-id-made": True})
    await put_letter(
        idle.widget, create(), message_id="made", reply_to="q", correlation_id="c",
        headers={"x-message-id-made": True},
    )  # fmt: skip
    ids = [line["id"] for line in await listed(idle, tmp_path)]

    ended = await run_letters(idle, tmp_path, "replay", "--yes")
    keyless, addressed = await replayed_to(idle)

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
    await until_letters(idle.widget, 2)


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
    first = await replayed_to(idle)
    bold = await run_letters(idle, tmp_path, "replay", "--yes", "--unsettled", **settings)
    second = await replayed_to(idle)

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
    assert ["m-0", "m-1", "m-2"] == [request.message_id for request in await replayed_to(idle)]
    assert ["m-3", "m-4"] == [line["key"] for line in await listed(idle, tmp_path)]


async def test_rate(idle: Site, tmp_path: Path) -> None:
    """No faster than --rate: two waits of half a second lie between three letters."""
    for number in range(3):
        await put_letter(idle.widget, create(), message_id=f"m-{number}")

    started = time.monotonic()
    ended = await run_letters(idle, tmp_path, "replay", "--yes", "--rate", "2")

    assert 0 == ended.code
    assert 3 == len(await replayed_to(idle))
    assert time.monotonic() - started > 1.0  # a lower bound: no machine is too slow for it
