"""What each LCM method does with the state. Parameters in, result and effect out; no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from bridge.simulator.contacts import Contact, DateStyle, Kind, wire_contact
from bridge.simulator.state import NewContact, State
from bridge.simulator.wire import WireFault

NoContact = Literal["null", "empty-array", "empty-string", "false", "reason"]
SkipRefusal = Literal["false", "object"]
Parameters = Mapping[str, object]

AGENT_LOGGED_OUT = "Agent is not logged in"
NO_CONTACT = "No contacts available"
STATUS_OPEN = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the methods say no, and how they write dates."""

    dates: DateStyle
    no_contact: NoContact = "null"
    skip_refusal: SkipRefusal = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a method answers, and the contacts it changed.

    Without any it had no effect, unless it says so: on what the simulator keeps no state of.
    """

    value: object
    agent: str = ""
    changed: tuple[Contact, ...] = ()
    effect: bool = False


def get_reserved_manual_dial_contact(state: State, data: Parameters, manners: Manners) -> Result:
    """Give contacts reserved for the agent, or (ReservedContacts "false") reserve open ones: an effect."""
    agent = cast("str", data["AgentID"])
    wanted = cast("str", data["NumberOfContactsRequired"])
    if not (wanted.isascii() and wanted.isdigit()) or len(wanted) > 9:  # noqa: PLR2004 (an Int32)
        raise WireFault("System.FormatException", "Input string was not in a correct format.")
    consent = _flag(data, "Consent", yes="Yes", no="No")
    reserved = _flag(data, "ReservedContacts", yes="true", no="false")
    if not state.is_logged_in(agent):
        return Result(value=_reason(AGENT_LOGGED_OUT), agent=agent)
    if reserved:
        contacts = state.reserved(agent, Kind.MANUAL, limit=int(wanted), consent=consent)
    else:
        contacts = state.reserve(agent, consent=consent, limit=int(wanted))
    value = [wire_contact(contact, manners.dates) for contact in contacts] or _no_contact(manners)
    return Result(value=value, agent=agent, changed=() if reserved else tuple(contacts))


def get_reserved_contact_od(state: State, data: Parameters, manners: Manners) -> Result:
    """Give the first OD contact reserved for the agent."""
    agent = cast("str", data["UserID"])
    if not state.is_logged_in(agent):
        return Result(value=_reason(AGENT_LOGGED_OUT), agent=agent)
    contacts = state.reserved(agent, Kind.OD, limit=1)
    value = wire_contact(contacts[0], manners.dates) if contacts else _no_contact(manners)
    return Result(value=value, agent=agent)


def skip_manual_dial_contact(state: State, data: Parameters, manners: Manners) -> Result:
    """Close a contact with an outcome: an effect, unless there is no such contact for this agent."""
    agent = cast("str", data["UserID"])
    closed = None
    if state.is_logged_in(agent):
        closed = state.close(
            cast("str", data["AccountNumber"]),
            phone_number=cast("str", data["PhoneNumber"]),
            agent=agent,
            outcome=cast("int", data["OutcomeId"]),
        )
    if closed is not None:
        return Result(value=True, agent=agent, changed=(closed,))
    if manners.skip_refusal == "false":
        return Result(value=False, agent=agent)
    return Result(value={"success": False, "msg": "Contact not found"}, agent=agent)


def create_contact(state: State, data: Parameters, _manners: Manners) -> Result:
    """Create a contact and give its LCM key: an effect. None for an unknown campaign or without a number."""
    agent = cast("str", data["AgentID"])
    if data["Calltype"] not in {"0", "1", "2"}:
        raise WireFault("System.FormatException", f"Calltype {data['Calltype']!r} is not known.")
    for name in ("callStartDateTime", "callEndDateTime"):
        _check_date(cast("str", data[name]))
    _read_xml(cast("str", data["BussinessFields"]))
    modes = [(mode, number) for mode, number in _read_xml(cast("str", data["Modes"])).items() if number]
    if not modes:
        return Result(value=None, agent=agent)
    new = NewContact(
        campaign_id=cast("str", data["CampaignID"]),
        phone_number=modes[0][1],
        mode=modes[0][0],
        call_type=int(str(data["Calltype"])),
        list_id=cast("int", data["ListID"]),
        is_open=data["Status"] == STATUS_OPEN,
        owner=agent or None,
    )
    created = state.create(new)
    if created is None:
        return Result(value=None, agent=agent)
    return Result(value=created.account_number, agent=agent, changed=(created,))


@dataclass(frozen=True, slots=True)
class Method:
    """One operation: its parameters with their types, and what it does.

    ``reads`` tells whether a call can have no effect, whatever the state.
    """

    parameters: Mapping[str, type]
    perform: Callable[[State, Parameters, Manners], Result]
    reads: Callable[[Parameters], bool] = lambda _: False

    def check(self, data: Parameters) -> None:
        """Raise WireFault when a parameter is missing or of another type; unknown ones are ignored."""
        for name, kind in self.parameters.items():
            value = data.get(name)
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                found = "is missing" if name not in data else f"is a {type(value).__name__}"
                raise WireFault(
                    "System.Runtime.Serialization.SerializationException",
                    f"There was an error deserializing the parameter {name}: it {found}, "
                    f"expected {kind.__name__}.",
                )


METHODS: Mapping[str, Method] = {
    "GetReservedManualDialContact": Method(
        {"AgentID": str, "NumberOfContactsRequired": str, "Consent": str, "ReservedContacts": str},
        get_reserved_manual_dial_contact,
        lambda data: data["ReservedContacts"] == "true",
    ),
    "GetReservedContactOD": Method({"UserID": str}, get_reserved_contact_od, lambda _: True),
    "SkipManualDialContact": Method(
        {"OutcomeId": int, "UserID": str, "AccountNumber": str, "PhoneNumber": str}, skip_manual_dial_contact
    ),
    "CreateContact": Method(
        {
            "CampaignID": str,
            "Calltype": str,
            "callStartDateTime": str,
            "callEndDateTime": str,
            "BussinessFields": str,
            "priority": int,
            "Modes": str,
            "AgentID": str,
            "SMSData": str,
            "MailSubject": str,
            "MailMsg": str,
            "MailAttachment": str,
            "ZipCode": str,
            "ContactDetail": str,
            "ListID": int,
            "IsAccountNumber": bool,
            "Status": int,
        },
        create_contact,
    ),
}


# Wire name -> operation. AddContact is CreateContact's name in the older SOAP interface.
WIRE_NAMES: Mapping[str, str] = {name: name for name in METHODS} | {"AddContact": "CreateContact"}


def _flag(data: Parameters, name: str, *, yes: str, no: str) -> bool:
    value = cast("str", data[name])
    if value not in {yes, no}:
        raise WireFault("System.FormatException", f"{name} {value!r} was not recognized as {yes} or {no}.")
    return value == yes


def _reason(text: str) -> dict[str, object]:
    return {"__type": "RequestFailure:#Acqueon.LCM", "RequestFailureReason": text}


def _no_contact(manners: Manners) -> object:
    answers: dict[NoContact, object] = {"null": None, "empty-array": [], "empty-string": "", "false": False}
    return answers.get(manners.no_contact, _reason(NO_CONTACT))


def _check_date(text: str) -> None:
    try:
        datetime.strptime(text, "%d/%m/%Y %H:%M")  # noqa: DTZ007 (only checked)
    except ValueError as error:
        raise WireFault("System.FormatException", "String was not recognized as a valid DateTime.") from error


def _read_xml(text: str) -> dict[str, str]:
    """Give the members under `Data`: the text of each, or of its Cvalue."""
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise WireFault("System.Xml.XmlException", f"Data at the root level is invalid. {error}") from error
    if root.tag != "Data":
        raise WireFault("System.Xml.XmlException", f"Root element {root.tag!r} is not Data.")
    return {member.tag: (member.findtext("Cvalue") or member.text or "").strip() for member in root}
