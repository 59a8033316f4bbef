"""How a call looks on the wire, and how LCM's results are read, against the simulator."""

from dataclasses import replace
from typing import Any

import pytest
from lcm.lcm_servers import OD, ONCE, SKIP, answer, answering, failure_of, lcm_client

from bridge.failures import LcmBadResponse, WsError
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.ports import CallTerms
from bridge.simulator import AnswerStyle, Fault, Options, Simulator

MANUAL = LcmCall(
    "GetReservedManualDialContact",
    {
        "AgentID": "testagent@domain.com",
        "NumberOfContactsRequired": "2",
        "Consent": "Yes",
        "ReservedContacts": "true",
    },
)


async def test_a_call_is_a_post_of_one_flat_json_object() -> None:
    """POST, the operation behind the base URL, WCF's content type, and the parameters as one JSON object."""
    async with answering(answer(b'{"d": true}')).running() as server, lcm_client(server.url) as client:
        await client.call(SKIP, ONCE)
        request = server.requests[0]

    assert "POST /lcm.svc/SkipManualDialContact HTTP/1.1" == request.line
    assert "application/json; charset=utf-8" == request.headers["content-type"]
    assert SKIP.parameters == request.json


async def test_text_beyond_ascii_goes_out_as_utf8() -> None:
    """What is no ASCII reaches LCM unharmed."""
    call = LcmCall("CreateContact", {"ContactDetail": "Zoë 電話 \U0001f4de"})
    async with answering(answer(b'{"d": "1|2"}')).running() as server, lcm_client(server.url) as client:
        await client.call(call, ONCE)
        request = server.requests[0]

    assert call.parameters == request.json
    assert "電話".encode() in request.body


@pytest.mark.parametrize("base", ["", "/"])
async def test_a_slash_at_the_end_of_the_base_url_makes_no_difference(base: str) -> None:
    """The path is joined by one slash."""
    async with (
        answering(answer(b'{"d": null}')).running() as server,
        lcm_client(server.url + base) as client,
    ):
        await client.call(OD, ONCE)

        assert "POST /lcm.svc/GetReservedContactOD HTTP/1.1" == server.requests[0].line


@pytest.mark.parametrize("name", ["SkipManualDialContact", "skipmanualdialcontact", "SKIPMANUALDIALCONTACT"])
async def test_a_method_can_have_another_name(name: str) -> None:
    """``lcm.methods`` renames an operation, in whatever case it is written there; others stay."""
    async with (
        answering(answer(b'{"d": true}')).running() as server,
        lcm_client(server.url, methods={name: "SkipContact"}) as client,
    ):
        await client.call(SKIP, ONCE)
        await client.call(OD, ONCE)

        paths = [request.line.split()[1] for request in server.requests]
    assert ["/lcm.svc/SkipContact", "/lcm.svc/GetReservedContactOD"] == paths


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("4f0e-11", "4f0e-11"),
        ("agent@domain.com/7:x", "agent@domain.com/7:x"),
        (" a b ", "%20a%20b%20"),
        ("a%20b", "a%2520b"),
        ("a\r\nX-Evil: 1\0", "a%0D%0AX-Evil:%201%00"),
        ("Zoë\ud800", "Zo%C3%AB%ED%A0%80"),
        ("k" * 255, "k" * 255),
    ],
)
async def test_the_key_goes_out_as_a_header(key: str, expected: str) -> None:
    """Any key is one header, once, and no two keys look alike; what is plain stays readable."""
    async with (
        answering(answer(b'{"d": true}')).running() as server,
        lcm_client(server.url, headers={"idempotency-key": "of the settings"}) as client,
    ):
        await client.call(SKIP, CallTerms(idempotency_key=key))
        lines = [line for line in server.requests[0].lines if line.lower().startswith("idempotency-key:")]

    assert [f"Idempotency-Key: {expected}"] == lines


async def test_without_a_key_there_is_no_header() -> None:
    """A read has none."""
    async with answering(answer(b'{"d": true}')).running() as server, lcm_client(server.url) as client:
        await client.call(OD, ONCE)

        assert "idempotency-key" not in server.requests[0].headers


async def test_an_effect_happens_once() -> None:
    """One call is one request, and the simulator's state follows."""
    async with Simulator().running() as simulator, lcm_client(simulator.base_url) as client:
        result = await client.call(SKIP, ONCE)
        again = await client.call(SKIP, ONCE)

    assert result is True
    assert again is False
    assert 1 == len(simulator.effects)
    assert 2 == simulator.calls.total


