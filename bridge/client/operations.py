"""The operations of the contract as Python calls them: what a request holds, what its reply holds. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypedDict, cast

from bridge.client.errors import UnreadableReply
from bridge.jsontypes import JsonObject, JsonValue

MINUTE: Final = "%d/%m/%Y %H:%M"


class Address(NamedTuple):
    """Which operation is asked for: the envelope's ``channel``, ``topic`` and ``subtopic``."""

    channel: str
    topic: str
    subtopic: str


def of_lcm(subtopic: str) -> Address:
    """Return the address under which all operations but ManualDialCall are."""
    return Address("LCM", "WebService", subtopic)


MANUAL: Final = of_lcm("GetReservedManualDialContact")
OD: Final = of_lcm("GetReservedContactOD")
SKIP: Final = of_lcm("SkipManualDialContact")
CREATE: Final = of_lcm("CreateContact")
DIAL: Final = Address("Amazon", "InboundCall", "ManualDialCall")


class ManualDialContact(TypedDict):
    """A contact for manual dialling. None is what LCM left out; dates are ``MM/DD/YYYY HH:mm:ss``."""

    PhoneNumber: str | None
    AccountNumber: str | None
    CampaignId: str | None
    Mode: str | None
    ContactId: int | None
    ExpiryTime: str | None
    CallbackTime: str | None
    CallType: int | None
    Consent: str | None


class ContactOD(TypedDict):
    """A contact without written consent. None is what LCM left out; dates are ``Mon D YYYY hh:mmAM``."""

    PhoneNumber: str | None
    AccountNumber: str | None
    CampaignId: str | None
    Mode: str | None
    ContactId: str | int | None
    ExpiryTime: str | None
    CallbackTime: str | None
    CallType: str | int | None
    Prefix: str | None
    Suffix: str | None
    Queue: str | None


class MoreOfContact(TypedDict, total=False):
    """What a new contact may have besides what it must have; what is left out gets the contract's default."""

    status: int
    priority: int
    list_id: int
    agent_id: str
    sms_data: str
    mail_subject: str
    mail_msg: str
    mail_attachment: str
    zip_code: str
    contact_detail: str


_MORE: Final = {
    "status": "Status",
    "priority": "priority",
    "list_id": "ListID",
    "agent_id": "AgentID",
    "sms_data": "SMSData",
    "mail_subject": "MailSubject",
    "mail_msg": "MailMsg",
    "mail_attachment": "MailAttachment",
    "zip_code": "ZipCode",
    "contact_detail": "ContactDetail",
}


def contact(  # noqa: PLR0913 - what the operation must be told
    *,
    campaign_id: str,
    call_type: int | str,
    start: datetime | str,
    end: datetime | str,
    business_fields: Mapping[str, JsonValue] | str,
    modes: Mapping[str, JsonValue] | str,
    is_account_number: bool,
    more: MoreOfContact,
) -> JsonObject:
    """Return the ``data`` of CreateContact. Raises TypeError for a name in `more` that is no field."""
    unknown = sorted(more.keys() - _MORE.keys())
    if unknown:
        raise TypeError(f"create_contact has no argument {', '.join(unknown)}")
    return {
        "CampaignID": campaign_id,
        "Calltype": str(call_type),
        "callStartDateTime": _minute(start),
        "callEndDateTime": _minute(end),
        "BussinessFields": _xml_or_object(business_fields),
        "Modes": _xml_or_object(modes),
        "IsAccountNumber": is_account_number,
        **{_MORE[name]: cast("JsonValue", value) for name, value in more.items()},
    }


def key_of(response: JsonValue) -> str:
    """Read the LCM key of a new contact. Raises `UnreadableReply`."""
    if not isinstance(response, str):
        raise UnreadableReply("the reply to CreateContact is no LCM key")
    return response


def contacts_of(response: JsonValue) -> list[ManualDialContact]:
    """Read the contacts of a reply; a site may have one given as an object. Raises `UnreadableReply`."""
    listed = [response] if isinstance(response, dict) else response
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise UnreadableReply("the reply to GetReservedManualDialContact holds no contacts")
    return cast("list[ManualDialContact]", listed)


def contact_od_of(response: JsonValue) -> ContactOD:
    """Read the one contact of a reply. Raises `UnreadableReply`."""
    if not isinstance(response, dict):
        raise UnreadableReply("the reply to GetReservedContactOD holds no contact")
    return cast("ContactOD", response)


def _minute(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else moment.strftime(MINUTE)


def _xml_or_object(value: Mapping[str, JsonValue] | str) -> JsonValue:
    return value if isinstance(value, str) else dict(value)
