"""Reading an answer, as a pure function: whatever the bytes, a result or `CallFailed`."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lcm.lcm_servers import OD, ONCE, answer, answering, lcm_client

from bridge.failures import Failure, LcmBadResponse
from bridge.jsontypes import JsonValue
from bridge.lcm.wire import MAX_COMMAS, MAX_DEPTH, MAX_NESTED, TURNED_AWAY, read_answer, unwrap
from bridge.ports import CallFailed

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=20)
NAMES = st.sampled_from(["d", "__type", "Message", "ExceptionType", "AccountNumber"]) | st.text(max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)
BODIES = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode())
    | VALUES.map(orjson.dumps)
    | VALUES.map(lambda value: orjson.dumps({"d": value}))
    | VALUES.map(lambda value: orjson.dumps({"d": orjson.dumps(value).decode()}))
)


def types_left(value: JsonValue) -> bool:
    """Tell whether any object at any level has a member ``__type``."""
    if isinstance(value, dict):
        return "__type" in value or any(types_left(item) for item in value.values())
    return isinstance(value, list) and any(types_left(item) for item in value)


def outcome(status: int, body: bytes) -> tuple[JsonValue, CallFailed | None]:
    """Read an answer; give the result, or the failure."""
    try:
        return read_answer(status, body), None
    except CallFailed as failed:
        return None, failed


@given(status=st.integers(200, 599), body=BODIES)
def test_any_answer_is_a_result_or_a_failure(status: int, body: bytes) -> None:
    """Nothing but `CallFailed` escapes, and a status that excludes an effect does so with any body."""
    result, failed = outcome(status, body)

    if failed is None:
        assert 200 == status
        assert not types_left(result)
    else:
        assert isinstance(failed.failure, Failure)
        assert (status, False) == (failed.status, failed.unreached)
        assert failed.effect_possible is not (status in TURNED_AWAY or failed.fault)
        assert len(str(failed)) <= 600


@given(VALUES)
def test_a_result_comes_back_save_for_its_types(value: Any) -> None:
    """Wrapping in ``d`` and typing every object is undone exactly."""

    def typed(item: Any) -> Any:
        if isinstance(item, dict):
            return {"__type": "X:#Y"} | {key: typed(one) for key, one in item.items() if key != "__type"}
        return [typed(one) for one in item] if isinstance(item, list) else item

    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: plain(one) for key, one in item.items() if key != "__type"}
        return [plain(one) for one in item] if isinstance(item, list) else item

    expected = plain(value)
    if not isinstance(value, str):
        assert expected == read_answer(200, orjson.dumps({"d": typed(value)}))
    if isinstance(value, dict | list):
        assert expected == read_answer(200, orjson.dumps({"d": orjson.dumps(typed(value)).decode()}))


@given(st.text(alphabet="0123456789|-+.eE ", max_size=30) | st.integers().map(str))
def test_a_key_that_looks_like_a_number_stays_a_string(key: str) -> None:
    """An LCM key is opaque: no digit of it is ever lost to a number."""
    assert key == unwrap(key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None),
        (" true ", True),
        ("false", False),
        ('"49|3"', "49|3"),
        ("[]", []),
        (' {"__type": "X", "A": [{"__type": "Y"}]}\r\n', {"A": [{}]}),
        ("{not json", "{not json"),
        ("[1,", "[1,"),
        ('"half', '"half'),
        ("True", "True"),
        ("", ""),
        ("12", "12"),
        ("NaN", "NaN"),
    ],
)
def test_a_string_result_that_is_json_is_parsed(text: str, expected: Any) -> None:
    """Containers, quoted strings and the three words are parsed; everything else stays a string."""
    assert expected == unwrap(text)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("levels", "fits"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (900, False), (50_000, False)]
)
def test_a_result_may_be_nested_so_deeply(*, levels: int, fits: bool, as_text: bool) -> None:
    """Deeper nesting is a bad response and costs no stack; text nested too deeply to parse stays text."""
    nested = "[" * levels + "]" * levels
    body = json.dumps({"d": nested}) if as_text else f'{{"d": {nested}}}'
    if fits:
        assert nested == json.dumps(read_answer(200, body.encode()), separators=(",", ":"))
    elif as_text and levels == 50_000:
        assert nested == read_answer(200, body.encode())
    else:
        with pytest.raises(CallFailed) as caught:
            read_answer(200, body.encode())
        assert isinstance(caught.value.failure, LcmBadResponse)


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize(("arrays", "fits"), [(MAX_NESTED, True), (MAX_NESTED + 1, False)])
def test_a_result_may_hold_so_many_arrays(*, arrays: int, fits: bool, escaped: bool) -> None:
    """More are a bad response before they are parsed, also where they stand in a text that is JSON."""
    inner = arrays - 1 if escaped else arrays - 2  # the one around them, and the object around all
    result = f"[{','.join(['[]'] * inner)}]"
    written = '"' + result.replace("[", "\\u005b") + '"' if escaped else result
    body = f'{{"d": {written}}}'
    if fits:
        found = read_answer(200, body.encode())
        assert isinstance(found, list)
        assert inner == len(found)
    else:
        with pytest.raises(CallFailed, match="100000 objects and arrays") as caught:
            read_answer(200, body.encode())
        assert caught.value.effect_possible


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize(("commas", "fits"), [(MAX_COMMAS, True), (MAX_COMMAS + 1, False)])
def test_a_result_may_hold_so_many_values(*, commas: int, fits: bool, escaped: bool) -> None:
    """More are a bad response before they are parsed: each takes thirty times its bytes then."""
    result = f"[{','.join('5' * (commas + 1))}]"
    written = '"' + result.replace(",", "\\u002c") + '"' if escaped else result
    body = f'{{"d": {written}}}'
    if fits:
        assert [5] * (commas + 1) == read_answer(200, body.encode())
    else:
        with pytest.raises(CallFailed, match="250000 commas") as caught:
            read_answer(200, body.encode())
        assert caught.value.effect_possible


def test_a_fault_with_too_many_values_is_none() -> None:
    """Nothing is made of it."""
    with pytest.raises(CallFailed) as caught:
        read_answer(500, b'{"ExceptionType": [%b5], "Message": "No"}' % (b"5," * MAX_COMMAS))

    assert isinstance(caught.value.failure, LcmBadResponse)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('"No"', "No"),
        ('""', "LCM faulted"),
        ("null", "LCM faulted"),
        ("{}", "LCM faulted"),
        ('"%s"' % ("x" * 900), "x" * 500),
    ],
)
def test_the_message_of_a_fault(message: str, expected: str) -> None:
    """A fault's message is a bounded text; one that is no text is replaced."""
    with pytest.raises(CallFailed) as caught:
        read_answer(500, f'{{"ExceptionType": "E", "Message": {message}, "StackTrace": "at X"}}'.encode())

    assert (expected, True) == (str(caught.value), caught.value.fault)


@pytest.mark.parametrize(
    "body", [b'{"Message": "An error has occurred."}', b'{"message": "no"}', b'"Message"']
)
def test_json_that_is_no_wcf_fault_excludes_no_effect(body: bytes) -> None:
    """A gateway's own JSON does not tell whether LCM acted."""
    with pytest.raises(CallFailed) as caught:
        read_answer(500, body)

    assert (True, False) == (caught.value.effect_possible, caught.value.fault)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=120) | BODIES.map(answer))
async def test_any_bytes_over_http_are_a_result_or_a_failure(raw: bytes) -> None:
    """What the HTTP library makes of a stranger's bytes ends as a result or `CallFailed` too."""
    async with answering(raw, close=True).running() as server, lcm_client(server.url) as client:
        async with asyncio.timeout(10):
            with suppress(CallFailed):
                await client.call(OD, ONCE)
