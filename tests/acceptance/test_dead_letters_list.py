"""``lcm-bridge dead-letters list``: letters of the bridge and of the broker, and as often as one looks."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from support.envelopes import create, dial, od, skip
from support.letters import (
    listed,
    put_letter,
    run_letters,
    until_letters,
)
from support.requester import BOUND
from support.site import Site

from bridge.simulator import Fault

PHONE = "2025550147"
LONG = "c" * 200


async def make_every_kind(site: Site) -> None:
    """Have requests dead-lettered by the bridge, in a known order."""
    widget = site.widget
    await widget.publish(od("a"), reply_to=f"{site.prefix}.dead-letters", message_id="m-refused")
    await until_letters(widget, 1)
    reply = {"channel": "LCM", "topic": "WebService", "subtopic": "ContactOD", "message": {"response": {}}}
    await widget.publish(reply, message_id="m-reply", routing_key="LCM.WebService.ContactOD")
    await until_letters(widget, 2)
    await widget.publish(skip("a", "1", outcome=-1, phone=PHONE), message_id=f"call-{PHONE}")
    await until_letters(widget, 3)
    site.simulator.faults.put(Fault(kind="html", when="after", count=1))
    await widget.ask(create(), message_id="m-unknown")
    await until_letters(widget, 4)


async def test_list_shows_every_letter(letters: Site, tmp_path: Path) -> None:
    """Why, when, which operation, what went wrong and the key; oldest first, and as often as one looks."""
    await make_every_kind(letters)

    ended = await run_letters(letters, tmp_path, "list")
    first, second = await listed(letters, tmp_path), await listed(letters, tmp_path)

    assert 0 == ended.code, ended.errors
    assert first == second
    assert [
        ("reply-to-refused", "GetReservedContactOD", "m-refused"),
        ("reply-as-request", "unknown", "m-reply"),
        ("failure-without-reply-to", "SkipManualDialContact", f"call-***{PHONE[-2:]}"),
        ("outcome-unknown", "CreateContact", "m-unknown"),
    ] == [(line["reason"], line["operation"], line["key"]) for line in first]
    assert [1, 1, 1, 1] == [line["attempts"] for line in first]
    assert 4 == len({line["id"] for line in first})
    rows = ended.output.splitlines()
    for line, row in zip(first, rows[1:], strict=False):
        for shown in (line["id"], line["reason"], line["operation"], line["when"][:10]):
            assert shown in row
    assert "data.OutcomeId" in ended.output
    assert "4 letters of 4 looked at; there are no more" == rows[-1]


async def test_list_shows_no_body_and_no_number(letters: Site, tmp_path: Path) -> None:
    """Neither the table nor the lines hold what the request held, or a phone number in error or key."""
    await put_letter(
        letters.widget,
        skip("agent-of-the-body", "account-of-the-body", phone=PHONE),
        message_id=f"call-{PHONE}",
        headers={"x-error": f"no contact with {PHONE} {'and so on ' * 50}"},
    )

    table = await run_letters(letters, tmp_path, "list")
    lines = await run_letters(letters, tmp_path, "list", "--json")
    open_ = await run_letters(letters, tmp_path, "list", "--json", BRIDGE_LOG__MASK="false")

    shown = table.output + lines.output
    assert [] == [text for text in (PHONE, "of-the-body", "and so on " * 12) if text in shown]
    assert "no contact with ***47" in shown
    assert f"call-{PHONE}" == json.loads(open_.output)["key"]


async def test_list_of_what_the_broker_expired(idle: Site, tmp_path: Path) -> None:
    """A request that expired while no worker ran: the broker's reason and time, and its own key."""
    await idle.widget.publish(create(), message_id="m-late", expiration=0.001)
    await idle.widget.publish(b"{", message_id="m-broken", expiration=0.001)
    await until_letters(idle.widget, 2)

    lines = await listed(idle, tmp_path, "--reason", "expired", "--newer-than", "1h")
    by_key = {line["key"]: line for line in lines}
    shown = await run_letters(idle, tmp_path, "show", by_key["m-late"]["id"])

    assert {"m-late", "m-broken"} == set(by_key)
    assert ("CreateContact", "unknown") == (by_key["m-late"]["operation"], by_key["m-broken"]["operation"])
    assert by_key["m-late"]["attempts"] is None
    assert by_key["m-late"]["when"] is not None
    assert f"exchange '{idle.prefix}.requests', routing key 'LCM.WebService.CreateContact'" in shown.output


