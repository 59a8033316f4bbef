"""``lcm-bridge dead-letters settle``: what a person found out, and the replay after it."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from support.envelopes import Envelope, create, manual, skip
from support.letters import everything_once, listed, put_letter, ready, run_letters, until_letters
from support.requester import next_message
from support.site import MakeSite, Site, name_of_letters
from support.worker import until

from bridge.simulator import Fault

NO_REDIS = {"BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0"}
KEY_OF_LCM = "0|7|77|0|0|00|7777"


async def cut_off(site: Site, request: Envelope, *, when: Any = "after", **properties: Any) -> str:
    """Have LCM's answer to a request get lost; return the reply's correlation id."""
    site.simulator.faults.put(Fault(kind="html", when=when, count=1))
    reply = await site.widget.ask(request, **properties)
    site.simulator.faults.clear()
    assert "OUTCOME_UNKNOWN" == reply.error_type
    return str(reply.message.correlation_id)


async def only_letter(site: Site, folder: Path) -> str:
    """Return the id of the one letter there is."""
    (line,) = await listed(site, folder)
    assert "outcome-unknown" == line["reason"]
    return str(line["id"])


async def test_it_happened(letters: Site, tmp_path: Path) -> None:
    """Settled with the reply, the replay answers the requester with it; LCM is not called again."""
    site, name = letters, name_of_letters()
    before = len(site.simulator.effects)
    correlation_id = await cut_off(site, create(), message_id=name)
    letter = await only_letter(site, tmp_path)
    unsettled = await run_letters(site, tmp_path, "show", letter)

    settled = await run_letters(site, tmp_path, "settle", letter, "--happened", json.dumps(KEY_OF_LCM))
    after = await run_letters(site, tmp_path, "show", letter)
    waiting = site.widget.expect(correlation_id)
    replayed = await run_letters(site, tmp_path, "replay", "--yes", letter)
    reply = await waiting

    assert (0, 0) == (settled.code, replayed.code), settled.errors + replayed.errors
    assert "unknown: it was begun, and nobody knows" in unsettled.output
    assert "done: a replay gets the stored reply" in after.output
    assert KEY_OF_LCM in settled.output
    assert f"replay {letter}" in settled.output
    assert (KEY_OF_LCM, True) == (reply.response, reply.headers["x-bridge-replayed"])
    assert 1 == len(site.simulator.effects) - before
    assert 0 == await ready(site.widget, f"{site.prefix}.dead-letters")


async def test_it_did_not_happen(letters: Site, tmp_path: Path) -> None:
    """Settled as not happened, the replay carries it out: once, also if it is replayed twice."""
    site, name = letters, name_of_letters()
    before = len(site.simulator.effects)
    correlation_id = await cut_off(site, create(), when="before", message_id=name)
    letter = await only_letter(site, tmp_path)
    (copy,) = await everything_once(site)

    settled = await run_letters(site, tmp_path, "settle", letter, "--not-happened")
    shown = await run_letters(site, tmp_path, "show", letter)
    waiting = site.widget.expect(correlation_id)
    replayed = await run_letters(site, tmp_path, "replay", "--yes")
    reply = await waiting
    await put_back(site, copy)
    waiting = site.widget.expect(correlation_id)
    again = await run_letters(site, tmp_path, "replay", "--yes")
    second = await waiting

    assert [0, 0, 0] == [ended.code for ended in (settled, replayed, again)], replayed.errors + again.errors
    assert "open: a person found that it did not happen" in shown.output
    assert "carries it out" in settled.output
    assert reply.response == second.response
    assert (None, True) == tuple(one.headers.get("x-bridge-replayed") for one in (reply, second))
    assert 1 == len(site.simulator.effects) - before


async def put_back(site: Site, letter: Any) -> None:
    """Put a copy of a letter there, as if its removal had been lost after its replay was confirmed."""
    headers = {name: value for name, value in letter.headers.items() if name != "x-delivery-count"}
    await site.widget.publish(
        letter.body,
        queue=f"{site.prefix}.dead-letters",
        headers=headers,
        message_id=letter.message_id,
        correlation_id=letter.correlation_id,
        reply_to=letter.reply_to,
        timestamp=letter.timestamp,
        delivery_mode=2,
        user_id=letter.user_id,
    )


async def test_a_replay_that_was_not_removed_is_known(letters: Site, tmp_path: Path) -> None:
    """A letter without a key, replayed twice as after a crash between confirm and removal: one effect."""
    site = letters
    before = len(site.simulator.effects)
    events = await site.widget.listen("#.CreateContactResponse")
    await put_letter(site.widget, create(), message_id="made", headers={"x-message-id-made": True})
    (copy,) = await everything_once(site)

    first = await run_letters(site, tmp_path, "replay", "--yes")
    event = await next_message(events)
    await put_back(site, copy)
    second = await run_letters(site, tmp_path, "replay", "--yes")
    repeated = await next_message(events)
    await events.delete()

    assert (0, 0) == (first.code, second.code)
    assert json.loads(event.body) == json.loads(repeated.body)
    assert 1 == len(site.simulator.effects) - before


async def test_a_killed_workers_request(make_site: MakeSite, tmp_path: Path) -> None:
    """A worker dies in a call: its successor tells OUTCOME_UNKNOWN, a person settles, the replay answers."""
    site = await make_site(BRIDGE_LEDGER__LEASE="1")
    site.simulator.faults.put(Fault(kind="hang", when="before", count=1))
    waiting = site.widget.expect("c-1")
    await site.widget.publish(
        create(), message_id="m", correlation_id="c-1", reply_to=site.widget.reply_queue.name
    )
    await until(lambda: site.simulator.hung == 1, "the call hangs")
    await site.worker.stop(signal.SIGKILL)
    site.simulator.release(drop=True)
    await site.worker.start()
    assert "OUTCOME_UNKNOWN" == (await waiting).error_type
    letter = await only_letter(site, tmp_path)

    careful = await run_letters(site, tmp_path, "replay", "--yes", letter)
    settled = await run_letters(site, tmp_path, "settle", letter, "--not-happened")
    waiting = site.widget.expect("c-1")
    replayed = await run_letters(site, tmp_path, "replay", "--yes", letter)

    assert (1, 0, 0) == (careful.code, settled.code, replayed.code)
    assert f"settle {letter}" in careful.errors
    assert isinstance((await waiting).response, str)
    assert 1 == len(site.simulator.effects)


async def test_unsettled_gets_the_same_end(letters: Site, tmp_path: Path) -> None:
    """--unsettled replays it all the same: the ledger knows it was cut off, and it is a letter again."""
    site, name = letters, name_of_letters()
    before = len(site.simulator.effects)
    correlation_id = await cut_off(site, create(), message_id=name)
    first = await only_letter(site, tmp_path)
    (once,) = await everything_once(site)
    told = len(site.worker.events("request.dead_lettered"))

    waiting = site.widget.expect(correlation_id)
    ended = await run_letters(site, tmp_path, "replay", "--yes", "--unsettled")
    reply = await waiting
    await until(lambda: told < len(site.worker.events("request.dead_lettered")), "dead-lettered again")
    await until_letters(site.widget, 1)
    (again,) = await everything_once(site)

    assert (0, "1 letter replayed, 0 left alone, of 1 looked at\n") == (ended.code, ended.output)
    assert first
    assert "OUTCOME_UNKNOWN" == reply.error_type
    assert once.body == again.body
    assert "outcome-unknown" == again.headers["x-reason"]
    assert 1 == len(site.simulator.effects) - before


REPLIES: dict[str, tuple[Any, list[str], str]] = {
    "CreateContact": (create(), ['{"success": true}', '""', "7", "null"], json.dumps(KEY_OF_LCM)),
    "SkipManualDialContact": (skip("a", "1"), ["true", '{"success": false}', '"1"'], '{"success": true}'),
    "GetReservedManualDialContact": (
        manual("a", reserved=False),
        ["true", "[]", '["x"]'],
        '[{"AccountNumber": "1"}]',
    ),
}


@pytest.mark.parametrize("operation", REPLIES)
async def test_the_reply_must_be_the_operations(letters: Site, tmp_path: Path, operation: str) -> None:
    """What cannot be the reply of the operation is exit 2, and writes nothing; the right form is taken."""
    request, wrong, right = REPLIES[operation]
    site, name = letters, name_of_letters()
    await cut_off(site, request, message_id=name)
    letter = await only_letter(site, tmp_path)
    (tmp_path / "reply.json").write_text(right)

    refused = [await run_letters(site, tmp_path, "settle", letter, "--happened", reply) for reply in wrong]
    shown = await run_letters(site, tmp_path, "show", letter)
    taken = await run_letters(site, tmp_path, "settle", letter, "--happened", "@reply.json")

    assert {2} == {ended.code for ended in refused}
    assert all(f"the reply of {operation} is" in ended.errors for ended in refused)
    assert "unknown: it was begun," in shown.output
    assert 0 == taken.code, taken.errors


async def test_what_cannot_be_settled(letters: Site, tmp_path: Path) -> None:
    """Another reason, no key, no letter, an end that is known, Redis away: exit 1, and why."""
    site, name = letters, name_of_letters()
    await put_letter(site.widget, create(), message_id="other")
    made = {"x-message-id-made": True}
    await put_letter(site.widget, create(), reason="outcome-unknown", message_id="made", headers=made)
    await site.widget.ask(create(), message_id=name)
    await put_letter(site.widget, create(), reason="outcome-unknown", message_id=name)
    await put_letter(site.widget, create(), reason="outcome-unknown", message_id="forgotten")
    other, unprotected, done, forgotten = [line["id"] for line in await listed(site, tmp_path)]

    async def why(letter: str, **settings: str) -> tuple[int, str]:
        ended = await run_letters(site, tmp_path, "settle", letter, "--not-happened", **settings)
        assert "Traceback" not in ended.errors
        return ended.code, ended.errors.replace(letter, "ID")

    assert (1, "ID is not among the dead letters\n") == await why("0123456789ab")
    assert (1, "ID is there for retries-exhausted: only an outcome-unknown can be settled\n") == await why(
        other
    )
    assert (
        1,
        "ID was unprotected (no key): nothing to settle; replay it with --unsettled or drop it\n",
    ) == await why(unprotected)
    assert (
        1,
        "ID cannot be settled: it is known how this ended: there is nothing to settle\n",
    ) == await why(done)
    code, errors = await why(forgotten, **NO_REDIS)
    assert 1 == code
    assert "Redis does not answer, so nothing was written" in errors


async def test_what_is_running_cannot_be_settled(make_site: MakeSite, tmp_path: Path) -> None:
    """While somebody carries it out, neither settle nor replay goes before."""
    site = await make_site(BRIDGE_LCM__TIMEOUT="20")
    site.simulator.faults.put(Fault(kind="hang", when="before", count=1))
    waiting = site.widget.expect("c-1")
    await site.widget.publish(
        create(), message_id="m", correlation_id="c-1", reply_to=site.widget.reply_queue.name
    )
    await until(lambda: site.simulator.hung == 1, "the call hangs")
    await put_letter(site.widget, create(), reason="outcome-unknown", message_id="m")
    letter = await only_letter(site, tmp_path)

    settled = await run_letters(site, tmp_path, "settle", letter, "--not-happened")
    replayed = await run_letters(site, tmp_path, "replay", "--yes")
    shown = await run_letters(site, tmp_path, "show", letter)
    site.simulator.release()

    assert (1, 0) == (settled.code, replayed.code)
    assert "still running" in settled.errors
    assert "it is being carried out just now" in replayed.errors
    assert "running: somebody carries it out now" in shown.output
    await waiting
