"""What the demonstration shows, in its order: later scenes rely on what earlier ones left in the cache."""

from bridge.demo import samples
from bridge.demo.expectation import Expected
from bridge.demo.mishaps import BAD_INPUT, FAILING
from bridge.demo.samples import CREATE, CREATED, DIAL, LCM_KEY, MANUAL, OD, SKIP, SKIPPED, contacts, envelope
from bridge.demo.scene import Chapter, Scene, failure_of, reply_of


def echo(channel: str, topic: str, number: str) -> Expected:
    """Describe what ManualDialCall relays."""
    data: Expected = {"PhoneNumber": number}
    return {"subtopic": "ManualDialCall", "topic": topic, "channel": channel, "data": data}


OPERATIONS = Chapter(
    title="Every operation, as on the vendor's pages",
    scenes=(
        Scene(
            title="GetReservedManualDialContact: the contact reserved for an agent",
            request=samples.get_reserved(),
            routing_key=MANUAL,
            expected=contacts(1, samples.SAMPLE_MANUAL_CONTACT),
            cache="miss",
        ),
        Scene(
            title="the same once more: from the cache",
            request=samples.get_reserved(),
            routing_key=MANUAL,
            expected=contacts(1, samples.SAMPLE_MANUAL_CONTACT),
            cache="hit",
        ),
        Scene(
            title="two new contacts, which LCM reserves: always asked of LCM",
            request=samples.get_reserved(2, reserved=False, consent=False),
            routing_key=MANUAL,
            expected=contacts(2, samples.ANY_MANUAL_CONTACT | {"Consent": "No"}),
        ),
        Scene(
            title="GetReservedContactOD, by direct reply-to",
            request=samples.get_od(),
            routing_key=OD,
            reply="direct",
            expected=reply_of("ContactOD", {"response": samples.SAMPLE_OD_CONTACT}),
            cache="miss",
        ),
        Scene(
            title="the same once more, in other spellings, after a byte-order mark: from the cache",
            request=b'\xef\xbb\xbf{"CHANNEL":"lcm", "Topic":"Webservice ", "SubTopic":"getreservedcontactod",'
            b' "source": "demo", "DATA": {"userid": "testagent"}}',
            routing_key=OD,
            expected=reply_of("ContactOD", {"response": samples.SAMPLE_OD_CONTACT}),
            cache="hit",
        ),
        Scene(
            title="ManualDialCall: relayed to the requester and to the softphones",
            request=envelope(
                "ManualDialCall", {"PhoneNumber": "+12345678900"}, channel="Amazon", topic="InboundCall"
            ),
            routing_key=DIAL,
            expected=reply_of(
                "ManualDialCall",
                echo("Amazon", "InboundCall", "+12345678900"),
                channel="UI",
                topic="InboundCall",
            ),
            event=True,
        ),
        Scene(
            title="ManualDialCall by the table's route; nobody asked for a reply: it goes out as an event",
            request=envelope("ManualDialCall", {"PhoneNumber": "+1 (234) 567-8900"}),
            routing_key="LCM.WebService.ManualDialCall",
            reply="none",
            expected=reply_of("ManualDialCall", echo("LCM", "WebService", "+1 (234) 567-8900")),
        ),
        Scene(
            title="CreateContact, under the name in the page's sample",
            request=samples.create(" AddCompliance "),
            routing_key="LCM.WebService.AddCompliance",
            expected=reply_of("AddComplianceResponse", {"response": LCM_KEY}),
        ),
        Scene(
            title="CreateContact, its XML fields as JSON objects",
            request=samples.create(
                BussinessFields={"first_name": "Ada & Co", "last_name": "<test>"},
                Modes={"Home": {"Cvalue": "6093090341", "TZ": "(UTC-05:00) Eastern Time"}},
            ),
            routing_key=CREATE,
            expected=reply_of(CREATED, {"response": LCM_KEY}),
        ),
    ),
)

SKIPPING = Chapter(
    title="A skipped contact leaves the cache",
    scenes=(
        Scene(
            title="two reserved contacts: more than the cache holds, so LCM is asked",
            request=samples.get_reserved(2),
            routing_key=MANUAL,
            expected=contacts(2, samples.ANY_MANUAL_CONTACT),
            cache="miss",
        ),
        Scene(
            title="once more: from the cache",
            request=samples.get_reserved(2),
            routing_key=MANUAL,
            expected=contacts(2, samples.ANY_MANUAL_CONTACT),
            cache="hit",
        ),
        Scene(
            title="SkipManualDialContact: one of the two",
            request=samples.skip(),
            routing_key=SKIP,
            expected=reply_of(SKIPPED, {"response": {"success": True}}),
        ),
        Scene(
            title="two reserved contacts again: the skipped one is missing, so LCM is asked",
            request=samples.get_reserved(2),
            routing_key=MANUAL,
            expected=contacts(2, samples.ANY_MANUAL_CONTACT),
            cache="miss",
        ),
        Scene(
            title="skipping it again, as a new request: LCM has it no more",
            request=samples.skip(),
            routing_key=SKIP,
            expected=failure_of(SKIPPED, "CONTACT_NOT_FOUND"),
            error_type="CONTACT_NOT_FOUND",
        ),
    ),
)

CHAPTERS = (OPERATIONS, SKIPPING, BAD_INPUT, FAILING)
