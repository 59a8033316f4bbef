"""SkipManualDialContact -> SkipManualDialContactResult.

Source: the vendor's page "Skip Manual Dial Contact"; its table spells UserId, its sample UserID.
"""

from bridge.envelope import Envelope, json_type
from bridge.failures import ContactNotFound
from bridge.jsontypes import JsonValue
from bridge.operations.contacts import failure_reason
from bridge.operations.fields import Fields, Integer, Text
from bridge.operations.model import Answer, Command, LcmCall, Operation, UnexpectedResult, lcm_route


class SkipManualDialContact(Operation):
    """Skips and closes a contact with an outcome."""

    name = "SkipManualDialContact"
    routes = (lcm_route("SkipManualDialContact", "SkipManualDialContactResult"),)
    fields = Fields(
        Integer(name="OutcomeId", least=0),
        Text(name="UserID", aliases=("AgentID",), longest=128),
        Text(name="AccountNumber", longest=256),
        Text(name="PhoneNumber", longest=64),
    )

    def translate(self, envelope: Envelope) -> Command:
        """Close the contact in LCM, and drop it from the agent's cache."""
        values = self.fields.read(envelope.data)
        return Command(
            content=values,
            call=LcmCall(self.name, values),
            side_effect=True,
            agent=str(values["UserID"]),
            skips=str(values["AccountNumber"]),
        )

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Take ``true`` or ``{"success": true}``; LCM's no is CONTACT_NOT_FOUND with its text."""
        if reason := failure_reason(result):
            raise ContactNotFound(reason, msg=reason)
        done, text = result, ""
        if isinstance(result, dict):
            members = {key.casefold(): value for key, value in result.items()}
            done = members.get("success")
            text = next(
                (str(members[key]) for key in ("msg", "message", "errormessage") if members.get(key)), ""
            )
        if done is True:
            return Answer({"response": {"success": True}})
        if done is False:
            raise ContactNotFound(text or "LCM has no such contact to skip", msg=text)
        raise UnexpectedResult(f"the result is {json_type(result)} that says neither true nor false")
