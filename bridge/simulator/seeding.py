"""The data a simulator starts with: the samples of the vendor's pages, and generated contacts."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.simulator.contacts import Contact, Kind, Status
from bridge.simulator.fields import Fields
from bridge.simulator.state import State

CAMPAIGNS = ("AD Manual Dial Campaign", "SamplePreviewCampaign-ACQ", "SampleCampaign")
SAMPLE_AGENTS = ("testagent", "testagent@domain.com")


def numbered_agents(count: int) -> tuple[str, ...]:
    """Give the sample agents and `agent1` .. `agent<count>`."""
    return SAMPLE_AGENTS + tuple(f"agent{number}" for number in range(1, count + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """What to start with. The same values give the same contacts, save for times, which follow the clock.

    Per agent: `reserved_per_agent` manual contacts of each consent and `od_per_agent` OD contacts, all
    reserved; `open_per_agent` of each consent go into the pool that all agents share. `samples` adds the
    vendor's sample contacts to testagent and testagent@domain.com, `sample_dates` with the samples' own
    dates, which lie in the past (such a contact stays reserved).
    """

    seed: int = 1
    campaigns: tuple[str, ...] = CAMPAIGNS
    agents: tuple[str, ...] = field(default_factory=lambda: numbered_agents(20))
    reserved_per_agent: int = 2
    open_per_agent: int = 5
    od_per_agent: int = 2
    samples: bool = True
    sample_dates: bool = False

    @classmethod
    def from_json(cls, value: object) -> "Seeding":
        """Read the body of `POST /control/seed`; `agents` is a number or an array. Raises FieldsError."""
        fields = Fields(value, "seed")
        if isinstance(agents := fields.raw("agents", 20), list):
            names = Fields({"agents": agents}, "seed").texts("agents", ())
        else:
            names = numbered_agents(Fields({"agents": agents}, "seed").whole("agents", 20, most=100_000))
        seeding = cls(
            seed=fields.whole("seed", 1, most=2**63),
            campaigns=fields.texts("campaigns", CAMPAIGNS),
            agents=names,
            reserved_per_agent=fields.whole("reserved_per_agent", 2),
            open_per_agent=fields.whole("open_per_agent", 5),
            od_per_agent=fields.whole("od_per_agent", 2),
            samples=fields.truth("samples", default=True),
            sample_dates=fields.truth("sample_dates", default=False),
        )
        fields.finish()
        return seeding


def plant(state: State, seeding: Seeding) -> None:
    """Replace everything in `state` with what `seeding` asks for. Raises LimitReached."""
    state.clear()
    rng = random.Random(seeding.seed)  # noqa: S311 (repeatable test data, no secret)
    for campaign in seeding.campaigns:
        state.add_campaign(campaign)
    for agent in seeding.agents:
        state.set_login(agent, logged_in=True)
    if seeding.samples:
        for contact in _samples(state, sample_dates=seeding.sample_dates):
            state.put(contact)
    if seeding.campaigns:
        for position, agent in enumerate(seeding.agents, start=1):
            _plant_agent(state, seeding, rng, (position, agent))


def _plant_agent(state: State, seeding: Seeding, rng: random.Random, agent: tuple[int, str]) -> None:
    position, name = agent
    for consent in (True, False):
        for _ in range(seeding.reserved_per_agent):
            _reserve(state, _generated(state, rng, position, Kind.MANUAL, consent=consent), name)
        for _ in range(seeding.open_per_agent):
            state.put(_generated(state, rng, position, Kind.MANUAL, consent=consent))
    for _ in range(seeding.od_per_agent):
        _reserve(state, _generated(state, rng, position, Kind.OD, consent=False), name)


def _reserve(state: State, contact: Contact, agent: str) -> None:
    contact.status, contact.agent = Status.RESERVED, agent
    contact.expires_at = state.clock() + timedelta(seconds=state.reservation_seconds)
    state.put(contact)


def _generated(state: State, rng: random.Random, position: int, kind: Kind, *, consent: bool) -> Contact:
    number = state.next_contact_id()
    campaign, campaign_number = rng.choice(list(state.campaigns.items()))
    key = (number, campaign_number, rng.randint(1, 400), 0, 0, position, rng.randint(1, 9999))
    return Contact(
        kind=kind,
        account_number="|".join(str(part) for part in key),
        # 555-01xx is set aside for fiction: nobody's telephone rings.
        phone_number=f"{rng.choice((202, 303, 404, 505))}55501{rng.randint(0, 99):02d}",
        campaign_id=campaign,
        contact_id=number,
        consent=consent,
        call_type=rng.choice((0, 0, 0, 1, 2)),
        mode=rng.choice(("Home", "Office", "Mobile")),
        queue=f"Queue{rng.randint(1, 4)}",
    )


def _samples(state: State, *, sample_dates: bool) -> tuple[Contact, ...]:
    manual_agent, od_agent = "testagent@domain.com", "testagent"
    expires = None if sample_dates else state.clock() + timedelta(seconds=state.reservation_seconds)
    manual_dates = {"ExpiryTime": "01/31/2024 23:59:00", "CallbackTime": "01/31/2024 05:09:25"}
    od_dates = {"ExpiryTime": "Oct 7 2020 11:59PM", "CallbackTime": "Oct 7 2020 11:59PM"}
    return (
        Contact(
            kind=Kind.MANUAL,
            account_number="0|1|234|0|0|00|1234",
            phone_number="2082097345",
            campaign_id="AD Manual Dial Campaign",
            contact_id=9,
            status=Status.RESERVED,
            agent=manual_agent,
            expires_at=expires,
            members=manual_dates if sample_dates else {},
        ),
        Contact(
            kind=Kind.OD,
            account_number="137|1|3|0|0|84|1",
            phone_number="9873635",
            campaign_id="SamplePreviewCampaign-ACQ",
            contact_id=137,
            consent=False,
            mode="Home",
            status=Status.RESERVED,
            agent=od_agent,
            expires_at=expires,
            members=od_dates if sample_dates else {},
        ),
        # The contact that the sample of SkipManualDialContact closes.
        Contact(
            kind=Kind.MANUAL,
            account_number="49|3|279|0|0|44|1253",
            phone_number="1234567890",
            campaign_id="SampleCampaign",
            contact_id=49,
            status=Status.RESERVED,
            agent=manual_agent,
            expires_at=expires,
            members=manual_dates if sample_dates else {},
        ),
    )
