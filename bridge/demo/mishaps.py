"""The scenes in which something is wrong: with the request, or with LCM."""

from bridge.demo import samples
from bridge.demo.samples import (
    AGENT,
    CREATE,
    CREATED,
    DIAL,
    DOWNLOADED,
    LCM_KEY,
    MANUAL,
    OD,
    SKIP,
    SKIPPED,
    contacts,
    envelope,
)
from bridge.demo.scene import Chapter, Control, Scene, error_event, failure_of, reply_of

BOMB = (
    '<!DOCTYPE Data [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><Data><first_name>&c;</first_name></Data>'
)
PASTED_OD = envelope("GetReservedContactOD", {"UserID": "testagent"}, indent=4)


def fault(said: str, **plan: str | int) -> Control:
    """Have the simulated LCM misbehave."""
    return Control(method="PUT", path="faults", body=dict(plan), said=said)


NO_FAULTS = Control(method="DELETE", path="faults", said="LCM works again")


BAD_INPUT = Chapter(
    title="Bad input: the reply says what is wrong",
    scenes=(
        Scene(
            title="JSON pasted from a web page: indented with no-break spaces",
            request=PASTED_OD.replace("  ", samples.NO_BREAK_SPACE * 2),
            routing_key=OD,
            expected=error_event("INVALID_ENVELOPE", "line 2.*column 1.*no-break space"),
            error_type="INVALID_ENVELOPE",
        ),
        Scene(
            title="a curly quote where a straight one belongs",
            request=PASTED_OD.replace('testagent"', "testagent" + samples.RIGHT_QUOTE),
            routing_key=OD,
            expected=error_event("INVALID_ENVELOPE", r"line 6, column.*(curly quote|quotation mark)"),
            error_type="INVALID_ENVELOPE",
        ),
        Scene(
            title="nothing but the operation's name: every missing field at once",
            request=envelope("GetReservedManualDialContact", {}),
            routing_key=MANUAL,
            expected=failure_of(
                DOWNLOADED,
                "INVALID_DATA",
                ".",
                "data.AgentID",
                "data.NumberOfContactsRequired",
                "data.Consent",
                "data.ReservedContacts",
            ),
            error_type="INVALID_DATA",
        ),
        Scene(
            title="wrong types: a boolean for a number, a number for a string",
            request=samples.skip(account_number=49, outcome=True),
            routing_key=SKIP,
            expected=failure_of(SKIPPED, "INVALID_DATA", ".", "data.OutcomeId", "data.AccountNumber"),
            error_type="INVALID_DATA",
        ),
        Scene(
            title="a telephone number without digits; nobody asked for a reply: to the dead letters",
            request=envelope("ManualDialCall", {"PhoneNumber": "call me"}),
            routing_key=DIAL,
            reply="none",
            expected=None,
            dead_letter="failure-without-reply-to",
        ),
        Scene(
            title="a misspelt subtopic: the nearest known one is named",
            request=envelope("GetReservedManualDialContakt", {"AgentID": AGENT}),
            routing_key="LCM.WebService.GetReservedManualDialContakt",
            expected=error_event("UNKNOWN_OPERATION", "GetReservedManualDialContact"),
            error_type="UNKNOWN_OPERATION",
        ),
        Scene(
            title="XML with an entity bomb",
            request=samples.create(BussinessFields=BOMB),
            routing_key=CREATE,
            expected=failure_of(CREATED, "INVALID_DATA", ".", "data.BussinessFields"),
            error_type="INVALID_DATA",
        ),
        Scene(
            title="a reply sent to the bridge: never answered, or two would answer each other for ever",
            request='{"channel": "LCM", "topic": "WebService", "subtopic": "ContactOD", "message": {}}',
            routing_key=OD,
            reply="none",
            expected=None,
            dead_letter="reply-as-request",
        ),
        Scene(
            title="a deadline that has passed",
            request=samples.get_od("agent3"),
            routing_key=OD,
            deadline_in=-1,
            expected=failure_of("ContactOD", "REQUEST_EXPIRED"),
            error_type="REQUEST_EXPIRED",
        ),
    ),
)

FAILING = Chapter(
    title="LCM says no, fails, and comes back",
    scenes=(
        Scene(
            title="an agent who is not logged in: LCM's reason is passed on",
            before=(
                Control(
                    method="POST",
                    path="agents/agent9",
                    body={"logged_in": False},
                    said="agent9 logs out",
                ),
            ),
            request=samples.get_reserved(agent="agent9"),
            routing_key=MANUAL,
            expected=failure_of(DOWNLOADED, "WS_Error", "not logged in"),
            error_type="WS_Error",
            cache="miss",
        ),
        Scene(
            title="no contact for that agent",
            request=samples.get_od("agent9"),
            routing_key=OD,
            expected=failure_of("ContactOD", "CONTACT_NOT_FOUND", msg="^Contact not found$"),
            error_type="CONTACT_NOT_FOUND",
            cache="miss",
        ),
        Scene(
            title="LCM faults: its message is passed on, its stack trace is not",
            before=(fault("LCM answers with a fault", kind="fault", message="The campaign is locked"),),
            request=samples.create(),
            routing_key=CREATE,
            expected=failure_of(CREATED, "WS_Error", "The campaign is locked"),
            error_type="WS_Error",
        ),
        Scene(
            title="LCM is down, and the cache holds something: what there is, marked as stale",
            before=(fault("LCM answers 503 to everything", kind="status", status=503),),
            request=samples.get_reserved(5),
            routing_key=MANUAL,
            expected=contacts(2, samples.ANY_MANUAL_CONTACT),
            cache="stale",
        ),
        Scene(
            title="LCM is down, and the cache holds nothing",
            request=samples.get_od("agent7"),
            routing_key=OD,
            expected=failure_of("ContactOD", "LCM_UNAVAILABLE"),
            error_type="LCM_UNAVAILABLE",
            cache="miss",
        ),
        Scene(
            title="LCM is down, and a contact is to be created: nothing happened, it may be sent again",
            request=samples.create(),
            routing_key=CREATE,
            expected=failure_of(CREATED, "LCM_UNAVAILABLE"),
            error_type="LCM_UNAVAILABLE",
        ),
        Scene(
            title="LCM answers something that is not JSON",
            before=(fault("LCM answers with text that is no JSON", kind="not_json"),),
            request=samples.get_od("agent7"),
            routing_key=OD,
            expected=failure_of("ContactOD", "LCM_BAD_RESPONSE"),
            error_type="LCM_BAD_RESPONSE",
            cache="miss",
        ),
        Scene(
            title="cut off after the contact was created: nobody can know, a person has to look",
            note="Answered, and kept among the dead letters. Never repeated blindly.",
            before=(fault("LCM cuts the connection after the effect", kind="reset", when="after"),),
            request=samples.create(),
            routing_key=CREATE,
            expected=failure_of(CREATED, "OUTCOME_UNKNOWN"),
            error_type="OUTCOME_UNKNOWN",
            dead_letter="outcome-unknown",
        ),
        Scene(
            title="LCM is back",
            before=(NO_FAULTS,),
            request=samples.create(),
            routing_key=CREATE,
            expected=reply_of(CREATED, {"response": LCM_KEY}),
        ),
    ),
)
