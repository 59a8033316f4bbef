"""Contacts as the simulator keeps them, and how they look on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# The namespace is an assumption; that typed objects carry a __type of this form is known.
CONTACT_TYPES = {"manual": "ManualDialContact:#Acqueon.LCM", "od": "ContactOD:#Acqueon.LCM"}


class Kind(StrEnum):
    """The two pools: manual dial contacts, and contacts without written consent (on demand)."""

    MANUAL = "manual"
    OD = "od"


class Status(StrEnum):
    """Where a contact stands. Only an open or reserved one can be skipped; only an open one reserved."""

    OPEN = "open"
    RESERVED = "reserved"
    CLOSED = "closed"
    DELIVERED = "delivered"


@dataclass(slots=True, kw_only=True)
class Contact:
    """One contact.

    `owner` is the only agent who may be given it (None: anyone), `agent` the one it is reserved for.
    `expires_at` (aware) ends the reservation; None means never. `members` replace or add members of
    the answer as they stand, `omit` leaves members out.
    """

    kind: Kind
    account_number: str
    phone_number: str
    campaign_id: str
    contact_id: int
    consent: bool = True
    call_type: int = 0
    mode: str = "Mobile"
    queue: str = "Queue1"
    status: Status = Status.OPEN
    owner: str | None = None
    agent: str | None = None
    expires_at: datetime | None = None
    outcome: int | None = None
    members: Mapping[str, object] = field(default_factory=dict)
    omit: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DateStyle:
    """How dates are written: in which zone, and whether the hour of an OD date is padded with a blank.

    SQL Server's own style 100 pads the hour with a blank too (`Oct  7 2020  9:05AM`).
    """

    zone: tzinfo
    blank_hour: bool = False


def manual_date(moment: datetime, style: DateStyle) -> str:
    """Write `MM/DD/YYYY HH:mm:ss` in the style's zone."""
    return moment.astimezone(style.zone).strftime("%m/%d/%Y %H:%M:%S")


def od_date(moment: datetime, style: DateStyle) -> str:
    """Write `Mon D YYYY hh:mmAM`, the day padded with a blank; seconds are dropped."""
    local = moment.astimezone(style.zone)
    hour = local.hour % 12 or 12
    hours = f"{hour:2d}" if style.blank_hour else f"{hour:02d}"
    half = "AM" if local.hour < 12 else "PM"  # noqa: PLR2004 (noon)
    # Not strftime: its month names and AM/PM follow the locale of the machine.
    return f"{MONTHS[local.month - 1]} {local.day:2d} {local.year} {hours}:{local.minute:02d}{half}"


def wire_contact(contact: Contact, style: DateStyle) -> dict[str, object]:
    """Give the contact as LCM answers it: a JSON object with `__type` and the members of its kind."""
    write = manual_date if contact.kind is Kind.MANUAL else od_date
    expiry = write(contact.expires_at, style) if contact.expires_at else ""
    body: dict[str, object] = {
        "__type": CONTACT_TYPES[contact.kind],
        "PhoneNumber": contact.phone_number,
        "AccountNumber": contact.account_number,
        "CampaignId": contact.campaign_id,
        "Mode": contact.mode,
    }
    if contact.kind is Kind.MANUAL:
        body |= {
            "ContactId": contact.contact_id,
            "ExpiryTime": expiry,
            "CallbackTime": expiry,
            "CallType": contact.call_type,
            "Consent": "Yes" if contact.consent else "No",
        }
    else:
        body |= {
            "ContactId": str(contact.contact_id),
            "ExpiryTime": expiry,
            "CallbackTime": expiry,
            "CallType": ("Regular Call", "Regular Callback", "Personal Callback")[contact.call_type],
            "Prefix": "",
            "Suffix": "",
            "Queue": contact.queue,
        }
    body |= contact.members
    return {name: value for name, value in body.items() if name not in contact.omit}