async def test_filters(letters: Site, tmp_path: Path) -> None:
    """By reason, operation, age and id, and all that are given must hold."""
    old, new = 7200.0, 60.0
    await put_letter(letters.widget, create(), message_id="a", age=old)
    await put_letter(letters.widget, create(), message_id="b", age=new, reason="delivery-limit")
    await put_letter(letters.widget, dial(), message_id="c", age=old, operation="ManualDialCall")
    ids = {line["key"]: line["id"] for line in await listed(letters, tmp_path)}

    async def keys(*arguments: str) -> list[str]:
        return [line["key"] for line in await listed(letters, tmp_path, *arguments)]

    assert ["b"] == await keys("--reason", "delivery-limit")
    assert ["a", "b"] == await keys("--operation", "CreateContact")
    assert ["a", "c"] == await keys("--older-than", "1h")
    assert ["b"] == await keys("--newer-than", "61m")
    assert [] == await keys("--older-than", "30m", "--newer-than", "1h")
    assert ["a"] == await keys("--older-than", "1h", "--operation", "CreateContact")
    assert ["a", "c"] == await keys(ids["c"], ids["a"])
    assert [] == await keys(ids["c"], "--operation", "CreateContact")


async def test_list_is_bounded(letters: Site, tmp_path: Path) -> None:
    """At most --limit letters are shown, the oldest, and it is said that there are more."""
    for number in range(5):
        await put_letter(letters.widget, create(), message_id=f"m-{number}")

    ended = await run_letters(letters, tmp_path, "list", "--json", "--limit", "2")

    assert ["m-0", "m-1"] == [json.loads(line)["key"] for line in ended.output.splitlines()]
    assert "2 letters of 2 looked at; 3 more were not looked at (--limit 2)\n" == ended.errors
    await until_letters(letters.widget, 5)


async def test_looking_keeps_the_order(letters: Site, tmp_path: Path) -> None:
    """Letters that were looked at, some of them or all, stay before those that came later, in their order."""
    names = [f"m-{number}" for number in range(15)]
    for name in names:
        await put_letter(letters.widget, create(), message_id=name)
    ids = [line["id"] for line in await listed(letters, tmp_path)]

    await run_letters(letters, tmp_path, "show", ids[2])
    await listed(letters, tmp_path, "--limit", "2")
    await run_letters(letters, tmp_path, "drop", "--yes", "--all", "--limit", "1")
    await put_letter(letters.widget, create(), message_id="new")

    assert [*names[1:], "new"] == [line["key"] for line in await listed(letters, tmp_path)]


async def test_a_reader_that_goes_away(letters: Site, tmp_path: Path) -> None:
    """``list | head -1`` ends without a word, and the letters are all there."""
    for number in range(3):
        await put_letter(letters.widget, create(), message_id=f"m-{number}")
    command = f"{sys.executable} -m bridge dead-letters list --json | true"
    process = await asyncio.create_subprocess_shell(
        command, env=os.environ | letters.settings, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), BOUND)

    assert [] == [text for text in (b"Traceback", b"RabbitMQ", b"BrokenPipe") if text in errors]
    await until_letters(letters.widget, 3)


async def test_the_id_tells_messages_apart(letters: Site, tmp_path: Path) -> None:
    """Identical messages have one id; another body, property or header makes another."""
    same: dict[str, Any] = {"message_id": "m", "timestamp": 1_700_000_000, "headers": {"x-reason": "expired"}}
    queue = f"{letters.prefix}.dead-letters"
    changes: tuple[tuple[Any, dict[str, Any]], ...] = (
        (create(), {}),
        (create(), {}),
        (create(CampaignID="Other"), {}),
        (create(), {"correlation_id": "c"}),
        (create(), {"headers": {"x-reason": "expired", "x-own": [1, {"deep": bytearray(b"\xff")}]}}),
    )
    for body, change in changes:
        await letters.widget.publish(body, queue=queue, **(same | change))

    ids = [line["id"] for line in await listed(letters, tmp_path)]

    assert ids[0] == ids[1]
    assert 4 == len(set(ids))
