"""What the tests of the pure core share: the vendor's requests, and ways to put them to an operation."""

import json
from typing import Any

import pytest

from bridge.envelope import Envelope, parse
from bridge.failures import InvalidData, InvalidEnvelope
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Answer, Command, Operation, Rules
from bridge.strictjson import Limits

LIMITS = Limits()
CATALOGUE = Catalogue(Rules())

MANUAL: JsonObject = {
    "AgentID": "testagent@domain.com",
    "NumberofContactsRequired": 1,
    "Consent": "Yes",
    "ReservedContacts": "true",
}
OD: JsonObject = {"UserID": "testagent"}
SKIP: JsonObject = {
    "OutcomeId": 100,
    "UserID": "testagent@domain.com",
    "AccountNumber": "49|3|279|0|0|44|1253",
    "PhoneNumber": "1234567890",
}
DIAL: JsonObject = {"PhoneNumber": "+12345678900"}
CREATE: JsonObject = {
    "CampaignID": "Sales",
    "Calltype": "0",
    "callStartDateTime": "24/10/2024 07:33",
    "callEndDateTime": "24/10/2024 07:33",
    "BussinessFields": "<Data><first_name>test</first_name><last_name>test</last_name></Data>",
    "priority": 0,
    "Modes": "<Data><Home><Cvalue>609309034</Cvalue><TZ>(UTC-05:00) Eastern Time</TZ></Home></Data>",
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
REQUESTS: dict[str, JsonObject] = {
    "GetReservedManualDialContact": MANUAL,
    "GetReservedContactOD": OD,
    "SkipManualDialContact": SKIP,
    "ManualDialCall": DIAL,
    "CreateContact": CREATE,
    "AddCompliance": CREATE,
}
"""A valid ``data`` of every operation, by its subtopic under LCM / WebService."""
MANUAL_CONTACT: JsonObject = {
    "PhoneNumber": "2082097345",
    "AccountNumber": "0|1|234|0|0|00|1234",
    "CampaignId": "AD Manual Dial Campaign",
    "Mode": "Mobile",
    "ContactId": 9,
    "ExpiryTime": "01/31/2024 23:59:00",
    "CallbackTime": "01/31/2024 05:09:25",
    "CallType": 0,
    "Consent": "Yes",
}
"""A reserved contact as LCM gives it."""


def read(value: Any) -> Envelope:
    """Parse a request: bytes and text as they stand, anything else as JSON."""
    if isinstance(value, str):
        value = value.encode()
    return parse(value if isinstance(value, bytes) else json.dumps(value).encode(), LIMITS)


def refusal(value: Any) -> str:
    """Return why a request is no envelope."""
    with pytest.raises(InvalidEnvelope) as refused:
        read(value)
    return refused.value.message


def request(subtopic: str, data: JsonValue) -> JsonObject:
    """Return a request under LCM / WebService."""
    return {"channel": "LCM", "topic": "WebService", "subtopic": subtopic, "data": data}


def operation(subtopic: str, catalogue: Catalogue = CATALOGUE) -> Operation:
    """Return the operation of a subtopic under LCM / WebService."""
    return catalogue.find(Envelope("LCM", "WebService", subtopic, None, {}))[0]


def translated(subtopic: str, data: JsonValue, catalogue: Catalogue = CATALOGUE) -> Command:
    """Return the command that a request becomes."""
    envelope = read(request(subtopic, data))
    return catalogue.find(envelope)[0].translate(envelope)


def parameters(subtopic: str, data: JsonValue, catalogue: Catalogue = CATALOGUE) -> JsonObject:
    """Return the parameters that a request sends to LCM."""
    call = translated(subtopic, data, catalogue).call
    assert call is not None
    return call.parameters


def problems(subtopic: str, data: JsonValue, catalogue: Catalogue = CATALOGUE) -> list[tuple[str, str]]:
    """Return what is wrong with the fields of a request."""
    with pytest.raises(InvalidData) as refused:
        translated(subtopic, data, catalogue)
    return [(field, problem) for field, problem in refused.value.details]


def answered(
    subtopic: str, result: JsonValue, data: JsonObject | None = None, catalogue: Catalogue = CATALOGUE
) -> Answer:
    """Return the answer that a valid request gets for LCM's result."""
    command = translated(subtopic, REQUESTS[subtopic] if data is None else data, catalogue)
    return operation(subtopic, catalogue).answer(command, result)


def without(data: JsonObject, *names: str) -> JsonObject:
    """Return ``data`` less some members."""
    return {name: value for name, value in data.items() if name not in names}
