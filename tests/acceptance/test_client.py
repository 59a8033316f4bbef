"""`bridge.client` against a running bridge."""

import asyncio
from typing import Any

import pytest
from chaos.proxy import Proxy
from support.bridge_client import client_of, create, created
from support.envelopes import CREATION, add_contact, calls_about
from support.site import Site, name_of_letters
from support.worker import BOUND, until

from bridge.client import (
    ClientClosed,
    ContactNotFound,
    InvalidData,
    LcmUnavailable,
    NoReply,
    OutcomeUnknown,
    UnknownOperation,
)
from bridge.simulator import Fault

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_every_operation_of_the_contract(site: Site, relay: Proxy) -> None:
    """Each method returns what the contract's page says of its operation."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent, PhoneNumber="2025550100")
    add_contact(site.simulator, agent, kind="od", ContactId="137")

    async with client_of(site, relay) as client:
        key = await create(client, agent)
        [contact] = await client.get_reserved_manual_dial_contact(
            agent_id=agent, count=1, consent=True, reserved=True
        )
        without_consent = await client.get_reserved_contact_od(user_id=agent)
        await client.skip_manual_dial_contact(
            outcome_id=100, user_id=agent, account_number=account, phone_number="2025550100"
        )
        await client.manual_dial_call(phone_number="+1 202 555 0100")

        assert client.connected

    assert not client.connected
    assert 6 == key.count("|")
    assert account == contact["AccountNumber"]
    assert "137" == without_consent["ContactId"]


async def test_a_hundred_at_once_are_told_apart(site: Site, relay: Proxy) -> None:
    """Each of many concurrent calls gets its own reply, and no more of them are under way than may be."""
    agents = [f"{name_of_letters()}-{number}" for number in range(100)]
    for agent in agents:
        add_contact(site.simulator, agent, kind="od", Queue=agent)
    site.simulator.calls.reset()
    site.simulator.faults.put(Fault(latency_ms=5, jitter_ms=30))

    async with client_of(site, relay, in_flight=30) as client:
        replies = await asyncio.gather(
            *(
                client.request("GetReservedContactOD", {"UserID": agent}, traceparent=TRACE)
                for agent in agents
            )
        )
        assert (0, 1, 0) == (client.pending, client.connections, client.unmatched_replies)

    assert agents == [reply.response["Queue"] for reply in replies]  # type: ignore[index, call-overload]
    assert {TRACE} == {reply.headers["traceparent"] for reply in replies}
    assert site.simulator.calls.peak_in_flight <= 30


async def test_the_deadline_ends_the_wait(site: Site, relay: Proxy) -> None:
    """What nothing is heard of ends as `NoReply` with its key, and a later reply disturbs nobody."""
    agent = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", method="CreateContact", count=1))

    async with client_of(site, relay) as client:
        relay_stalls = asyncio.create_task(_stall_when_called(site, relay, agent))
        with pytest.raises(NoReply) as ended:
            await create(client, agent, timeout=2.0)
        await relay_stalls
        site.simulator.release()
        relay.flow()
        await until(lambda: client.unmatched_replies == 1, "the late reply comes")
        with pytest.raises(OutcomeUnknown):
            await create(client, agent, idempotency_key=ended.value.idempotency_key)

    assert ended.value.idempotency_key
    assert not ended.value.retryable


async def _stall_when_called(site: Site, relay: Proxy, text: str) -> None:
    await until(lambda: calls_about(site.simulator, text) == 1, "LCM is called")
    relay.stall()


async def test_what_may_be_repeated_is_repeated_with_the_same_key(site: Site, relay: Proxy) -> None:
    """LCM is away at first: the second attempt has the effect, once."""
    agent = name_of_letters()
    # The bridge itself calls three times for a requester that waits.
    site.simulator.faults.put(Fault(kind="status", status=503, method="CreateContact", count=3))

    async with client_of(site, relay) as client:
        await create(client, agent)
        again = await client.request(
            "CreateContact", CREATION | {"AgentID": agent}, idempotency_key="fixed " + agent
        )
        replayed = await client.request(
            "CreateContact", CREATION | {"AgentID": agent}, idempotency_key="fixed " + agent
        )

    assert 2 == created(site, agent)
    assert (False, True) == (again.replayed, replayed.replayed)
    assert again.response == replayed.response


async def test_repeating_ends_with_the_deadline(
    site: Site, relay: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the next attempt would come too late, the failure is raised, and that there was no effect."""
    agent = name_of_letters()
    site.simulator.faults.put(Fault(kind="status", status=503, method="CreateContact", count=3))
    for wait in ("FIRST_WAIT", "LONGEST_WAIT"):
        monkeypatch.setattr(f"bridge.client.attempts.{wait}", 100)

    async with client_of(site, relay) as client:
        with pytest.raises(LcmUnavailable) as failed:
            await create(client, agent)

    assert failed.value.retryable
    assert failed.value.msg
    assert 0 == created(site, agent)


