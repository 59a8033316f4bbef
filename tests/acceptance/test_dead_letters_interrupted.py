"""``lcm-bridge dead-letters replay`` that does not go through: no letter is lost, and none goes twice.

Interrupted, killed, refused by the broker, or told not to.
"""

import asyncio
import contextlib
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from support.envelopes import create
from support.letters import listed, put_letter, ready, replayed_to, run_letters, until_letters
from support.requester import BOUND
from support.site import MakeSite, Site

NAMES = [f"m-{place}" for place in range(20)]


async def half_way(site: Site, folder: Path) -> Process:
    """Begin to replay twenty letters, five a second, and return when some are done."""
    for name in NAMES:
        await put_letter(site.widget, create(), message_id=name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "dead-letters", "replay", "--yes", "--rate", "5",
        env=os.environ | site.settings, cwd=folder, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    await until_count(site, "requests.campaign", 3)
    return process


async def until_count(site: Site, queue: str, least: int) -> None:
    """Wait until a queue holds at least so many messages."""
    async with asyncio.timeout(BOUND):
        while await ready(site.widget, f"{site.prefix}.{queue}") < least:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_interruption_loses_and_repeats_nothing(
    idle: Site, tmp_path: Path, number: signal.Signals
) -> None:
    """The letter under way is finished, the rest goes back in its order; exit 1 says how many were done."""
    process = await half_way(idle, tmp_path)
    process.send_signal(number)
    output, errors = await asyncio.wait_for(process.communicate(), BOUND)

    done = [request.message_id for request in await replayed_to(idle)]
    await until_letters(idle.widget, len(NAMES) - len(done))
    left = [line["key"] for line in await listed(idle, tmp_path)]
    assert 1 == process.returncode, errors
    assert NAMES == [*done, *left]
    assert 3 <= len(done) < 20
    assert output.decode().startswith(f"interrupted: {len(done)} letters replayed")
    assert b"Traceback" not in errors


async def test_killed_half_way(idle: Site, tmp_path: Path) -> None:
    """A replay that is killed loses nothing: at worst the letter under way is there twice, under one key."""
    process = await half_way(idle, tmp_path)
    process.kill()
    await process.communicate()

    done = [request.message_id for request in await replayed_to(idle)]
    await until_count(idle, "dead-letters", len(NAMES) - len(done))
    left = [line["key"] for line in await listed(idle, tmp_path)]
    assert set(NAMES) == {*done, *left}
    assert 3 <= len(done) < 20
    assert len({*done} & {*left}) <= 1


async def test_a_full_queue_stops_it(make_site: MakeSite, tmp_path: Path) -> None:
    """What the broker refuses is not removed, nor is the rest; exit 1."""
    site = await make_site(BRIDGE_AMQP__MAX_LENGTH="2")
    await site.worker.stop()
    for number in range(12):
        await put_letter(site.widget, create(), message_id=f"m-{number}")

    ended = await run_letters(site, tmp_path, "replay", "--yes")

    done = [request.message_id for request in await replayed_to(site)]
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
    await until_letters(site.widget, 1)


async def test_a_letter_that_cannot_be_published_harms_no_other(idle: Site, tmp_path: Path) -> None:
    """It is left alone with the reason; those behind it are replayed."""
    headers = {"x-original-routing-key": "k" * 300}
    await put_letter(idle.widget, create(), message_id="bad", headers=headers)
    await put_letter(idle.widget, create(), message_id="good")

    ended = await run_letters(idle, tmp_path, "replay", "--yes")

    assert "1 letter replayed, 1 left alone, of 2 looked at\n" == ended.output
    assert ["good"] == [request.message_id for request in await replayed_to(idle)]
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
    await until_letters(idle.widget, left)
    assert 2 - left == len(await replayed_to(idle))
