"""``lcm-bridge dead-letters list``, ``show`` and ``drop``, with letters of the bridge and of the broker."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from support.command import run_command
from support.envelopes import create, dial, od, skip
from support.letters import (
    everything_in,
    listed,
    put_letter,
    ready,
    run_letters,
    until_letters,
)
from support.permitted import url_for_sites
from support.rawamqp import TYPE, raw_channel, short
from support.requester import BOUND
from support.site import MakeSite, Site, open_site

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault

PHONE = "2025550147"
LONG = "c" * 200
NOWHERE = {
    "BRIDGE_AMQP__URL": "amqp://guest:h1dd3n@127.0.0.1:1/",
    "BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0",
}


@pytest.fixture(scope="module")
async def shared(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Run one site for all tests of this module, which have its dead letters one after the other."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("letters")
        yield await open_site(stack, url_for_sites(rabbit), redis_server.url, folder, None, {}, ready=True)


@pytest.fixture
async def letters(shared: Site) -> AsyncIterator[Site]:
    """Take every letter out after a test."""
    yield shared
    shared.simulator.faults.clear()
    await everything_in(shared.widget, f"{shared.prefix}.dead-letters")


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


async def test_list_of_what_the_broker_expired(make_site: MakeSite, tmp_path: Path) -> None:
    """A request that expired while no worker ran: the broker's reason and time, and its own key."""
    site = await make_site()
    await site.worker.stop()
    await site.widget.publish(create(), message_id="m-late", expiration=0.001)
    await site.widget.publish(b"{", message_id="m-broken", expiration=0.001)
    await until_letters(site.widget, 2)

    lines = await listed(site, tmp_path, "--reason", "expired", "--newer-than", "1h")
    by_key = {line["key"]: line for line in lines}
    shown = await run_letters(site, tmp_path, "show", by_key["m-late"]["id"])

    assert {"m-late", "m-broken"} == set(by_key)
    assert ("CreateContact", "unknown") == (by_key["m-late"]["operation"], by_key["m-broken"]["operation"])
    assert by_key["m-late"]["attempts"] is None
    assert by_key["m-late"]["when"] is not None
    assert f"exchange '{site.prefix}.requests', routing key 'LCM.WebService.CreateContact'" in shown.output


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
    assert 5 == await ready(letters.widget, f"{letters.prefix}.dead-letters")


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
    assert 3 == await ready(letters.widget, f"{letters.prefix}.dead-letters")


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


async def test_show_says_everything(letters: Site, tmp_path: Path) -> None:
    """Properties, headers and the body in lines; numbers in clear unless --mask is given."""
    await put_letter(
        letters.widget,
        skip("agent-a", "0|1|2", phone=PHONE),
        operation="SkipManualDialContact",
        message_id="m-1",
        correlation_id=LONG,
        reply_to="q-1",
        headers={"x-own": "mine", "x-original-user-id": "widget"},
    )
    letter = (await listed(letters, tmp_path))[0]["id"]

    clear = await run_letters(letters, tmp_path, "show", letter, COLUMNS="")
    masked = await run_letters(letters, tmp_path, "show", letter, "--mask")

    assert (0, 0) == (clear.code, masked.code)
    for text in (letter, "m-1", LONG, "q-1", "x-own", "mine", "widget", "LCM was away", "retries-exhausted"):
        assert text in clear.output
    assert f'    "PhoneNumber": "{PHONE}"' in clear.output.splitlines()
    assert PHONE not in masked.output
    assert '    "PhoneNumber": "***47"' in masked.output.splitlines()


async def test_show_of_a_letter_that_is_not_there(letters: Site, tmp_path: Path) -> None:
    """It says so, and is exit 1."""
    ended = await run_letters(letters, tmp_path, "show", "0123456789ab")

    assert (1, "not among the dead letters: 0123456789ab\n") == (ended.code, ended.errors)


async def test_strangers_letters_are_shown_as_they_are(letters: Site, tmp_path: Path) -> None:
    """Bytes that are no text, markup and what steers a terminal neither end the command nor act."""
    queue = f"{letters.prefix}.dead-letters"
    await letters.widget.publish(
        b"\xff\x1b[2J[red]", queue=queue, headers={"x-reason": "[bold]\x1b[2J", "x-death": 7}
    )
    deep = b"[" * 100_000
    await letters.widget.publish(
        deep, queue=queue, headers={"x-reason": "expired", "x-dead-lettered-at": "soon"}
    )
    async with raw_channel(letters.url) as channel:
        assert await channel.publish("", queue, b"{}", {TYPE: short(b"\xff")})
        await channel.publish(f"{letters.prefix}.dead-letters", b"key\xff", b"{}", {})

    lines = await listed(letters, tmp_path)
    again = await listed(letters, tmp_path)
    shown = [await run_letters(letters, tmp_path, "show", line["id"]) for line in lines]

    # This process cannot fetch them without dying of it.
    dropped = await run_letters(letters, tmp_path, "drop", "--all", "--yes")

    assert lines == again
    assert 0 == dropped.code
    assert ["unknown", "expired", "unknown", "unknown"] == [line["reason"] for line in lines]
    assert [0, 0, 0, 0] == [ended.code for ended in shown]
    assert "[red]" in shown[0].output
    assert "\x1b" not in shown[0].output
    assert "lost properties" in shown[2].output
    assert "message_type" in shown[2].output


