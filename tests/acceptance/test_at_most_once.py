"""Repeated requests: a side effect happens once per key, and a repetition is told what the first one was."""

import asyncio
import json
import time
from typing import Any

import pika  # type: ignore[import-untyped]  # it has no type hints
import pytest
from support.envelopes import CREATION, Envelope, add_contact, create, manual, skip
from support.requester import Reply
from support.site import MakeSite, Site, name_of_letters
from support.worker import running, until

from bridge.simulator import Fault, Options


def created(site: Site, detail: str) -> int:
    """Count the contacts that were created with this detail."""
    return sum(detail == effect.request.get("ContactDetail") for effect in site.simulator.effects.effects)


async def publish_bare(site: Site, request: Envelope, **properties: str) -> None:
    """Publish with these properties alone: aio-pika would make up a message id."""

    def publish() -> None:
        with pika.BlockingConnection(pika.URLParameters(site.url)) as connection:
            connection.channel().basic_publish(
                f"{site.prefix}.requests",
                "LCM.WebService.CreateContact",
                json.dumps(request).encode(),
                pika.BasicProperties(**properties),
            )

    await asyncio.to_thread(publish)


def told(reply: Reply) -> tuple[Any, bool]:
    """Return what a reply says, and whether it is a stored one."""
    return reply.response, bool(reply.headers.get("x-bridge-replayed"))


@pytest.mark.parametrize(
    "key",
    [
        {"headers": {"idempotency-key": "{}"}},
        {"message_id": "{}"},
        {"headers": {"idempotency-key": "{}"}, "message_id": "another each time"},
    ],
    ids=["header", "message id", "header before message id"],
)
async def test_a_repetition_gets_the_stored_reply(site: Site, key: dict[str, Any]) -> None:
    """The same key again: the same reply, marked as stored, and no second effect."""
    name = name_of_letters()
    properties: dict[str, Any] = {
        part: {"idempotency-key": name} if part == "headers" else value.format(name)
        for part, value in key.items()
    }

    first, again = [await site.widget.ask(create(ContactDetail=name), **properties) for _ in range(2)]

    assert (first.response, False) == told(first)
    assert (first.response, True) == told(again)
    assert 1 == created(site, name)


async def test_reply_queue_and_correlation_id_are_a_key(site: Site) -> None:
    """Without header and message id, a request that is to be answered at the same address is a repetition."""
    name = name_of_letters()
    replies = []
    for detail in (name, name, f"{name}-other"):
        waiting = site.widget.expect(name)
        await publish_bare(
            site, create(ContactDetail=detail), correlation_id=name, reply_to=site.widget.reply_queue.name
        )
        replies.append(await asyncio.wait_for(waiting, 20))
    mismatch = replies.pop()

    assert [False, True] == [told(reply)[1] for reply in replies]
    assert "(its reply_to and correlation_id)" in mismatch.response["errorMessage"]
    assert 1 == created(site, name)


async def test_keys_of_different_origin_never_meet(site: Site) -> None:
    """A message id that reads like another request's idempotency key is another key."""
    name = name_of_letters()

    await site.widget.ask(create(ContactDetail=name), message_id=name)
    other = await site.widget.ask(create(ContactDetail=name), headers={"idempotency-key": name})

    assert not told(other)[1]
    assert 2 == created(site, name)


async def test_a_key_belongs_to_an_operation(site: Site) -> None:
    """Two operations with the same key are two requests."""
    name = name_of_letters()
    account = add_contact(site.simulator, name)

    await site.widget.ask(create(ContactDetail=name), message_id=name)
    other = await site.widget.ask(skip(name, account), message_id=name)

    assert ({"success": True}, False) == told(other)


