"""What the simulated LCM knows: campaigns, agents, contacts and reservations, in memory.

Nothing here does I/O, and time comes from the clock that is passed in. Every collection is bounded by
`Limits`; what would exceed one is refused with LimitReached.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.simulator.contacts import Contact, Kind, Status

Clock = Callable[[], datetime]


class LimitReached(Exception):
    """A collection of the simulator is full; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many of each the simulator keeps."""

    contacts: int = 1_000_000
    agents: int = 100_000
    campaigns: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """What CreateContact brings."""

    campaign_id: str
    phone_number: str
    mode: str
    call_type: int
    list_id: int
    is_open: bool
    owner: str | None


def utc_now() -> datetime:
    """Give the present moment, aware, in UTC."""
    return datetime.now(UTC)


class State:
    """Campaigns, agents, contacts and reservations.

    `reservation_seconds` is how long a reservation lasts; then the contact is open again for anyone.
    """

    def __init__(
        self,
        *,
        clock: Clock = utc_now,
        reservation_seconds: float = 28_800,
        limits: Limits | None = None,
    ) -> None:
        self.clock = clock
        self.reservation_seconds = reservation_seconds
        self.limits = limits or Limits()
        self.campaigns: dict[str, int] = {}
        self.agents: dict[str, bool] = {}
        self.contacts: dict[str, Contact] = {}
        self._open: dict[tuple[str | None, bool], dict[str, Contact]] = {}
        self._reserved: dict[tuple[str, Kind], dict[str, Contact]] = {}
        self._expiries: list[tuple[datetime, str]] = []
        self._last_contact_id = 1000

    def clear(self) -> None:
        """Forget campaigns, agents and contacts."""
        self.campaigns.clear()
        self.agents.clear()
        self.clear_contacts()
        self._last_contact_id = 1000

    def clear_contacts(self) -> int:
        """Forget every contact; gives how many there were. Contact ids are not used again."""
        count = len(self.contacts)
        for collection in (self.contacts, self._open, self._reserved, self._expiries):
            collection.clear()
        return count

    def add_campaign(self, name: str) -> int:
        """Add a campaign unless it is there; gives its number. Raises LimitReached."""
        if name not in self.campaigns:
            _check_room(self.campaigns, self.limits.campaigns, "campaigns")
            self.campaigns[name] = len(self.campaigns) + 1
        return self.campaigns[name]

    def set_login(self, agent: str, *, logged_in: bool) -> None:
        """Log an agent in or out, and add the agent if new. Raises LimitReached."""
        if agent not in self.agents:
            _check_room(self.agents, self.limits.agents, "agents")
        self.agents[agent] = logged_in

    def is_logged_in(self, agent: str) -> bool:
        """Tell whether the agent is logged in; an unknown one is not."""
        return self.agents.get(agent, False)

    def next_contact_id(self) -> int:
        """Give a contact id that was not given before."""
        self._last_contact_id += 1
        return self._last_contact_id

    def put(self, contact: Contact) -> None:
        """Add a contact, or replace the one with the same account number. Raises LimitReached."""
        present = self.contacts.get(contact.account_number)
        if present is None:
            _check_room(self.contacts, self.limits.contacts, "contacts")
        else:
            self._leave_pools(present)
        self.contacts[contact.account_number] = contact
        self._enter_pool(contact)

    def remove(self, account_number: str) -> bool:
        """Forget a contact; tells whether it was there."""
        contact = self.contacts.pop(account_number, None)
        if contact is not None:
            self._leave_pools(contact)
        return contact is not None

    def create(self, new: NewContact) -> Contact | None:
        """Create a contact, or None when the campaign is unknown. Raises LimitReached."""
        campaign = self.campaigns.get(new.campaign_id)
        if campaign is None:
            return None
        number = self.next_contact_id()
        contact = Contact(
            kind=Kind.MANUAL,
            account_number=f"{number}|{campaign}|{new.list_id}|0|0|84|0",
            phone_number=new.phone_number,
            campaign_id=new.campaign_id,
            contact_id=number,
            call_type=new.call_type,
            mode=new.mode,
            owner=new.owner,
            status=Status.OPEN if new.is_open else Status.DELIVERED,
        )
        self.put(contact)
        return contact

    def reserved(self, agent: str, kind: Kind, *, limit: int, consent: bool | None = None) -> list[Contact]:
        """Give up to `limit` contacts reserved for the agent, in the order they were reserved."""
        self.expire()
        mine: Iterable[Contact] = self._reserved.get((agent, kind), {}).values()
        fitting = (contact for contact in mine if consent is None or contact.consent is consent)
        return [contact for contact, _ in zip(fitting, range(limit), strict=False)]

    def reserve(self, agent: str, *, consent: bool, limit: int) -> list[Contact]:
        """Reserve up to `limit` open manual contacts: first those only this agent may have, then any."""
        self.expire()
        taken: list[Contact] = []
        for owner in (agent, None):
            pool = self._open.get((owner, consent), {})
            while pool and len(taken) < limit:
                taken.append(pool.pop(next(iter(pool))))
        for contact in taken:
            contact.status, contact.agent = Status.RESERVED, agent
            contact.expires_at = self.clock() + timedelta(seconds=self.reservation_seconds)
            self._enter_pool(contact)
        return taken

    def close(self, account_number: str, *, phone_number: str, agent: str, outcome: int) -> Contact | None:
        """Close a contact with an outcome, or give None when there is none that this agent may close."""
        self.expire()
        contact = self.contacts.get(account_number)
        if contact is None or contact.kind is not Kind.MANUAL or contact.phone_number != phone_number:
            return None
        if contact.status not in {Status.OPEN, Status.RESERVED}:
            return None
        if (contact.agent or contact.owner or agent) != agent:
            return None
        self._leave_pools(contact)
        contact.status, contact.outcome = Status.CLOSED, outcome
        contact.agent, contact.expires_at = None, None
        return contact

    def dispose(self, account_number: str, *, outcome: int | None) -> Contact | None:
        """Close a contact as the end of a call does, whoever it is reserved for; None when there is none."""
        contact = self.contacts.get(account_number)
        if contact is None:
            return None
        self._leave_pools(contact)
        contact.status, contact.outcome = Status.CLOSED, outcome
        contact.agent, contact.expires_at = None, None
        return contact

    def expire(self) -> int:
        """Open the contacts whose reservation has ended; gives how many."""
        now, count = self.clock(), 0
        while self._expiries and self._expiries[0][0] <= now:
            moment, account_number = heapq.heappop(self._expiries)
            contact = self.contacts.get(account_number)
            # Entries outlive the reservation they were made for: only the present one counts.
            if contact is None or contact.status is not Status.RESERVED or contact.expires_at != moment:
                continue
            self._leave_pools(contact)
            contact.status, contact.agent, contact.expires_at = Status.OPEN, None, None
            self._enter_pool(contact)
            count += 1
        return count

    def summary(self) -> dict[str, object]:
        """Count what there is: `{campaigns, agents, logged_in, contacts: {kind: {status: n}}, ...}`."""
        self.expire()
        counts = {kind.value: {status.value: 0 for status in Status} for kind in Kind}
        for contact in self.contacts.values():
            counts[contact.kind.value][contact.status.value] += 1
        return {
            "now": self.clock().isoformat(),
            "reservation_seconds": self.reservation_seconds,
            "campaigns": list(self.campaigns),
            "agents": len(self.agents),
            "logged_in": sum(self.agents.values()),
            "contacts": counts,
        }

    def _enter_pool(self, contact: Contact) -> None:
        if contact.status is Status.OPEN and contact.kind is Kind.MANUAL:
            self._open.setdefault((contact.owner, contact.consent), {})[contact.account_number] = contact
        elif contact.status is Status.RESERVED and contact.agent is not None:
            self._reserved.setdefault((contact.agent, contact.kind), {})[contact.account_number] = contact
            if contact.expires_at is not None:
                heapq.heappush(self._expiries, (contact.expires_at, contact.account_number))
                self._drop_stale_expiries()

    def _leave_pools(self, contact: Contact) -> None:
        self._open.get((contact.owner, contact.consent), {}).pop(contact.account_number, None)
        if contact.agent is not None:
            self._reserved.get((contact.agent, contact.kind), {}).pop(contact.account_number, None)

    def _drop_stale_expiries(self) -> None:
        # Putting the same contact again and again must not make the heap grow for ever.
        if len(self._expiries) > 2 * len(self.contacts) + 1000:
            reserved = (pool.values() for pool in self._reserved.values())
            live = (contact for pool in reserved for contact in pool)
            self._expiries = [(c.expires_at, c.account_number) for c in live if c.expires_at is not None]
            heapq.heapify(self._expiries)


def _check_room(
    collection: dict[str, int] | dict[str, bool] | dict[str, Contact], most: int, what: str
) -> None:
    if len(collection) >= most:
        raise LimitReached(f"the simulator keeps at most {most} {what}")
