"""What holds for whatever comes: nothing but the named refusals, and nothing that cannot be sent on."""

import contextlib
import json
from datetime import UTC
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operations.core_requests import CATALOGUE, LIMITS, REQUESTS, operation, read, request, translated
from operations.core_strategies import (
    JSON,
    PHONES,
    TEXTS,
    XML_OBJECTS,
    damaged,
    pairs,
    spelled,
    steady,
    unambiguous,
)

from bridge.envelope import Envelope, ReplyAsRequest, parse
from bridge.failures import (
    ContactNotFound,
    InvalidData,
    InvalidEnvelope,
    LcmBadResponse,
    UnknownOperation,
    WsError,
)
from bridge.jsontypes import JsonObject
from bridge.operations.dates import expiry
from bridge.operations.model import Command, UnexpectedResult
from bridge.replies import encode, error_event, failure_body, reply_body

SUBTOPICS = sorted(REQUESTS)


def outcome(body: bytes) -> Envelope | None:
    """Parse a body; every refusal is short, printable and can be told."""
    try:
        return parse(body, LIMITS)
    except ReplyAsRequest:
        return None
    except InvalidEnvelope as error:
        refused = error
    assert 0 < len(refused.message) < 500
    assert refused.message.isprintable()
    assert encode(error_event(refused.channel, refused))
    return None


