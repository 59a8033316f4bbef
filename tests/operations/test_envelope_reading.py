"""What is taken as a request: the rules by which an envelope's members are found."""

import json

import pytest
from operations.core_requests import OD, read, refusal, request

from bridge.envelope import Envelope, ReplyAsRequest
from bridge.failures import InvalidEnvelope

SAMPLE = request("GetReservedContactOD", OD)


def test_members_are_read_as_received() -> None:
    """Values keep their blanks and their case; they are only matched without."""
    envelope = read(
        {"channel": " lcm ", "topic": "Webservice", "subtopic": "X", "source": "w", "data": {"A": 1}}
    )

    assert Envelope(" lcm ", "Webservice", "X", "w", {"A": 1}) == envelope


def test_a_byte_order_mark_is_tolerated() -> None:
    """.NET clients send one."""
    assert read(SAMPLE) == read(b"\xef\xbb\xbf" + json.dumps(SAMPLE).encode())


def test_text_beyond_ascii_is_read() -> None:
    """UTF-8 and escapes give the same text, surrogate pairs included."""
    raw = read({"channel": "LCM", "topic": "t", "subtopic": "s", "data": {"a": "Zoë \U0001f600"}})
    utf8 = '{"channel":"LCM","topic":"t","subtopic":"s","data":{"a":"Zoë \U0001f600"}}'

    assert read(utf8) == raw
    assert raw.data == {"a": "Zoë \U0001f600"}


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title, str.swapcase])
def test_keys_are_matched_without_regard_to_case(change: type[str]) -> None:
    """CHANNEL is channel; the keys of data keep their spelling for an echo."""
    envelope = read({change(key): value for key, value in SAMPLE.items()})

    assert Envelope("LCM", "WebService", "GetReservedContactOD", None, OD) == envelope


def test_unknown_keys_are_ignored() -> None:
    """Whatever else an envelope holds changes nothing."""
    assert read(SAMPLE) == read({"version": 3, "x": {"deep": [1]}, **SAMPLE, "Source ": 1})


@pytest.mark.parametrize("source", [None, 5, ["w"], {"name": "w"}])
def test_a_source_that_is_no_string_is_none(source: object) -> None:
    """The source is optional and only logged: a wrong one refuses nothing."""
    assert read(SAMPLE) == read({**SAMPLE, "source": source})


@pytest.mark.parametrize("data", [None, [], "text", 5, True])
def test_data_that_is_no_object_is_left_to_the_operation(data: object) -> None:
    """The operation refuses it on its own reply subtopic, so the envelope is read."""
    assert read({**SAMPLE, "data": data}).data is None


def test_missing_data_is_left_to_the_operation() -> None:
    """So is an envelope without data."""
    assert read({"channel": "LCM", "topic": "WebService", "subtopic": "x"}).data is None


@pytest.mark.parametrize("name", ["channel", "topic", "subtopic"])
def test_a_missing_address_part_is_refused(name: str) -> None:
    """The refusal names it."""
    assert f"{name} is missing" == refusal({key: value for key, value in SAMPLE.items() if key != name})


@pytest.mark.parametrize("name", ["channel", "topic", "subtopic"])
@pytest.mark.parametrize(
    ("value", "called"),
    [
        (None, "null"),
        (5, "a number"),
        (1.5, "a number"),
        (True, "a boolean"),
        (["LCM"], "an array"),
        ({"a": 1}, "an object"),
    ],
)
def test_an_address_part_that_is_no_string_is_refused(name: str, value: object, called: str) -> None:
    """The refusal names the part and the type that came."""
    assert f"{name} must be a string, not {called}" == refusal({**SAMPLE, name: value})


