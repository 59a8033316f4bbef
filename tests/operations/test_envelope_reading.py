"""What is taken as a request: the rules by which an envelope's members are found."""

import json

import pytest
from operations.core_requests import LIMITS, OD, read, refusal, request

from bridge.envelope import Envelope, Limits, ReplyAsRequest, parse
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


def nested(levels: int) -> bytes:
    """Return a request whose body is so many levels deep: the root is 1, ``data`` is 2."""
    inner = levels - 2
    arrays = "[" * inner + "]" * inner
    return f'{{"channel":"LCM","topic":"t","subtopic":"s","data":{{"a":{arrays}}}}}'.encode()


def test_nesting_at_the_limit_is_taken() -> None:
    """32 levels."""
    assert "LCM" == parse(nested(32), LIMITS).channel


@pytest.mark.parametrize("levels", [33, 34, 500, 5_000, 9_000])
def test_nesting_beyond_the_limit_is_refused(levels: int) -> None:
    """33 levels and more, however many, are one clear refusal."""
    told = "the body is nested deeper than 32 levels (the bridge's setting limits.depth)"
    assert told == refusal(nested(levels))
    with pytest.raises(InvalidEnvelope) as error:
        parse(nested(400_000), Limits(values=1_000_000))
    assert told == error.value.message


def test_brackets_side_by_side_are_not_deep() -> None:
    """Breadth is bounded by the body's size and its values."""
    assert 4_000 == len((read({**SAMPLE, "data": {str(n): [{}] for n in range(4_000)}}).data) or ())


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    """1 MiB, counted in bytes."""
    body = json.dumps(SAMPLE).encode().ljust(LIMITS.body_bytes)

    assert read(SAMPLE) == read(body)
    told = "the body has 1048577 bytes; at most 1048576 are taken (the bridge's setting limits.body_bytes)"
    assert told == refusal(body + b" ")
    with pytest.raises(InvalidEnvelope) as error:
        parse(body, LIMITS, left_out=1)
    assert told == error.value.message


def with_values(count: int) -> dict[str, object]:
    """Return a request with so many values: its four members, the three of `data`, and what is in those."""
    each, rest = divmod(count - 7, 3)
    empty: list[object] = [[], {}] * (each // 2) + [0] * (each % 2)
    members = {f"k{number}": "a,[{b" for number in range(each + rest)}
    return {**SAMPLE, "data": {"a": [1] * each, "b": empty, "c": members}}


def test_values_at_the_limit_are_taken_and_one_more_is_not() -> None:
    """10,000, counted in all objects and arrays of the body, whatever stands in strings and between them."""
    setting = "(the bridge's setting limits.json_values)"
    told = f"the objects and arrays of the body have 10001 values; at most 10000 are taken {setting}"

    for indent in (None, 1):
        taken, refused = (
            json.dumps(with_values(count), indent=indent).encode() for count in (10_000, 10_001)
        )
        assert "LCM" == parse(taken, LIMITS).channel
        assert told == refusal(refused)


def test_signs_in_a_string_are_no_values() -> None:
    """Only what is counted is refused, with quotes and backslashes among it."""
    assert "LCM" == read({**SAMPLE, "data": {"a": ',[{"\\' * 20_000, "\\": "["}}).channel


def test_what_is_no_json_is_told_as_that() -> None:
    """Where the count of its values says nothing against it."""
    assert refusal(b'{"a": [1, 2').startswith("the body is not JSON: ")
    assert refusal(b'{"a": "' + b"," * 20_000 + b'" ').startswith("the body is not JSON: ")


def test_a_string_that_is_not_closed_is_looked_at_once() -> None:
    """However many quotes are escaped in it: looked at from each of them, it takes hours."""
    escaped = b'\\"' * 500_000

    assert "10002 values" in refusal(b"[" + b"," * 10_001 + b'"' + escaped)
    assert refusal(b'["' + b"," * 10_001 + escaped).startswith("the body is not JSON: ")


def test_a_long_body_may_hold_no_string_at_all() -> None:
    """Then none is too long, and what is wrong with it is told."""
    with pytest.raises(InvalidEnvelope, match="must be a JSON object, not an array"):
        parse(b"[1,2,3]", Limits(string_chars=5))


@pytest.mark.parametrize("sign", ["x", "\u00e9", "\U0001f600", "\n"])
def test_a_string_at_the_limit_is_taken_and_one_character_more_is_not(sign: str) -> None:
    """262,144 characters, not bytes, however they are written; in arrays and as a key too."""
    limits = Limits(body_bytes=4 * LIMITS.body_bytes)
    longest = sign * LIMITS.string_chars
    setting = "(the bridge's setting limits.string_chars)"
    told = f"the body holds a string of 262145 characters; at most 262144 are taken {setting}"

    for ascii_only in (True, False):
        for make in (lambda text: text, lambda text: [[text]], lambda text: {text: 1}):
            taken, refused = (
                json.dumps({**SAMPLE, "data": {"a": make(text)}}, ensure_ascii=ascii_only).encode()
                for text in (longest, longest + sign)
            )
            assert "LCM" == parse(taken, limits).channel
            with pytest.raises(InvalidEnvelope) as error:
                parse(refused, limits)
            assert told == error.value.message


def test_the_limits_are_settings() -> None:
    """A site's own limits hold."""
    with pytest.raises(InvalidEnvelope, match="have 5 values; at most 4 are taken"):
        parse(b'{"a": {"b": {"c": 1, "d": [1]}}}', Limits(values=4))
    with pytest.raises(InvalidEnvelope, match="of 4 characters; at most 3 are taken"):
        parse(b'{"a": "1234"}', Limits(string_chars=3))
    with pytest.raises(InvalidEnvelope, match="at most 10 are taken"):
        parse(b'{"a": 1234}', Limits(body_bytes=10))
    with pytest.raises(InvalidEnvelope, match="deeper than 2 levels"):
        parse(nested(3), Limits(depth=2))
