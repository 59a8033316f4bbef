"""CreateContact -> CreateContactResponse.

Source: the vendor's page "Create Contact". Its sample bears the subtopic AddCompliance (with blanks),
which is taken too and answered as AddComplianceResponse. Its table calls Status mandatory with the
default 4, so it is optional with that default.
"""

from typing import Final

from bridge.envelope import Envelope, json_type
from bridge.failures import Detail, InvalidData, WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.contacts import failure_reason
from bridge.operations.fields import Fields, Flag, Integer, Minute, Text, Xml, sortable
from bridge.operations.model import Answer, Command, LcmCall, Operation, Rules, UnexpectedResult, lcm_route

OTHER_ADD_COMPLIANCE: Final = (
    "is that of the vendor's other AddCompliance operation (a DNC upload), which this bridge does not take; "
    "under AddCompliance it takes the data of CreateContact"
)
_OTHER_MEMBERS: Final = frozenset({"cvalue", "channeltype", "uploadtype", "operation", "campaigncategory"})
"""Members by which the vendor's other AddCompliance operation (a DNC upload) is told."""


class CallType(Integer):
    """0 fresh, 1 callback, 2 personal callback; goes to LCM as a string."""

    def take(self, value: JsonValue) -> str:  # type: ignore[override]  # the wire form differs on purpose
        """Return "0", "1" or "2"."""
        return str(super().take(value))


class CreateContact(Operation):
    """Adds a contact to a campaign."""

    name = "CreateContact"
    lane = "campaign"
    routes = (
        lcm_route("CreateContact", "CreateContactResponse"),
        lcm_route("AddCompliance", "AddComplianceResponse"),
    )

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        # In the order of the vendor's sample, which is the order on the LCM wire.
        self.fields = Fields(
            Text(name="CampaignID", longest=256),
            CallType(name="Calltype", least=0, most=2),
            Minute(name="callStartDateTime"),
            Minute(name="callEndDateTime"),
            Xml(name="BussinessFields", aliases=("BusinessFields",), longest=rules.xml_chars),
            Integer(name="priority", default=0),
            Xml(name="Modes", longest=rules.xml_chars),
            *(
                Text(name=name, default="", shortest=0)
                for name in (
                    "AgentID",
                    "SMSData",
                    "MailSubject",
                    "MailMsg",
                    "MailAttachment",
                    "ZipCode",
                    "ContactDetail",
                )
            ),
            Integer(name="ListID", default=0),
            Flag(name="IsAccountNumber"),
            Integer(name="Status", default=4),
        )

    def translate(self, envelope: Envelope) -> Command:
        """Create the contact: a side effect that LCM repeats as often as it is called."""
        self._refuse_other_add_compliance(envelope)
        values = self.fields.read(envelope.data, _end_before_start)
        return Command(content=values, call=LcmCall(self.name, values), side_effect=True)

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Take the LCM key; null, false, "", 0 or a negative number mean that nothing was created."""
        if reason := failure_reason(result):
            raise WsError(reason)
        if _is_no_key(result):
            raise WsError("LCM created no contact; check CampaignID, BussinessFields and Modes")
        if isinstance(result, bool) or not isinstance(result, int | str):
            raise UnexpectedResult(f"the result is {json_type(result)} where an LCM key was expected")
        return Answer({"response": str(result)})

    @staticmethod
    def _refuse_other_add_compliance(envelope: Envelope) -> None:
        if envelope.subtopic.strip().casefold() != "addcompliance":
            return
        names = {key.casefold() for key in envelope.data or ()}
        if len(names & _OTHER_MEMBERS) > 1 and not names & {
            "bussinessfields",
            "businessfields",
            "modes",
        }:
            raise InvalidData([Detail("data", OTHER_ADD_COMPLIANCE)])


def _end_before_start(values: JsonObject) -> list[Detail]:
    start, end = values.get("callStartDateTime"), values.get("callEndDateTime")
    if isinstance(start, str) and isinstance(end, str) and sortable(end) < sortable(start):
        return [Detail("data.callEndDateTime", "must not be before callStartDateTime")]
    return []


def _is_no_key(result: JsonValue) -> bool:
    """Tell null, false, "", 0 and negative numbers, also where they are written as text."""
    if isinstance(result, int | float):
        return result is not True and result <= 0
    if not isinstance(result, str | None):
        return False
    word = (result or "").strip().casefold()
    digits = word.removeprefix("-")
    number = digits.isascii() and digits.isdigit()
    return word in ("", "null", "false") or (number and (word.startswith("-") or not digits.strip("0")))
