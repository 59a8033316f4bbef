"""How much a request may be: bytes, levels, values, characters of a string; at the limit, and beyond it."""

import json

import pytest
from operations.core_requests import LIMITS, OD, read, refusal, request

from bridge.envelope import parse
from bridge.failures import InvalidEnvelope
from bridge.strictjson import Limits

SAMPLE = request("GetReservedContactOD", OD)


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


def test_a_string_that_is_not_closed_is_looked_at_once() -> None:
    """However many quotes are escaped in it: looked at from each of them, it takes hours."""
    escaped = b'\\"' * 500_000

    assert "10002 values" in refusal(b"[" + b"," * 10_001 + b'"' + escaped)
    assert refusal(b'["' + b"," * 10_001 + escaped).startswith("the body is not JSON: ")


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
