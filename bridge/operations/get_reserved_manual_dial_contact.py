"""GetReservedManualDialContact -> DownloadContactsForDialing.

Source: the vendor's page "Get Reserved Manual Dial Contact". Its table says that ``response`` is a
JSON array, its sample shows an object; N contacts are asked for, so the array holds, unless the
site sets ``contract.single_contact_as_object``.
"""

from collections.abc import Sequence
from typing import Final

from bridge.envelope import Envelope
from bridge.failures import WsError
from bridge.jsontypes import JsonValue
from bridge.operations import contacts
from bridge.operations.fields import DecimalText, Fields, Flag, Text
from bridge.operations.model import (
    Answer,
    Command,
    Contact,
    LcmCall,
    Operation,
    Reserved,
    Rules,
    lcm_route,
)

MEMBERS: Final = contacts.Members(
    PhoneNumber=contacts.text,
    AccountNumber=contacts.text,
    CampaignId=contacts.text,
    Mode=contacts.text,
    ContactId=contacts.number,
    ExpiryTime=contacts.text,
    CallbackTime=contacts.text,
    CallType=contacts.number,
    Consent=contacts.yes_no,
)


class GetReservedManualDialContact(Operation):
    """Contacts for manual dialling: those already reserved for the agent, or newly reserved ones."""

    name = "GetReservedManualDialContact"
    routes = (lcm_route("GetReservedManualDialContact", "DownloadContactsForDialing"),)

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self.fields = Fields(
            Text(name="AgentID", aliases=("UserID",), longest=128),
            DecimalText(name="NumberOfContactsRequired", least=1, most=rules.contacts),
            Flag(name="Consent", yes="Yes", no="No"),
            Flag(name="ReservedContacts", yes="true", no="false"),
        )

    def translate(self, envelope: Envelope) -> Command:
        """Ask for contacts; new ones (``ReservedContacts`` false) are a side effect: LCM reserves them."""
        values = self.fields.read(envelope.data)
        new = values["ReservedContacts"] == "false"
        return Command(
            content=values,
            call=LcmCall(self.name, values),
            side_effect=new,
            agent=str(values["AgentID"]),
            shelf="manual",
            reserved=None
            if new
            else Reserved("manual", int(str(values["NumberOfContactsRequired"])), str(values["Consent"])),
        )

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Take an array, one object, or nothing; ``RequestFailureReason`` is LCM's refusal."""
        if reason := contacts.failure_reason(result):
            raise WsError(reason)
        if contacts.is_nothing(result):
            return self.answer_cached(())
        found = [MEMBERS.read(one) for one in (result if isinstance(result, list) else [result])]
        return self.answer_cached(found)

    def answer_cached(self, contacts: Sequence[Contact]) -> Answer:
        """Present contacts as an array, or as one object where the site wants the sample's form."""
        if self.rules.single_contact_as_object and len(contacts) == 1:
            return Answer({"response": contacts[0]}, contacts)
        return Answer({"response": list(contacts)}, contacts)
