"""Skipping and creating contacts."""

import pytest
from simulator.simulator_calls import CREATE, MANUAL, SKIP, simulated

from bridge.simulator import Options, Simulator
from bridge.simulator.contacts import Kind
from bridge.simulator.placement import place


async def test_skip_closes_a_contact_once() -> None:
    """A skip answers true and closes the contact; the second one finds nothing."""
    async with simulated() as lcm:
        first = await lcm.post("SkipManualDialContact", SKIP)
        second = await lcm.post("SkipManualDialContact", SKIP)
        left = await lcm.post("GetReservedManualDialContact", MANUAL | {"NumberOfContactsRequired": "50"})

    assert {"d": True} == first.json
    assert {"d": False} == second.json
    assert SKIP["AccountNumber"] not in [contact["AccountNumber"] for contact in left.d]
    effects = lcm.simulator.effects.of_method("SkipManualDialContact")
    assert [SKIP] == [effect.request for effect in effects]


@pytest.mark.parametrize(
    "change",
    [
        {"AccountNumber": "1|1|1|0|0|0|1"},
        {"PhoneNumber": "1234567891"},
        {"UserID": "agent1"},
        {"UserID": "nobody"},
    ],
)
async def test_skip_is_refused_for_what_does_not_fit(change: dict[str, str]) -> None:
    """An unknown key, another number, another agent's contact and an unknown agent are refused."""
    async with simulated(Options(skip_refusal="object")) as lcm:
        answer = await lcm.post("SkipManualDialContact", SKIP | change)

    assert {"success": False, "msg": "Contact not found"} == answer.d
    assert 0 == len(lcm.simulator.effects)


async def test_creating_twice_makes_two_contacts() -> None:
    """CreateContact and AddContact answer a new LCM key of seven parts each time."""
    async with simulated() as lcm:
        first = await lcm.post("CreateContact", CREATE)
        second = await lcm.post("AddContact", CREATE)

    assert 7 == len(first.d.split("|"))
    assert first.d != second.d
    assert 2 == len(lcm.simulator.effects.of_method("CreateContact"))


async def test_a_created_open_contact_can_be_handed_out() -> None:
    """Status 0 makes a contact that its agent may reserve before any other; status 4 does not."""
    async with simulated() as lcm:
        await lcm.post("CreateContact", CREATE | {"AgentID": "agent1"})
        created = await lcm.post("CreateContact", CREATE | {"AgentID": "agent1", "Status": 0})
        data = MANUAL | {"AgentID": "agent1", "ReservedContacts": "false"}
        given = await lcm.post("GetReservedManualDialContact", data)

    assert [(created.d, "609309034")] == [(c["AccountNumber"], c["PhoneNumber"]) for c in given.d]


@pytest.mark.parametrize("change", [{"CampaignID": "Unknown"}, {"Modes": "<Data><Home/></Data>"}])
async def test_nothing_is_created_without_campaign_or_number(change: dict[str, str]) -> None:
    """An unknown campaign and modes without a number answer null, and nothing is created."""
    async with simulated() as lcm:
        answer = await lcm.post("CreateContact", CREATE | change)

    assert {"d": None} == answer.json
    assert 0 == len(lcm.simulator.effects)


async def test_the_idempotency_key_is_noted_and_otherwise_ignored() -> None:
    """The ledger keeps the Idempotency-Key; LCM itself does not know it, so the effect happens twice."""
    async with simulated() as lcm:
        for _ in range(2):
            await lcm.post("CreateContact", CREATE, **{"Idempotency-Key": "k1"})

    assert ["k1", "k1"] == [effect.idempotency_key for effect in lcm.simulator.effects.effects]


async def test_a_front_may_honour_the_idempotency_key() -> None:
    """With the option the first answer is replayed, and the effect happens once."""
    async with simulated(Options(honour_idempotency_key=True)) as lcm:
        answers = [await lcm.post("CreateContact", CREATE, **{"Idempotency-Key": "k1"}) for _ in range(2)]

    assert answers[0].text == answers[1].text
    assert "true" == answers[1].headers["Idempotency-Replayed"]
    assert 1 == len(lcm.simulator.effects)


async def test_a_full_ledger_refuses_effects() -> None:
    """An effect that could not be recorded does not happen: the call faults, and says why. Reads go on."""
    async with simulated(Options(max_effects=1)) as lcm:
        await lcm.post("CreateContact", CREATE)
        refused = await lcm.post("SkipManualDialContact", SKIP)
        read = await lcm.post("GetReservedManualDialContact", MANUAL)
        await lcm.control("DELETE", "effects")
        accepted = await lcm.post("SkipManualDialContact", SKIP)

    assert (500, 200) == (refused.status, read.status)
    assert "records at most 1 effects" in refused.json["Message"]
    assert {"d": True} == accepted.json


def test_a_contact_can_be_forgotten() -> None:
    """It can no longer be skipped or given to anyone; what is not there is no error."""
    simulator = Simulator()
    simulator.state.set_login("forgetful", logged_in=True)
    account = place(simulator.state, {"agent": "forgetful"}).account_number

    assert simulator.state.remove(account)
    assert not simulator.state.remove(account)
    assert [] == simulator.state.reserved("forgetful", Kind.MANUAL, limit=1)
