"""Reads the contacts of `POST /control/contacts`."""

from datetime import timedelta

from bridge.simulator.contacts import Contact, Kind, Status
from bridge.simulator.fields import Fields
from bridge.simulator.seeding import CAMPAIGNS
from bridge.simulator.state import State

RAW_MEMBERS = ("ContactId", "Mode", "ExpiryTime", "CallbackTime", "CallType", "Prefix", "Suffix", "Queue")


def place(state: State, value: object) -> Contact:
    """Put one contact into the state; its campaign is added if new. Raises FieldsError, LimitReached.

    `agent` with `reserved` true (the default) reserves it for `expires_in` seconds (default: the
    simulator's reservation time; for ever where ExpiryTime is given); with `reserved` false only that
    agent may reserve it. Members in LCM's spelling are answered as they stand, and so are `members`.
    """
    given = Fields(value, "contact")
    agent = given.optional_text("agent")
    reserved = given.truth("reserved", default=agent is not None) and agent is not None
    members = {name: given.raw(name) for name in RAW_MEMBERS if name in given}
    lasting = "ExpiryTime" in members and "expires_in" not in given
    seconds = given.number("expires_in", state.reservation_seconds, least=0.001)
    number = state.next_contact_id()
    status = given.choice("status", ("open", "delivered", "closed"), "open")
    contact = Contact(
        kind=Kind(given.choice("kind", ("manual", "od"), "manual")),
        account_number=given.text("AccountNumber", f"{number}|1|1|0|0|84|0"),
        phone_number=given.text("PhoneNumber", "2025550100"),
        campaign_id=given.text("CampaignId", CAMPAIGNS[0]),
        contact_id=number,
        consent=given.choice("Consent", ("Yes", "No"), "Yes") == "Yes",
        status=Status.RESERVED if reserved else Status(status),
        owner=None if reserved else agent,
        agent=agent if reserved else None,
        expires_at=state.clock() + timedelta(seconds=seconds) if reserved and not lasting else None,
        members=members | dict(given.members("members")),
        omit=frozenset(given.texts("omit", ())),
    )
    given.finish()
    state.add_campaign(contact.campaign_id)
    state.put(contact)
    return contact


def listed(contact: Contact) -> dict[str, object]:
    """Give what the control API tells about a contact."""
    return {
        "kind": contact.kind.value,
        "status": contact.status.value,
        "AccountNumber": contact.account_number,
        "PhoneNumber": contact.phone_number,
        "CampaignId": contact.campaign_id,
        "Consent": "Yes" if contact.consent else "No",
        "owner": contact.owner,
        "agent": contact.agent,
        "expires_at": contact.expires_at.isoformat() if contact.expires_at else None,
        "outcome": contact.outcome,
    }