@pytest.mark.parametrize("by", ["the header idempotency-key", "its message_id"])
async def test_other_data_under_the_same_key_is_refused(site: Site, by: str) -> None:
    """The same key for another contact: refused, not retryable, no effect; and told which key it is."""
    name = name_of_letters()
    key: dict[str, Any] = {"message_id": name}
    if "header" in by:
        key = {"headers": {"idempotency-key": name}}
    await site.widget.ask(create(ContactDetail=name), **key)

    reply = await site.widget.ask(create(ContactDetail=f"{name}-other"), **key)

    assert ("IDEMPOTENCY_MISMATCH", False) == (reply.error_type, reply.response["retryable"])
    said = f"the key of the request ({by}) was used before, with other data: a new request needs a new key"
    assert said == reply.response["errorMessage"]
    assert 0 == created(site, f"{name}-other")


async def test_the_same_data_in_another_spelling_is_a_repetition(site: Site) -> None:
    """Names in another case, a number as text, a default spelt out: the content is the same."""
    name = name_of_letters()
    spelt = {key.upper(): value for key, value in CREATION.items()}
    spelt |= {"CALLTYPE": 0, "STATUS": "4", "CONTACTDETAIL": name, "ISACCOUNTNUMBER": "true"}
    request = create(ContactDetail=name) | {"data": spelt}

    await site.widget.ask(create(ContactDetail=name), message_id=name)
    again = await site.widget.ask(request, message_id=name)

    assert told(again)[1]
    assert 1 == created(site, name)


async def test_a_repetition_by_the_other_route_is_answered_on_it(site: Site) -> None:
    """CreateContact and its other name are one operation: the stored reply bears the subtopic asked by."""
    name = name_of_letters()

    await site.widget.ask(create(ContactDetail=name), message_id=name)
    again = await site.widget.ask(create("AddCompliance", ContactDetail=name), message_id=name)

    assert ("AddComplianceResponse", True) == (again.body["subtopic"], told(again)[1])


async def test_one_that_still_runs_is_waited_for(site: Site) -> None:
    """The same request while the first is in LCM: both get the one answer."""
    name = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = [asyncio.create_task(site.widget.ask(create(ContactDetail=name), message_id=name))]
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    before = await site.worker.metric('lcm_bridge_ledger_total{outcome="waited"}')

    asked.append(asyncio.create_task(site.widget.ask(create(ContactDetail=name), message_id=name)))
    async with asyncio.timeout(20):
        while before == await site.worker.metric('lcm_bridge_ledger_total{outcome="waited"}'):
            await asyncio.sleep(0.02)
    site.simulator.release()
    replies = await asyncio.gather(*asked)

    assert 1 == len({str(reply.response) for reply in replies})
    assert [False, True] == sorted(told(reply)[1] for reply in replies)
    assert 1 == created(site, name)


async def test_two_workers_share_the_ledger(make_site: MakeSite) -> None:
    """Forty requests, each published twice at once before two workers: forty effects, equal replies."""
    site = await make_site()
    log = site.worker.log.with_name("second.log")
    async with running(site.settings, log):
        names = [name_of_letters() for _ in range(40)]
        replies = await asyncio.gather(
            *(site.widget.ask(create(ContactDetail=name), message_id=name) for name in names * 2)
        )

    assert [1] * 40 == [created(site, name) for name in names]
    assert 40 == len({reply.response for reply in replies})
    assert 40 == sum(told(reply)[1] for reply in replies)


async def test_a_refusal_of_lcm_is_stored(site: Site) -> None:
    """LCM said no for good: the repetition is told the same, and LCM is not asked again."""
    name = name_of_letters()
    site.simulator.faults.put(Fault(kind="fault", message="Campaign is closed", count=1))

    first, again = [await site.widget.ask(create(ContactDetail=name), message_id=name) for _ in range(2)]

    assert ("WS_Error", "Campaign is closed") == (first.error_type, first.response["errorMessage"])
    assert (first.response, True) == told(again)
    assert 0 == created(site, name)


