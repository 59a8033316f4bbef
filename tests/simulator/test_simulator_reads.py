"""The two reading methods."""

import pytest
from simulator.simulator_calls import MANUAL, Clock, simulated

from bridge.simulator import AnswerStyle, Options, Seeding
from bridge.simulator.methods import NoContact


async def test_manual_sample_is_answered() -> None:
    """The contact of the vendor's sample is the first that testagent@domain.com is given."""
    async with simulated(clock=Clock()) as lcm:
        answer = await lcm.post("GetReservedManualDialContact", MANUAL)

    assert 200 == answer.status
    expected = {
        "__type": "ManualDialContact:#Acqueon.LCM",
        "PhoneNumber": "2082097345",
        "AccountNumber": "0|1|234|0|0|00|1234",
        "CampaignId": "AD Manual Dial Campaign",
        "Mode": "Mobile",
        "ContactId": 9,
        "ExpiryTime": "10/07/2026 17:05:30",
        "CallbackTime": "10/07/2026 17:05:30",
        "CallType": 0,
        "Consent": "Yes",
    }
    assert [expected] == answer.d


async def test_od_sample_is_answered() -> None:
    """The contact of the vendor's sample is what testagent is given, with a blank-padded day."""
    async with simulated(clock=Clock()) as lcm:
        answer = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})

    expected = {
        "__type": "ContactOD:#Acqueon.LCM",
        "PhoneNumber": "9873635",
        "AccountNumber": "137|1|3|0|0|84|1",
        "CampaignId": "SamplePreviewCampaign-ACQ",
        "Mode": "Home",
        "ContactId": "137",
        "ExpiryTime": "Oct  7 2026 05:05PM",
        "CallbackTime": "Oct  7 2026 05:05PM",
        "CallType": "Regular Call",
        "Prefix": "",
        "Suffix": "",
        "Queue": "Queue1",
    }
    assert expected == answer.d


async def test_sample_dates_can_be_kept() -> None:
    """With sample_dates the samples have exactly the dates of their pages."""
    async with simulated(Options(seeding=Seeding(sample_dates=True))) as lcm:
        manual = await lcm.post("GetReservedManualDialContact", MANUAL)
        od = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})

    assert "01/31/2024 23:59:00" == manual.d[0]["ExpiryTime"]
    assert "01/31/2024 05:09:25" == manual.d[0]["CallbackTime"]
    assert "Oct 7 2020 11:59PM" == od.d["ExpiryTime"]


@pytest.mark.parametrize(
    ("blank_hour", "expected"), [(False, "Oct  7 2026 06:05PM"), (True, "Oct  7 2026  6:05PM")]
)
async def test_dates_follow_the_zone(blank_hour: bool, expected: str) -> None:  # noqa: FBT001 (pytest)
    """ExpiryTime is written in the configured zone; the hour may be padded as SQL Server does."""
    options = Options(timezone="Europe/London", blank_hour=blank_hour)
    async with simulated(options, Clock()) as lcm:
        answer = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})

    assert expected == answer.d["ExpiryTime"]


async def test_reserved_contacts_are_read_without_effect() -> None:
    """ReservedContacts "true" gives the same contacts again, of the asked consent only."""
    async with simulated() as lcm:
        data = MANUAL | {"AgentID": "agent1", "NumberOfContactsRequired": "50", "Consent": "No"}
        first = await lcm.post("GetReservedManualDialContact", data)
        second = await lcm.post("GetReservedManualDialContact", data)

    assert ["No", "No"] == [contact["Consent"] for contact in first.d]
    assert first.d == second.d
    assert 0 == len(lcm.simulator.effects)


async def test_new_contacts_are_reserved_for_one_agent_only() -> None:
    """ReservedContacts "false" reserves: an effect, and nobody else is given the same contacts."""
    async with simulated() as lcm:
        data = MANUAL | {"NumberOfContactsRequired": "3", "ReservedContacts": "false"}
        first = await lcm.post("GetReservedManualDialContact", data | {"AgentID": "agent1"})
        second = await lcm.post("GetReservedManualDialContact", data | {"AgentID": "agent2"})
        mine = await lcm.post(
            "GetReservedManualDialContact",
            MANUAL | {"AgentID": "agent1", "NumberOfContactsRequired": "50"},
        )

    keys = [[contact["AccountNumber"] for contact in answer.d] for answer in (first, second, mine)]
    assert 3 == len(keys[0])
    assert set() == set(keys[0]) & set(keys[1])
    assert keys[0] == keys[2][-3:]
    recorded = lcm.simulator.effects.of_method("GetReservedManualDialContact")
    assert [("agent1", tuple(keys[0])), ("agent2", tuple(keys[1]))] == [
        (effect.agent, effect.account_numbers) for effect in recorded
    ]


async def test_an_expired_reservation_returns_to_the_pool() -> None:
    """When a reservation has ended, the contact is gone from its agent and can be reserved by another."""
    clock = Clock()
    options = Options(seeding=Seeding(open_per_agent=0, samples=False), reservation_seconds=120)
    async with simulated(options, clock) as lcm:
        fresh = MANUAL | {"AgentID": "agent1", "ReservedContacts": "false"}
        none = await lcm.post("GetReservedManualDialContact", fresh)
        clock.advance(120)
        gone = await lcm.post("GetReservedManualDialContact", MANUAL | {"AgentID": "agent1"})
        given = await lcm.post("GetReservedManualDialContact", fresh)

    assert none.d is None
    assert gone.d is None
    assert 1 == len(given.d)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("null", None),
        ("empty-array", []),
        ("empty-string", ""),
        ("false", False),
        (
            "reason",
            {"__type": "RequestFailure:#Acqueon.LCM", "RequestFailureReason": "No contacts available"},
        ),
    ],
)
async def test_no_contact_has_five_forms(style: NoContact, expected: object) -> None:
    """Without a contact both methods answer in the configured form."""
    async with simulated(Options(seeding=Seeding(samples=False), no_contact=style)) as lcm:
        lcm.simulator.state.clear_contacts()
        manual = await lcm.post("GetReservedManualDialContact", MANUAL)
        od = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})

    assert (expected, expected) == (manual.d, od.d)


async def test_an_agent_must_be_logged_in() -> None:
    """An agent who is logged out, or unknown, is given a reason in place of contacts."""
    async with simulated() as lcm:
        await lcm.control("POST", "agents/testagent", {"logged_in": False})
        od = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})
        manual = await lcm.post("GetReservedManualDialContact", MANUAL | {"AgentID": "nobody"})

    reasons = [answer.d["RequestFailureReason"] for answer in (od, manual)]
    assert ["Agent is not logged in"] * 2 == reasons


async def test_styles_change_the_form_of_results() -> None:
    """Results can be JSON in a string, with unknown members and in another letter case."""
    style = AnswerStyle(result_as_text=True, unknown_members=True, member_case="lower")
    async with simulated(Options(style=style)) as lcm:
        answer = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})

    assert isinstance(answer.d, str)
    assert '"phonenumber": "9873635"' in answer.d
    assert '"Extension"' in answer.d