@pytest.mark.parametrize(
    "text",
    [
        '{"channel":"LCM","topic":"t","subtopic":"s","subtopic":"s","data":{}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","SubTopic":"s","data":{}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","data":{},"DATA":{}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","x":1,"X":1,"data":{}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","data":{"UserID":"a","UserId":"a"}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","data":{"unknown":1,"UNKNOWN":2}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","data":{"a":{"b":{"c":1,"c":1}}}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","data":{"a":[{"c":1,"c":2}]}}',
        '{"channel":"LCM","topic":"t","subtopic":"s","data":{"a":1,"\\u0061":1}}',
        '{"message":1,"MESSAGE":2}',
    ],
)
def test_the_same_key_twice_is_ambiguous(text: str) -> None:
    """At the two upper levels in whatever spelling, deeper in the same one; also with the same value."""
    assert "is given twice" in refusal(text)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            '"data":{"a":1,"UserID":"a","UserId":"b","z":1}',
            "'data.UserId' is given twice (also as 'data.UserID'); keys are matched without regard to case",
        ),
        (
            '"Topic":"t","data":{}',
            "'Topic' is given twice (also as 'topic'); keys are matched without regard to case",
        ),
        (
            '"x":{"a":1,"b":1,"b":1,"z":1}',
            "the body cannot be taken: the key 'b' is given twice in one object",
        ),
    ],
)
def test_an_ambiguous_key_is_named_in_both_spellings(members: str, told: str) -> None:
    """The publisher reads which two members collide."""
    assert told == refusal(f'{{"channel":"LCM","topic":"t","subtopic":"s",{members}}}')


def test_deeper_keys_that_differ_in_case_are_two() -> None:
    """They can be XML names."""
    assert {"BussinessFields": {"a": "1", "A": "2"}} == read(
        {**SAMPLE, "data": {"BussinessFields": {"a": "1", "A": "2"}}}
    ).data


@pytest.mark.parametrize("name", ["message", "Message", "MESSAGE"])
@pytest.mark.parametrize("message", [{"response": []}, None, "text"])
def test_a_message_without_data_is_a_reply(name: str, message: object) -> None:
    """Whatever the message holds."""
    with pytest.raises(ReplyAsRequest):
        read({"channel": "LCM", "topic": "WebService", "subtopic": "ContactOD", name: message})


def test_null_data_beside_a_message_is_no_data() -> None:
    """Serialisers that write every member of a class send replies so."""
    with pytest.raises(ReplyAsRequest):
        read({**SAMPLE, "data": None, "message": {"response": []}})


def test_null_data_and_a_null_message_are_a_request() -> None:
    """It is refused by its operation, and answered."""
    assert read({**SAMPLE, "data": None, "message": None}).data is None


def test_a_reply_is_one_even_without_an_address() -> None:
    """It is never answered, so it is told before anything is found missing."""
    with pytest.raises(ReplyAsRequest):
        read({"message": {}})


def test_a_message_beside_data_is_a_request() -> None:
    """Then it is an unknown key like any other."""
    assert read(SAMPLE) == read({**SAMPLE, "message": {"response": []}})


def test_a_refusal_carries_the_channel_that_could_be_told() -> None:
    """The error event is published under the request's own channel."""
    with pytest.raises(InvalidEnvelope) as refused:
        read({"channel": "Amazon", "topic": "t"})

    assert "Amazon" == refused.value.channel


@pytest.mark.parametrize(
    "text",
    [
        '{"channel":"Amazon","topic":"a","Topic":"b","subtopic":"s","data":{}}',
        '{"Channel":"Amazon","topic":"a","subtopic":"s","data":{"a":1,"A":1}}',
        '{"channel":"Amazon","topic":"a","subtopic":"s","data":' + '{"a":' * 40 + "1" + "}" * 41,
        '{"channel":"Amazon","topic":"a","subtopic":"s","data":{"a":"\\ud800"}}',
    ],
)
def test_a_refusal_carries_the_channel_wherever_the_fault_is(text: str) -> None:
    """As long as the channel itself is beyond doubt."""
    with pytest.raises(InvalidEnvelope) as refused:
        read(text)

    assert "Amazon" == refused.value.channel


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"channel":"LCM","Channel":"Amazon","topic":"t","subtopic":"s","data":{}}',
        '{"channel":5,"topic":"t","subtopic":"s","data":{}}',
        '{"channel":"\\ud800","topic":"t","subtopic":"s","data":{}}',
        '{"channel":"Amazon"',
    ],
)
def test_a_refusal_carries_no_channel_that_is_in_doubt(text: str) -> None:
    """Not a JSON object, two channels, no string, no text."""
    with pytest.raises(InvalidEnvelope) as refused:
        read(text)

    assert refused.value.channel is None