async def test_a_retryable_failure_releases_the_key(make_site: MakeSite) -> None:
    """LCM takes no calls: the failure may be retried with the same key, and then it is carried out."""
    site = await make_site(BRIDGE_RETRY__QUICK="0")
    name = name_of_letters()
    site.simulator.faults.put(Fault(kind="status", status=503, count=1))

    first = await site.widget.ask(create(ContactDetail=name), message_id=name)
    again = await site.widget.ask(create(ContactDetail=name), message_id=name)

    assert ("LCM_UNAVAILABLE", True) == (first.error_type, first.response["retryable"])
    assert isinstance(again.response, str)
    assert not told(again)[1]
    assert 1 == created(site, name)


async def test_an_unknown_outcome_stays_unknown(site: Site) -> None:
    """LCM acted and its answer broke off: OUTCOME_UNKNOWN, also for the repetition, each dead-lettered."""
    name = name_of_letters()
    site.simulator.faults.put(Fault(kind="half", when="after", count=1))

    replies = [await site.widget.ask(create(ContactDetail=name), message_id=name) for _ in range(2)]
    letters = [await site.widget.dead_letter() for _ in range(2)]

    assert ["OUTCOME_UNKNOWN"] * 2 == [reply.error_type for reply in replies]
    assert [(name, "outcome-unknown")] * 2 == [
        (letter.message_id, letter.headers["x-reason"]) for letter in letters
    ]
    assert 1 == created(site, name)


async def test_an_unknown_outcome_may_be_retried_where_lcm_honours_the_key(make_site: MakeSite) -> None:
    """``ledger.unknown_outcome = retry`` before a front that knows the header: one effect, and its answer."""
    site = await make_site(Options(honour_idempotency_key=True), BRIDGE_LEDGER__UNKNOWN_OUTCOME="retry")
    name = name_of_letters()
    site.simulator.faults.put(Fault(kind="half", when="after", count=1))

    first = await site.widget.ask(create(ContactDetail=name), message_id=name)
    again = await site.widget.ask(create(ContactDetail=name), message_id=name)

    assert "OUTCOME_UNKNOWN" == first.error_type
    assert isinstance(again.response, str)
    assert 1 == created(site, name)


async def test_the_ledger_is_asked_before_a_deadline_is_judged(site: Site) -> None:
    """A repetition that comes too late still gets the stored reply; "expired" would deny the effect."""
    name = name_of_letters()
    await site.widget.ask(create(ContactDetail=name), message_id=name)

    past = {"x-deadline": int(time.time() * 1000) - 1000}
    again = await site.widget.ask(create(ContactDetail=name), message_id=name, headers=past)

    assert told(again)[1]


async def test_a_repeated_skip_leaves_the_cache_again(site: Site) -> None:
    """A skipped contact that somebody cached anew leaves once more with the repetition."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    await site.widget.ask(skip(agent, account), message_id=agent)
    add_contact(site.simulator, agent, AccountNumber=account)
    before = [(await site.widget.ask(manual(agent))).headers["x-bridge-cache"] for _ in range(2)]

    again = await site.widget.ask(skip(agent, account), message_id=agent)
    after = await site.widget.ask(manual(agent))

    assert ({"success": True}, True) == told(again)
    assert ["miss", "hit"] == before
    assert "miss" == after.headers["x-bridge-cache"]


async def test_new_contacts_are_reserved_once(site: Site) -> None:
    """Asking for new contacts reserves them: the repetition names the same ones."""
    agent = name_of_letters()
    site.simulator.state.set_login(agent, logged_in=True)
    request = manual(agent, 2, reserved=False)

    first, again = [await site.widget.ask(request, message_id=agent) for _ in range(2)]

    assert 2 == len(first.response)
    assert (first.response, True) == told(again)


async def test_a_request_without_a_key_is_carried_out_and_told_of(make_site: MakeSite) -> None:
    """No key at all: done, and the log says that it is unprotected."""
    site = await make_site()

    await publish_bare(site, create(ContactDetail="x"))
    await site.worker.until_logged("request.unprotected")
    await site.worker.until_logged("request.settled")

    assert 1 == created(site, "x")
    assert 1.0 == await site.worker.metric('lcm_bridge_ledger_total{outcome="unprotected"}')