@steady
@given(st.binary(max_size=200) | TEXTS.map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """By an envelope, a reply as request, or a refusal; by nothing else."""
    assert isinstance(outcome(body), Envelope | None)


@steady
@given(JSON, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"]))
def test_any_json_is_read_or_refused(value: Any, encoding: str) -> None:
    """In whatever encoding, whatever it holds."""
    body = json.dumps(value, ensure_ascii=False).encode(encoding, "replace")

    assert isinstance(outcome(body), Envelope | None)


@settings(steady, max_examples=150)
@given(st.sampled_from(SUBTOPICS), st.data())
def test_a_mutated_request_is_read_or_refused(subtopic: str, data: st.DataObject) -> None:
    """Bytes cut out, put in or doubled, as by bad copies."""
    body = bytearray(json.dumps(request(subtopic, REQUESTS[subtopic])).encode())
    pieces = st.sampled_from(
        [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\u", b"\xc2\xa0", b"\xe2\x80\x9d", b"\0"]
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 8))] = data.draw(pieces | st.binary(max_size=4)) * data.draw(
            st.sampled_from([1, 1, 2, 40])
        )

    envelope = outcome(bytes(body))
    if envelope is not None:
        with contextlib.suppress(UnknownOperation, InvalidData):
            assert encode(CATALOGUE.find(envelope)[0].translate(envelope).content)


@pytest.mark.parametrize("subtopic", SUBTOPICS)
@steady
@given(data=st.data())
def test_any_data_is_translated_or_refused(subtopic: str, data: st.DataObject) -> None:
    """By parameters that LCM can be sent, within their limits, or by INVALID_DATA that can be told."""
    members = data.draw(unambiguous(None) | unambiguous(REQUESTS[subtopic]))
    envelope = read(request(subtopic, members))
    command = _translated_or_refused(subtopic, envelope)
    if command is None:
        return
    assert encode(command.content)
    if command.call is not None:
        assert orjson.loads(orjson.dumps(command.call.parameters)) == command.call.parameters
        assert list(command.call.parameters) == _canonical(subtopic)
    if command.reserved is not None:
        assert 1 <= command.reserved.count <= 100
    assert command.agent is None or 1 <= len(command.agent) <= 128
    assert command.skips is None or 1 <= len(command.skips) <= 256


def _translated_or_refused(subtopic: str, envelope: Envelope) -> Command | None:
    try:
        return operation(subtopic).translate(envelope)
    except InvalidData as error:
        invalid = error
    fields = [field for field, _ in invalid.details]
    assert set(fields) <= {"data", *(f"data.{name}" for name in _canonical(subtopic))}
    assert len(fields) == len(set(fields))
    assert len(encode(failure_body(CATALOGUE.find(envelope)[1].reply, invalid))) < 10_000
    return None


def _canonical(subtopic: str) -> list[str]:
    call = _sample_command(subtopic).call
    return ["PhoneNumber"] if call is None else list(call.parameters)


@pytest.mark.parametrize("subtopic", SUBTOPICS)
@steady
@given(data=st.data())
def test_any_result_is_answered_or_refused(subtopic: str, data: st.DataObject) -> None:
    """By a reply that can be sent, LCM's no, or an unexpected result; never by a fault of the bridge."""
    contact: JsonObject = {"PhoneNumber": "1", "ContactId": 1, "Consent": "Yes", "success": True}
    result: Any = data.draw(JSON | damaged(contact) | st.lists(damaged(contact), max_size=3))
    reply = CATALOGUE.find(read(request(subtopic, {})))[1].reply
    try:
        body = reply_body(reply, operation(subtopic).answer(_sample_command(subtopic), result).message)
    except (WsError, ContactNotFound) as failure:
        body = failure_body(reply, failure)
    except UnexpectedResult as unexpected:
        body = failure_body(reply, LcmBadResponse(str(unexpected)))
    assert body == json.loads(encode(body))


def _sample_command(subtopic: str) -> Command:
    return translated(subtopic, REQUESTS[subtopic])


@pytest.mark.parametrize("subtopic", SUBTOPICS)
@steady
@given(data=st.data())
def test_neither_order_nor_case_of_keys_changes_the_translation(subtopic: str, data: st.DataObject) -> None:
    """Of the envelope's own as of those of data."""
    members = data.draw(unambiguous(REQUESTS[subtopic]))
    plain = request(subtopic, members)
    other = data.draw(spelled({**plain, "data": data.draw(spelled(members))}))

    assert _canonical_outcome(plain) == _canonical_outcome(other)


def _canonical_outcome(value: JsonObject) -> object:
    envelope = read(value)
    try:
        command = CATALOGUE.find(envelope)[0].translate(envelope)
    except InvalidData as invalid:
        return invalid.details
    # A relay is an echo: it keeps the request's own spelling on purpose.
    return (
        command if command.call is not None else {k.casefold(): v for k, v in (envelope.data or {}).items()}
    )


@settings(steady, max_examples=150)
@given(pairs())
def test_two_spellings_of_one_request_have_the_same_content(pair: tuple[str, JsonObject, JsonObject]) -> None:
    """By that the ledger tells a repetition from a key that is used twice."""
    subtopic, one, two = pair

    assert translated(subtopic, one) == translated(subtopic, two)
    assert json.dumps(translated(subtopic, one).content) == json.dumps(translated(subtopic, two).content)


@settings(steady, max_examples=150)
@given(XML_OBJECTS)
def test_xml_from_an_object_holds_its_strings(value: JsonObject) -> None:
    """It is well formed, and a parser reads back every name and every string."""
    data = {**REQUESTS["CreateContact"], "BussinessFields": value, "Modes": value}
    content = translated("CreateContact", data).content

    assert content["BussinessFields"] == content["Modes"]
    root = ET.fromstring(str(content["Modes"]))  # noqa: S314 - our own text
    assert "Data" == root.tag
    assert _as_read(value) == _as_parsed(root)


def _as_read(value: Any) -> object:
    # An element without children and one with an empty text are the same XML.
    return (
        [(name, _as_read(child)) for name, child in value.items()]
        if isinstance(value, dict) and value
        else value or ""
    )


def _as_parsed(element: ET.Element) -> object:
    return [(child.tag, _as_parsed(child)) for child in element] or element.text or ""


@steady
@given(PHONES, st.dictionaries(TEXTS.filter(lambda name: name.casefold() != "phonenumber"), JSON, max_size=3))
def test_a_relay_repeats_whatever_data_it_is_given(phone: str, more: JsonObject) -> None:
    """Member for member, as received."""
    more = {key.casefold(): member for key, member in more.items()}
    data = {**more, "PhoneNumber": phone}
    command = translated("ManualDialCall", data)

    assert json.dumps(data) == json.dumps(operation("ManualDialCall").answer(command, None).message["data"])


@steady
@given(JSON | st.from_regex(r"\A[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9]{1,2}:[0-9]{2}:[0-9]{2}\Z"))
def test_any_expiry_is_a_moment_or_none(value: Any) -> None:
    """Whatever LCM wrote."""
    assert isinstance(expiry(value, UTC), float | None)


@steady
@given(TEXTS, TEXTS, TEXTS)
def test_any_address_is_found_or_refused(channel: str, topic: str, subtopic: str) -> None:
    """By a short and printable suggestion."""
    with pytest.raises(UnknownOperation) as unknown:
        CATALOGUE.find(Envelope(channel, topic, subtopic, None, {}))

    assert len(unknown.value.message) < 600
    assert unknown.value.message.isprintable()
    assert encode(error_event(channel, unknown.value))