async def test_drop_removes_what_is_named(letters: Site, tmp_path: Path) -> None:
    """By id and by filter; the others stay, in their order."""
    for number in range(4):
        await put_letter(letters.widget, create(), message_id=f"m-{number}")
    await put_letter(letters.widget, dial(), message_id="dial", operation="ManualDialCall")
    ids = {line["key"]: line["id"] for line in await listed(letters, tmp_path)}

    by_id = await run_letters(letters, tmp_path, "drop", ids["m-1"], ids["m-2"], "--yes")
    by_filter = await run_letters(letters, tmp_path, "drop", "--operation", "ManualDialCall", "--yes")

    assert (0, "2 letters dropped, 0 left alone, of 5 looked at\n") == (by_id.code, by_id.output)
    assert (0, "1 letter dropped, 0 left alone, of 3 looked at\n") == (by_filter.code, by_filter.output)
    assert ["m-0", "m-3"] == [line["key"] for line in await listed(letters, tmp_path)]


async def test_drop_all(letters: Site, tmp_path: Path) -> None:
    """Without an id or a filter it needs --all; with --limit it stops there."""
    for number in range(3):
        await put_letter(letters.widget, create(), message_id=f"m-{number}")

    refused = await run_letters(letters, tmp_path, "drop", "--yes")
    first = await run_letters(letters, tmp_path, "drop", "--all", "--yes", "--limit", "1")
    left = [line["key"] for line in await listed(letters, tmp_path)]
    rest = await run_letters(letters, tmp_path, "drop", "--all", "--yes")

    assert (2, 0, 0) == (refused.code, first.code, rest.code)
    assert "--all" in refused.errors
    assert ["m-1", "m-2"] == left
    assert 0 == await ready(letters.widget, f"{letters.prefix}.dead-letters")


async def test_dry_run_and_no_terminal(letters: Site, tmp_path: Path) -> None:
    """--dry-run says what would go and touches nothing; without a terminal and --yes nothing is done."""
    await put_letter(letters.widget, create(), message_id="m")
    letter = (await listed(letters, tmp_path))[0]["id"]

    dry = await run_letters(letters, tmp_path, "drop", "--all", "--dry-run")
    unasked = await run_letters(letters, tmp_path, "drop", "--all")

    assert 0 == dry.code
    assert letter in dry.output
    assert "1 letter would be dropped" in dry.output
    assert 2 == unasked.code
    assert "--yes" in unasked.errors
    assert 1 == await ready(letters.widget, f"{letters.prefix}.dead-letters")


async def test_a_named_letter_that_is_not_there(letters: Site, tmp_path: Path) -> None:
    """It is named, and is exit 1; the others that were named are done."""
    await put_letter(letters.widget, create(), message_id="m")
    letter = (await listed(letters, tmp_path))[0]["id"]

    ended = await run_letters(letters, tmp_path, "drop", "--yes", letter, "0123456789ab")

    assert (1, "not among the dead letters: 0123456789ab\n") == (ended.code, ended.errors)
    assert 0 == await ready(letters.widget, f"{letters.prefix}.dead-letters")


ACTIONS = (["list"], ["show", "0123456789ab"], ["replay", "--yes"], ["drop", "--all", "--yes"])


@pytest.mark.parametrize("arguments", ACTIONS)
async def test_broker_away(tmp_path: Path, arguments: list[str]) -> None:
    """A broker that is away is exit 1 with a line that names the node and what to try, and no password."""
    ended = await run_command("dead-letters", *arguments, folder=tmp_path, settings=NOWHERE)

    assert 1 == ended.code
    assert "127.0.0.1:1" in ended.errors
    assert ended.errors.endswith("; try: lcm-bridge check\n")
    assert [] == [text for text in ("Traceback", "h1dd3n") if text in ended.errors + ended.output]


@pytest.mark.parametrize("arguments", ACTIONS)
async def test_no_queue_yet(rabbit: PrivateRabbit, tmp_path: Path, arguments: list[str]) -> None:
    """Where no worker ever ran there is no queue, which is said."""
    settings = {"BRIDGE_AMQP__URL": rabbit.url, "BRIDGE_AMQP__PREFIX": "never-declared"}

    ended = await run_command("dead-letters", *arguments, folder=tmp_path, settings=settings)

    assert 1 == ended.code
    assert "there is no queue never-declared.dead-letters" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            [],
            ["nosuch"],
            ["show"],
            ["show", "ID"],
            ["drop", "0123456789a"],
            ["list", "--reason", "bad-luck"],
        ),
        *(["list", "--older-than", text] for text in ("", "2", "h", "-1h", "2y", "1e3s", "99999999d")),
        *(["list", "--limit", text] for text in ("0", "-1", "1.5", "9999999999")),
        *(["replay", f"--rate={text}"] for text in ("0", "-1", "nan", "inf", "fast")),
        *(["list", "--operation", "Nosuch"], ["settle", "0123456789ab"]),
        ["settle", "0123456789ab", "--happened", "{}", "--not-happened"],
    ],
)
async def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Wrong usage is exit 2 with a usage line, before anything is connected."""
    ended = await run_command("dead-letters", *arguments, folder=tmp_path, settings=NOWHERE)

    assert 2 == ended.code
    assert "usage:" in ended.errors
    assert "Traceback" not in ended.errors
