"""The wire format of WCF and the pages of IIS."""

import json
from collections.abc import AsyncIterator

import pytest
from simulator.simulator_calls import CREATE, MANUAL, SKIP, simulated

from bridge.simulator import Options, Quotas


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("GetReservedContactOD", "{not json"),
        ("GetReservedContactOD", "[]"),
        ("GetReservedContactOD", "[" * 10_000),
        ("GetReservedContactOD", {}),
        ("GetReservedContactOD", {"UserID": 7}),
        ("GetReservedContactOD", {"userid": "testagent"}),
        ("GetReservedManualDialContact", MANUAL | {"NumberOfContactsRequired": 1}),
        ("GetReservedManualDialContact", MANUAL | {"NumberOfContactsRequired": "many"}),
        ("GetReservedManualDialContact", MANUAL | {"Consent": "true"}),
        ("GetReservedManualDialContact", MANUAL | {"ReservedContacts": "Yes"}),
        ("SkipManualDialContact", SKIP | {"OutcomeId": "100"}),
        ("SkipManualDialContact", SKIP | {"OutcomeId": True}),
        ("CreateContact", CREATE | {"IsAccountNumber": "true"}),
        ("CreateContact", CREATE | {"Calltype": "9"}),
        ("CreateContact", CREATE | {"callEndDateTime": "2024-10-24"}),
        ("CreateContact", CREATE | {"BussinessFields": "<Data>"}),
        ("CreateContact", CREATE | {"Modes": "<Other/>"}),
        ("CreateContact", CREATE | {"Modes": "<!DOCTYPE x><Data/>"}),
        ("CreateContact", CREATE | {"BussinessFields": "<Data>" + "x" * 8_192 + "</Data>"}),
    ],
)
async def test_what_cannot_be_read_is_a_fault(method: str, data: object) -> None:
    """Broken JSON, missing and mistyped parameters and over-long strings are WCF faults without effect."""
    async with simulated() as lcm:
        answer = await lcm.post(method, data)

    assert (500, "true") == (answer.status, answer.headers["jsonerror"])
    assert ["ExceptionType", "Message", "StackTrace"] == list(answer.json)
    assert 0 == len(lcm.simulator.effects)


async def test_quotas_can_be_changed() -> None:
    """The quotas of messages and strings are options, and so is the status of the string fault."""
    quotas = Quotas(message_bytes=2_000, string_characters=100, string_status=400)
    async with simulated(Options(quotas=quotas)) as lcm:
        text = await lcm.post("GetReservedContactOD", {"UserID": "x" * 101})
        message = await lcm.post("GetReservedContactOD", {"UserID": "x" * 2_000})

    assert (400, 413) == (text.status, message.status)


async def test_a_large_message_is_413() -> None:
    """A message over 64 KB is refused with a page, also when it comes without a length."""
    async with simulated() as lcm:
        known = await lcm.post("CreateContact", b"x" * 65_537)

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(2):
                yield b"x" * 40_000

        url = f"{lcm.simulator.base_url}/CreateContact"
        async with lcm.http.post(url, data=parts(), headers={"Content-Type": "application/json"}) as answer:
            unknown = answer.status

    assert (413, 413) == (known.status, unknown)
    assert known.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=latin-1"]
)
async def test_another_content_type_is_415(content_type: str) -> None:
    """Only JSON in UTF-8 is taken."""
    async with simulated() as lcm:
        answer = await lcm.post("GetReservedContactOD", "{}", **{"Content-Type": content_type})

    assert 415 == answer.status
    assert "<html" in answer.text


async def test_an_unknown_method_is_404_and_get_is_405() -> None:
    """Unknown methods have IIS's page; methods are called by POST only; the service has a page of its own."""
    async with simulated() as lcm:
        unknown = await lcm.post("GetEverything", {})
        base = lcm.simulator.base_url
        statuses = []
        for url in (f"{base}/GetReservedContactOD", base, f"{base}/GetEverything"):
            async with lcm.http.get(url) as answer:
                statuses.append(answer.status)

    assert 404 == unknown.status
    assert unknown.text.lstrip().startswith("<!DOCTYPE html")
    assert [405, 200, 404] == statuses


async def test_methods_can_be_renamed() -> None:
    """A method answers by the names it was given, and by those only."""
    methods = {"ReservedOD": "GetReservedContactOD"}
    async with simulated(Options(methods=methods)) as lcm:
        new = await lcm.post("ReservedOD", {"UserID": "testagent"})
        old = await lcm.post("GetReservedContactOD", {"UserID": "testagent"})

    assert (200, 404) == (new.status, old.status)


async def test_a_method_that_leads_nowhere_is_refused_at_start() -> None:
    """A wire name for an unknown operation is a ValueError."""
    with pytest.raises(ValueError, match="no such operation: Nothing"):
        async with simulated(Options(methods={"A": "Nothing"})):
            pass


async def test_any_base_path_is_answered_and_a_byte_order_mark_is_taken() -> None:
    """The last segment of the path names the method, whatever virtual directory a site has."""
    async with simulated(Options(base_path="/other/dir.svc")) as lcm:
        body = b"\xef\xbb\xbf" + json.dumps({"UserID": "testagent"}).encode()
        answer = await lcm.post("GetReservedContactOD", body)

    assert "9873635" == answer.d["PhoneNumber"]
