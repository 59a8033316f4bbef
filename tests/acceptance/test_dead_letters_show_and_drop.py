"""``lcm-bridge dead-letters show`` and ``drop``: the whole of a letter, and its end."""

from pathlib import Path

from support.envelopes import create, dial, skip
from support.letters import listed, put_letter, ready, run_letters, until_letters
from support.rawamqp import TYPE, raw_channel, short
from support.site import Site

PHONE = "2025550147"
LONG = "c" * 200


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
    await until_letters(letters.widget, 1)


async def test_a_named_letter_that_is_not_there(letters: Site, tmp_path: Path) -> None:
    """It is named, and is exit 1; the others that were named are done."""
    await put_letter(letters.widget, create(), message_id="m")
    letter = (await listed(letters, tmp_path))[0]["id"]

    ended = await run_letters(letters, tmp_path, "drop", "--yes", letter, "0123456789ab")

    assert (1, "not among the dead letters: 0123456789ab\n") == (ended.code, ended.errors)
    assert 0 == await ready(letters.widget, f"{letters.prefix}.dead-letters")
