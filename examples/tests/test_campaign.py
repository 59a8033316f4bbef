"""A service's own tests, against the real bridge and a simulated LCM."""

import pytest

from bridge.client import BridgeClient, OutcomeUnknown, WsError
from bridge.testing import RunningBridge, SimulatedLcm


async def add_customer(client: BridgeClient, phone: str) -> str:
    """Stand for the code that is to be tested."""
    return await client.create_contact(
        campaign_id="SampleCampaign",
        call_type=0,
        start="24/10/2026 07:33",
        end="24/10/2026 18:00",
        business_fields={"first_name": "Ada"},
        modes={"Home": {"Cvalue": phone, "TZ": "(UTC-05:00) Eastern Time (US and Canada)"}},
        is_account_number=True,
    )


async def test_a_customer_is_added_once(lcm_bridge: RunningBridge, lcm: SimulatedLcm) -> None:
    """What the service asked for has happened in LCM."""
    async with lcm_bridge.client() as client:
        key = await add_customer(client, "6093090340")

    assert [[key]] == [effect["account_numbers"] for effect in lcm.effects("CreateContact")]


async def test_lcm_is_slow(lcm_bridge: RunningBridge, lcm: SimulatedLcm) -> None:
    """The service gets its answer all the same."""
    lcm.be_slow(0.1)

    async with lcm_bridge.client() as client:
        assert await add_customer(client, "6093090341")


async def test_lcm_refuses(lcm_bridge: RunningBridge, lcm: SimulatedLcm) -> None:
    """The service is told LCM's own words, and nothing has happened."""
    lcm.refuse("CreateContact", message="Campaign is closed")

    async with lcm_bridge.client() as client:
        with pytest.raises(WsError, match="Campaign is closed"):
            await add_customer(client, "6093090342")

    assert [] == lcm.effects()


async def test_nobody_knows(lcm_bridge: RunningBridge, lcm: SimulatedLcm) -> None:
    """The answer got lost after the contact was created: the service must not create it again."""
    lcm.lose_the_answer("CreateContact")

    async with lcm_bridge.client() as client:
        with pytest.raises(OutcomeUnknown):
            await add_customer(client, "6093090343")

    assert 1 == len(lcm.effects("CreateContact"))
