"""What every Python peer translates: a widget envelope into a call of LCM, LCM's answer into a reply.

Pure, and for well-formed requests only: nothing is validated, as no peer promises it. Anything unexpected
raises, and the peer ends with it. JSON is each peer's own choice, so objects come in and go out.
"""

from typing import Any, Final, NamedTuple

READ: Final = "GetReservedContactOD"
SIDE_EFFECT: Final = "CreateContact"

_CONTACT: Final = (
    "PhoneNumber",
    "AccountNumber",
    "CampaignId",
    "Mode",
    "ContactId",
    "ExpiryTime",
    "CallbackTime",
    "CallType",
    "Prefix",
    "Suffix",
    "Queue",
)
_DEFAULTS: Final[dict[str, Any]] = {
    "priority": 0,
    "AgentID": "",
    "SMSData": "",
    "MailSubject": "",
    "MailMsg": "",
    "MailAttachment": "",
    "ZipCode": "",
    "ContactDetail": "",
    "ListID": 0,
    "Status": 4,
}

CONTACT_MS: Final = 120_000
"""Milliseconds that a cached contact lives: as long as LCM reserves one."""
CLAIM_MS: Final = 60_000
"""Milliseconds that a side effect may take before its claim ends."""
RECORD_MS: Final = 86_400_000
"""Milliseconds that the reply to a side effect is kept: the bridge's default."""


class Call(NamedTuple):
    """A call of LCM: ``POST <base>/<method>`` with the parameters as one JSON object."""

    method: str
    parameters: dict[str, Any]


def call_of(envelope: dict[str, Any]) -> Call:
    """Return the call that an envelope asks for. Raises KeyError, ValueError for another operation."""
    method, data = envelope["subtopic"], envelope["data"]
    if method == READ:
        return Call(READ, {"UserID": data["UserID"]})
    if method == SIDE_EFFECT:
        return Call(SIDE_EFFECT, {**_DEFAULTS, **data})
    raise ValueError(f"no operation {method!r}")


def result_of(call: Call, answer: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return what a reply tells: the contact, or the LCM key of what was created.

    Raises KeyError, ValueError when LCM answered without either.
    """
    result = answer["d"]
    if call.method == READ:
        contact = result[0] if isinstance(result, list) and result else result
        if not isinstance(contact, dict):
            raise ValueError(f"LCM gave no contact: {answer}")
        return {name: contact[name] for name in _CONTACT}
    if not isinstance(result, str) or not result:
        raise ValueError(f"LCM created nothing: {answer}")
    return result


def reply_with(call: Call, result: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the reply envelope, members in the contract's order."""
    return {
        "channel": "LCM",
        "topic": "WebService",
        "subtopic": "ContactOD" if call.method == READ else "CreateContactResponse",
        "message": {"response": result},
    }
