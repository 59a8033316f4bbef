"""GetReservedContactOD -> ContactOD.

Source: the vendor's page "Get Reserved Non-PEWC Contact". Its table says that ContactID and CallType
are numbers, its sample shows strings, so LCM's value is passed on.
"""

from collections.abc import Sequence
from typing import Final

from bridge.envelope import Envelope
from bridge.failures import ContactNotFound
from bridge.jsontypes import JsonValue
from bridge.operations import contacts
from bridge.operations.fields import Fields, Text
from bridge.operations.model import Answer, Command, Contact, LcmCall, Operation, Reserved, lcm_route

MEMBERS: Final = contacts.Members(
    PhoneNumber=contacts.text,
    AccountNumber=contacts.text,
    CampaignId=contacts.text,
    Mode=contacts.text,
    ContactId=contacts.as_given,
    ExpiryTime=contacts.text,
    CallbackTime=contacts.text,
    CallType=contacts.as_given,
    Prefix=contacts.text,
    Suffix=contacts.text,
    Queue=contacts.text,
)

ONE_CONTACT: Final = Reserved("od", 1)


class GetReservedContactOD(Operation):
    """The non-PEWC contact that is already reserved for the agent."""

    name = "GetReservedContactOD"
    routes = (lcm_route("GetReservedContactOD", "ContactOD"),)
    fields = Fields(Text(name="UserID", aliases=("AgentID",), longest=128))

    def translate(self, envelope: Envelope) -> Command:
        """Ask for the agent's one contact; a read."""
        values = self.fields.read(envelope.data)
        return Command(
            content=values,
            call=LcmCall(self.name, values),
            agent=str(values["UserID"]),
            shelf="od",
            reserved=ONE_CONTACT,
        )

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Take one contact, or the first of an array; every form of none is CONTACT_NOT_FOUND."""
        if reason := contacts.failure_reason(result):
            raise ContactNotFound(reason)
        if contacts.is_nothing(result):
            raise ContactNotFound("LCM has no contact reserved for this agent")
        first = result[0] if isinstance(result, list) else result
        return self.answer_cached([MEMBERS.read(first)])

    def answer_cached(self, contacts: Sequence[Contact]) -> Answer:
        """Present the contact as one object."""
        return Answer({"response": contacts[0]}, contacts[:1])
