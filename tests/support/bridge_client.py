"""`bridge.client` beside a running bridge, over a relay that can cut its connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from chaos.proxy import Proxy
from support.site import Site
from yarl import URL

from bridge.client import BridgeClient, MoreOfContact


@asynccontextmanager
async def client_of(site: Site, relay: Proxy, **options: float) -> AsyncIterator[BridgeClient]:
    """Connect a client through the relay."""
    url = str(URL(site.url).with_port(relay.port))
    async with BridgeClient(url, prefix=site.prefix, name="widget", **options) as client:  # type: ignore[arg-type]
        yield client


async def create(client: BridgeClient, agent: str, **options: float | str) -> str:
    """Create a contact that names the agent."""
    return await client.create_contact(
        campaign_id="SampleCampaign",
        call_type=0,
        start=datetime(2026, 11, 24, 7, 33),  # noqa: DTZ001 - of the campaign's zone, as the contract has it
        end="24/11/2026 08:00",
        business_fields={"first_name": "Ada"},
        modes={"Home": {"Cvalue": "609309034", "TZ": "(UTC-05:00) Eastern Time"}},
        is_account_number=True,
        more=MoreOfContact(agent_id=agent, status=0),
        **options,  # type: ignore[arg-type]
    )


def created(site: Site, agent: str) -> int:
    """Count what was created for an agent."""
    return sum(agent == effect.agent for effect in site.simulator.effects.of_method("CreateContact"))