async def test_what_may_not_be_repeated_is_raised_at_once(site: Site, relay: Proxy) -> None:
    """Each as its class, with the ids that the bridge's log shows, and the fields that are wrong."""
    async with client_of(site, relay) as client:
        with pytest.raises(ContactNotFound) as none:
            await client.get_reserved_contact_od(user_id=name_of_letters())
        with pytest.raises(InvalidData) as wrong:
            await client.get_reserved_contact_od(user_id="")
        with pytest.raises(UnknownOperation, match="nearest"):
            await client.request("GetReservedContact", {})

    assert ["data.UserID"] == [detail.field for detail in wrong.value.details]

    def settled() -> list[Any]:
        lines = site.worker.events("request.settled")
        return [line for line in lines if line.get("message_id") == none.value.message_id]

    await until(lambda: len(settled()) == 1, "it is in the log")
    [line] = settled()
    assert "CONTACT_NOT_FOUND" == line["outcome"]
    assert none.value.correlation_id == line["correlation_id"]
    assert "widget" == line["source"]


async def test_a_cancelled_call_leaves_nothing(site: Site, relay: Proxy) -> None:
    """Its place is free again, and its reply disturbs nobody."""
    agent = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", method="CreateContact", count=1))

    async with client_of(site, relay, in_flight=1) as client:
        asking = asyncio.create_task(create(client, agent))
        await until(lambda: calls_about(site.simulator, agent) == 1, "LCM is called")
        waiting = asyncio.create_task(create(client, agent))
        await asyncio.sleep(0)
        asking.cancel()
        waiting.cancel()
        await asyncio.wait([asking, waiting])
        assert 0 == client.pending
        site.simulator.release()
        await until(lambda: client.unmatched_replies == 1, "the reply that nobody waits for comes")
        await client.manual_dial_call(phone_number="2025550100")

    assert asking.cancelled()
    assert waiting.cancelled()


async def test_closing(site: Site, relay: Proxy) -> None:
    """What is under way is waited for, for a bound; what is left is told that the client was closed."""
    agent = name_of_letters()
    site.simulator.faults.put(Fault(kind="hang", method="CreateContact", count=2))

    async with client_of(site, relay) as client:
        first = asyncio.create_task(create(client, agent))
        await until(lambda: calls_about(site.simulator, agent) == 1, "LCM is called")
        closing = asyncio.create_task(client.close(20))
        await asyncio.sleep(0)
        with pytest.raises(ClientClosed) as late:
            await create(client, agent)
        site.simulator.release()
        await closing
        assert first.done()
        assert 6 == first.result().count("|")
    assert late.value.retryable

    async with client_of(site, relay) as client:
        second = asyncio.create_task(create(client, agent))
        await until(lambda: calls_about(site.simulator, agent) == 2, "LCM is called again")
        await client.close(0)
        with pytest.raises(ClientClosed) as closed:
            await asyncio.wait_for(second, BOUND)
    assert not closed.value.retryable
    assert closed.value.idempotency_key
