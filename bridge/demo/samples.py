"""The requests of the vendor's pages, their damage repaired, and the contacts that come back for them."""

import json

from bridge.demo.expectation import Expected, Matching, Number, Several
from bridge.demo.scene import reply_of
from bridge.jsontypes import JsonObject, JsonValue

AGENT = "testagent@domain.com"
# Routing keys. The pages spell both Webservice and WebService.
MANUAL, OD = "LCM.WebService.GetReservedManualDialContact", "LCM.Webservice.GetReservedContactOD"
SKIP, CREATE = "LCM.WebService.SkipManualDialContact", "LCM.WebService.CreateContact"
DIAL = "Amazon.InboundCall.ManualDialCall"
DOWNLOADED, SKIPPED, CREATED = (
    "DownloadContactsForDialing",
    "SkipManualDialContactResult",
    "CreateContactResponse",
)
MANUAL_DATE = Matching(r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d$")
OD_DATE = Matching(r"^[A-Z][a-z]{2} [ \d]\d \d{4} [ \d]\d:\d\d[AP]M$")
LCM_KEY = Matching(r"^\d+(\|-?\d*){6}$")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
RIGHT_QUOTE = "\N{RIGHT DOUBLE QUOTATION MARK}"

ANY_MANUAL_CONTACT: dict[str, Expected] = {
    "PhoneNumber": Matching(r"^\d+$"),
    "AccountNumber": LCM_KEY,
    "CampaignId": Matching("."),
    "Mode": Matching("."),
    "ContactId": Number(),
    "ExpiryTime": MANUAL_DATE,
    "CallbackTime": MANUAL_DATE,
    "CallType": Number(),
    "Consent": Matching("^(Yes|No)$"),
}
# As in the vendor's sample response, save for the dates, which lie in the past there.
SAMPLE_MANUAL_CONTACT: dict[str, Expected] = ANY_MANUAL_CONTACT | {
    "PhoneNumber": "2082097345",
    "AccountNumber": "0|1|234|0|0|00|1234",
    "CampaignId": "AD Manual Dial Campaign",
    "Mode": "Mobile",
    "ContactId": 9,
    "CallType": 0,
    "Consent": "Yes",
}
SAMPLE_OD_CONTACT: dict[str, Expected] = {
    "PhoneNumber": "9873635",
    "AccountNumber": "137|1|3|0|0|84|1",
    "CampaignId": "SamplePreviewCampaign-ACQ",
    "Mode": "Home",
    "ContactId": "137",
    "ExpiryTime": OD_DATE,
    "CallbackTime": OD_DATE,
    "CallType": "Regular Call",
    "Prefix": "",
    "Suffix": "",
    "Queue": "Queue1",
}


def envelope(
    subtopic: str,
    data: JsonValue,
    *,
    channel: str = "LCM",
    topic: str = "WebService",
    indent: int | None = None,
) -> str:
    """Write a request envelope."""
    body: JsonObject = {"channel": channel, "topic": topic, "subtopic": subtopic, "data": data}
    return json.dumps(body, ensure_ascii=False, indent=indent)


def get_reserved(count: int = 1, *, reserved: bool = True, consent: bool = True, agent: str = AGENT) -> str:
    """Ask for contacts as the page's sample does."""
    data: JsonObject = {
        "AgentID": agent,
        "NumberofContactsRequired": count,
        "Consent": "Yes" if consent else "No",
        "ReservedContacts": "true" if reserved else "false",
    }
    return envelope("GetReservedManualDialContact", data)


def get_od(agent: str = "testagent") -> str:
    """Ask for the agent's reserved contact without written consent, as the page's sample does."""
    return envelope("GetReservedContactOD", {"UserID": agent})


def skip(account_number: JsonValue = "49|3|279|0|0|44|1253", outcome: JsonValue = 100) -> str:
    """Skip the contact of the page's sample."""
    data: JsonObject = {
        "OutcomeId": outcome,
        "UserID": AGENT,
        "AccountNumber": account_number,
        "PhoneNumber": "1234567890",
    }
    return envelope("SkipManualDialContact", data)


def create(subtopic: str = "CreateContact", **changed: JsonValue) -> str:
    """Create a contact as the page's sample does; `changed` replaces members of its data."""
    data: JsonObject = {
        "CampaignID": "SampleCampaign",
        "Calltype": "0",
        "callStartDateTime": "24/10/2024 07:33",
        "callEndDateTime": "24/10/2024 07:33",
        "BussinessFields": "<Data><first_name>test</first_name><last_name>test</last_name></Data>",
        "priority": 0,
        "Modes": "<Data><Home><Cvalue>6093090340</Cvalue><TZ>(UTC-05:00) Eastern Time</TZ></Home></Data>",
        "AgentID": "",
        "SMSData": "",
        "MailSubject": "",
        "MailMsg": "",
        "MailAttachment": "",
        "ZipCode": "",
        "ContactDetail": "",
        "ListID": 0,
        "IsAccountNumber": True,
        "Status": 4,
    }
    return envelope(subtopic, data | changed)


def contacts(count: int, contact: Expected) -> Expected:
    """Describe a reply with that many contacts."""
    return reply_of(DOWNLOADED, {"response": Several(count, contact)})
