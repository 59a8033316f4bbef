"""Which operation a request is for, and what is said where it is for none."""

import pytest
from operations.core_requests import CATALOGUE

from bridge.envelope import Envelope
from bridge.failures import UnknownOperation
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.model import Address, Rules
from bridge.operations.shipped import siblings


def found(channel: str, topic: str, subtopic: str) -> tuple[str, Address]:
    """Return the name of the operation and the address of its reply."""
    operation, route = CATALOGUE.find(Envelope(channel, topic, subtopic, None, {}))
    return operation.name, route.reply


@pytest.mark.parametrize(
    ("address", "name", "reply"),
    [
        (
            ("LCM", "WebService", "GetReservedManualDialContact"),
            "GetReservedManualDialContact",
            ("LCM", "WebService", "DownloadContactsForDialing"),
        ),
        (
            ("LCM", "WebService", "GetReservedContactOD"),
            "GetReservedContactOD",
            ("LCM", "WebService", "ContactOD"),
        ),
        (
            ("LCM", "WebService", "SkipManualDialContact"),
            "SkipManualDialContact",
            ("LCM", "WebService", "SkipManualDialContactResult"),
        ),
        (
            ("Amazon", "InboundCall", "ManualDialCall"),
            "ManualDialCall",
            ("UI", "InboundCall", "ManualDialCall"),
        ),
        (("LCM", "WebService", "ManualDialCall"), "ManualDialCall", ("LCM", "WebService", "ManualDialCall")),
        (
            ("LCM", "WebService", "CreateContact"),
            "CreateContact",
            ("LCM", "WebService", "CreateContactResponse"),
        ),
        (
            ("LCM", "WebService", "AddCompliance"),
            "CreateContact",
            ("LCM", "WebService", "AddComplianceResponse"),
        ),
    ],
)
def test_every_route_leads_to_its_operation_and_reply(
    address: tuple[str, str, str], name: str, reply: tuple[str, str, str]
) -> None:
    """In the samples' spelling."""
    assert (name, reply) == found(*address)


@pytest.mark.parametrize(
    "address",
    [
        ("lcm", "webservice", "getreservedcontactod"),
        ("LCM", "Webservice", "GETRESERVEDCONTACTOD"),
        (" LCM ", "\tWebService\n", "  GetReservedContactOD"),
        ("LCM", "WebService", "\u00a0GetReservedContactOD\u00a0"),
    ],
)
def test_addresses_are_trimmed_and_matched_without_regard_to_case(address: tuple[str, str, str]) -> None:
    """And the reply bears the canonical spelling."""
    assert ("GetReservedContactOD", ("LCM", "WebService", "ContactOD")) == found(*address)


@pytest.mark.parametrize(
    "address",
    [
        ("Amazon", "InboundCall", "GetReservedContactOD"),
        ("Amazon", "WebService", "ManualDialCall"),
        ("UI", "InboundCall", "ManualDialCall"),
        ("LCM", "WebService", "ContactOD"),
        ("LCM", "WebService", "Get Reserved ContactOD"),
        ("LCM", "Web Service", "GetReservedContactOD"),
        ("LCM", "WebService", ""),
        ("", "", ""),
    ],
)
def test_what_has_no_route_is_unknown(address: tuple[str, str, str]) -> None:
    """All three parts count; a reply's own address is none of a request."""
    with pytest.raises(UnknownOperation):
        found(*address)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            ("LCM", "WebService", "GetReservedContact"),
            (
                "'LCM/WebService/GetReservedContact' is no known channel/topic/subtopic; "
                "the nearest one is LCM/WebService/GetReservedContactOD"
            ),
        ),
        (
            (" lcm", "webservice", "skipmanualdialcontakt "),
            (
                "'lcm/webservice/skipmanualdialcontakt' is no known channel/topic/subtopic; "
                "the nearest one is LCM/WebService/SkipManualDialContact"
            ),
        ),
        (
            ("UI", "InboundCall", "ManualDialCall"),
            (
                "'UI/InboundCall/ManualDialCall' is no known channel/topic/subtopic; "
                "the nearest one is Amazon/InboundCall/ManualDialCall"
            ),
        ),
    ],
)
def test_the_nearest_known_operation_is_named(address: tuple[str, str, str], message: str) -> None:
    """In its canonical spelling."""
    with pytest.raises(UnknownOperation) as unknown:
        found(*address)

    assert message == unknown.value.message


def test_a_sibling_that_is_off_is_no_misspelling() -> None:
    """It is said that it comes with the bridge and how it is turned on; one that is on is found."""
    with pytest.raises(UnknownOperation) as unknown:
        found("lcm", "WebService", " setdnc")

    assert unknown.value.message == (
        "'lcm/WebService/setdnc' is SetDNC, which comes with the bridge and is off here;"
        " the site's operators turn it on (operations.siblings)"
    )
    assert {} == Catalogue(Rules(), [*OPERATIONS, *siblings()]).off


@pytest.mark.parametrize("text", ["", "\0", "\u202e\n", "?" * 128, "x" * 129, "x" * 1_000_000])
def test_a_suggestion_is_short_and_printable(text: str) -> None:
    """Whatever was asked for."""
    with pytest.raises(UnknownOperation) as unknown:
        found("LCM", "WebService", text)

    assert len(unknown.value.message) < 600
    assert unknown.value.message.isascii()
    assert unknown.value.message.isprintable()


def test_each_lane_has_its_subtopics() -> None:
    """Creation in bulk never delays an agent."""
    assert ["AddCompliance", "CreateContact"] == CATALOGUE.subtopics("campaign")
    assert [
        "GetReservedContactOD",
        "GetReservedManualDialContact",
        "ManualDialCall",
        "SkipManualDialContact",
    ] == CATALOGUE.subtopics("agent")


@pytest.mark.parametrize(("length", "repeated"), [(128, True), (129, False)])
def test_a_long_name_is_not_repeated(length: int, *, repeated: bool) -> None:
    """One of up to 128 characters is held against those that there are."""
    with pytest.raises(UnknownOperation) as unknown:
        CATALOGUE.find(Envelope("LCM", "WebService", "x" * length, None, {}))

    assert repeated == ("the nearest one is" in unknown.value.message)
    assert repeated != (
        "no operation has a channel, topic or subtopic of this length" == unknown.value.message
    )