@pytest.mark.parametrize("style", [AnswerStyle(), AnswerStyle(result_as_text=True)])
@pytest.mark.parametrize("unknown_members", [False, True])
async def test_a_list_comes_unwrapped_and_without_types(style: AnswerStyle, *, unknown_members: bool) -> None:
    """Neither ``d`` nor ``__type`` at any level is left, also where the result is a string of JSON."""
    options = Options(style=replace(style, unknown_members=unknown_members))
    async with Simulator(options).running() as simulator, lcm_client(simulator.base_url) as client:
        result: Any = await client.call(MANUAL, ONCE)

    assert 2 == len(result)
    assert "__type" not in str(result)
    assert {"AccountNumber", "PhoneNumber", "ExpiryTime", "Consent"} <= result[0].keys()
    assert unknown_members is ("Extension" in result[0])


@pytest.mark.parametrize("style", [AnswerStyle(), AnswerStyle(result_as_text=True)])
async def test_one_object_comes_unwrapped(style: AnswerStyle) -> None:
    """A read of one contact gives that object."""
    options = Options(style=style)
    async with Simulator(options).running() as simulator, lcm_client(simulator.base_url) as client:
        result: Any = await client.call(OD, ONCE)

    assert "__type" not in result
    assert isinstance(result["AccountNumber"], str)


@pytest.mark.parametrize("result", [None, True, False, 0, -1, 1.5, "", "12345", "49|3|279|0|0|44|-1", [], {}])
async def test_a_plain_result_comes_as_it_is(result: Any) -> None:
    """Scalars, empty containers, and strings that only look like numbers are not changed."""
    options = Options(faults=(Fault(kind="result", result=result),))
    async with Simulator(options).running() as simulator, lcm_client(simulator.base_url) as client:
        got = await client.call(SKIP, ONCE)

    assert result == got
    assert type(result) is type(got)


async def test_a_fault_carries_the_message_of_lcm() -> None:
    """A WCF fault is a WS_Error with LCM's message, no stack trace, and had no effect."""
    options = Options(faults=(Fault(kind="fault", message="Agent is locked"),))
    metrics = Metrics()
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, metrics) as client,
    ):
        failed = await failure_of(client)

    assert isinstance(failed.failure, WsError)
    assert ("Agent is locked", False, True) == (str(failed), failed.effect_possible, failed.fault)
    assert 1 == metrics.registry.get_sample_value(
        "lcm_bridge_lcm_call_seconds_count", {"method": "SkipManualDialContact", "outcome": "fault"}
    )


async def test_an_unknown_method_is_told_as_a_matter_of_settings() -> None:
    """A 404 page says which settings to check."""
    async with (
        Simulator().running() as simulator,
        lcm_client(simulator.base_url, methods={"SkipManualDialContact": "NoSuch"}) as client,
    ):
        failed = await failure_of(client)

    assert isinstance(failed.failure, WsError)
    assert not failed.effect_possible
    assert "lcm.methods" in str(failed)


@pytest.mark.parametrize("kind", ["not_json", "wrong_shape"])
async def test_an_answer_that_is_no_result_may_have_had_an_effect(kind: Any) -> None:
    """Status 200 with something else than ``{"d": ...}`` is a bad response after a possible effect."""
    options = Options(faults=(Fault(kind=kind, when="after"),))
    async with Simulator(options).running() as simulator, lcm_client(simulator.base_url) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmBadResponse)
    assert failed.effect_possible
    assert 1 == len(simulator.effects)


async def test_the_default_quota_is_told() -> None:
    """A request over WCF's 64 KB is refused with a hint at that number, and had no effect."""
    call = LcmCall("SkipManualDialContact", {**SKIP.parameters, "AccountNumber": "x" * 70_000})
    async with Simulator().running() as simulator, lcm_client(simulator.base_url) as client:
        failed = await failure_of(client, call)

    assert isinstance(failed.failure, WsError)
    assert not failed.effect_possible
    assert "64 KB" in str(failed)


async def test_the_metric_counts_by_lcms_method_name() -> None:
    """Calls are timed under the method's name on the wire and their outcome."""
    metrics = Metrics()
    async with (
        Simulator().running() as simulator,
        lcm_client(simulator.base_url, metrics, methods={"CreateContact": "AddContact"}) as client,
    ):
        await client.call(OD, ONCE)
        await failure_of(client, LcmCall("CreateContact", {}))

    sample = metrics.registry.get_sample_value
    name = "lcm_bridge_lcm_call_seconds_count"
    assert 1 == sample(name, {"method": "GetReservedContactOD", "outcome": "ok"})
    assert 1 == sample(name, {"method": "AddContact", "outcome": "fault"})
