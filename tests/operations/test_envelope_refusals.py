"""What is no envelope is refused with words that say what to change, and where."""

import tracemalloc

import pytest
from operations.core_requests import read, refusal


def data(value: str) -> str:
    """Return a request whose data holds ``value`` as it stands."""
    return f'{{"channel":"LCM","topic":"t","subtopic":"s","data":{{"a":{value}}}}}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xff\xfe{\x00}\x00", "the body is not UTF-8: byte 0xff at offset 0"),
        (b"\xfe\xff\x00{\x00}", "the body is not UTF-8: byte 0xfe at offset 0"),
        (b'{"a":"\xe9"}', "the body is not UTF-8: byte 0xe9 at offset 6"),
        (b'\xef\xbb\xbf{"a":"\xe9"}', "the body is not UTF-8: byte 0xe9 at offset 9"),
        (b'{"a":"\xed\xa0\x80"}', "the body is not UTF-8: byte 0xed at offset 6"),
    ],
)
def test_what_is_not_utf8_is_named_by_byte_and_offset(body: bytes, message: str) -> None:
    """UTF-16, Latin-1 and encoded surrogates; offsets count from the body's first byte."""
    assert message == refusal(body)


def test_utf16_without_a_byte_order_mark_is_refused() -> None:
    """Its NUL characters are not JSON."""
    assert r"line 1, column 2" in refusal('{"a":1}'.encode("utf-16-le"))


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    """Also one of blanks, or of a byte-order mark alone."""
    assert "the body is not JSON: it is empty" == refusal(body)


def test_a_body_of_no_break_spaces_is_not_called_empty() -> None:
    """What stands there is named: nobody sees it."""
    assert (
        "the body is not JSON: line 1, column 1: expecting value, "
        "but a no-break space (U+00A0) stands there" == refusal("\u00a0")
    )


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("[]", "an array"),
        ("[{}]", "an array"),
        ("null", "null"),
        ("true", "a boolean"),
        ("5", "a number"),
        ('"{}"', "a string"),
    ],
)
def test_what_is_no_object_is_refused(text: str, called: str) -> None:
    """With the type that came."""
    assert f"the body must be a JSON object, not {called}" == refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{\n \u00a0"a": 1}',
            (
                "line 2, column 2: expecting property name enclosed in double quotes, "
                "but a no-break space (U+00A0) stands there"
            ),
        ),
        ('{"a":\u00a01}', "line 1, column 6: expecting value, but a no-break space (U+00A0) stands there"),
        ('{"a":1}\u00a0', "line 1, column 8: extra data, but a no-break space (U+00A0) stands there"),
        (
            "{\u201ca\u201d: 1}",
            (
                "line 1, column 2: expecting property name enclosed in double quotes, "
                "but a left double quotation mark (U+201C) stands there"
            ),
        ),
        (
            '{"a": \u201cx\u201d}',
            "line 1, column 7: expecting value, but a left double quotation mark (U+201C) stands there",
        ),
        (
            '\ufeff\ufeff{"a": 1}',
            "line 1, column 1: expecting value, but a zero width no-break space (U+FEFF) stands there",
        ),
        ('{"a": 1, 2}', "line 1, column 10: expecting property name enclosed in double quotes, found '2'"),
        ('{"a":\x851}', "line 1, column 6: expecting value, but a nameless character (U+0085) stands there"),
        ("{'a': 1}", 'line 1, column 2: expecting property name enclosed in double quotes, found "\'"'),
        ('{"a": x}', "line 1, column 7: expecting value, found 'x'"),
        ('{"a": 01}', "line 1, column 8: expecting ',' delimiter, found '1'"),
        ('{"a": "x\ny"}', "line 1, column 9: invalid control character, found '\\n'"),
        ('{"a": "x\\y"}', "line 1, column 9: invalid \\escape, found '\\\\'"),
        ("{} {}", "line 1, column 4: extra data, found '{'"),
        ('{"a": 1', "line 1, column 8: expecting ',' delimiter, but the text ends there"),
        ('{\n"a": NaN}', "line 2, column 6: expecting value, not NaN, found 'N'"),
        (
            '{"NaN": "\\"Infinity", "b": -Infinity}',
            "line 1, column 28: expecting value, not -Infinity, found '-'",
        ),
    ],
)
def test_what_is_not_json_is_named_with_line_and_column(text: str, message: str) -> None:
    """And by the character that stands there, which an editor may not show."""
    assert f"the body is not JSON: {message}" == refusal(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('{\n"a": "x\u201d\n}', "a right double quotation mark (U+201D) stands at line 2, column 8"),
        ('{"a": "x\u201d, "b": 1}', "a right double quotation mark (U+201D) stands at line 1, column 9"),
        ('{"a": "x\u201d}', "a right double quotation mark (U+201D) stands at line 1, column 9"),
        ('\n{"a": "x\u201d}', "a right double quotation mark (U+201D) stands at line 2, column 9"),
        ('{"a": "x\u2019}', "a right single quotation mark (U+2019) stands at line 1, column 9"),
    ],
)
def test_a_curly_quote_that_should_close_a_string_is_pointed_out(text: str, hint: str) -> None:
    """The parser misses the straight one only further on, or only finds the string without end."""
    assert refusal(text).endswith(f"; {hint}: use a straight quote")


def test_a_string_without_end_and_without_a_curly_quote_gets_no_hint() -> None:
    """Only what stands there is pointed out."""
    assert "the body is not JSON: line 1, column 7: unterminated string starting, found '\"'" == refusal(
        '{"a": "x}'
    )


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" * 400 + ".0"])
def test_a_number_beyond_every_float_is_refused(text: str) -> None:
    """Its infinity could not be written back as JSON."""
    assert "is too large" in refusal(data(text))


def test_an_integer_of_more_than_a_thousand_digits_is_refused() -> None:
    """A thousand are read exactly."""
    digits = "9" * 1000

    assert {"a": int(digits)} == read(data(digits)).data
    assert "the body cannot be taken: a number of 1001 digits is too large" == refusal(data(digits + "9"))


def test_a_long_fraction_is_read() -> None:
    """Many digits after the point cost no more than their reading."""
    assert {"a": 0.25} == read(data("0.25" + "0" * 500_000)).data


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\udc00\\ud800"', '"x\\udfffy"', '{"\\ud800":1}', '[["\\ud83d"]]']
)
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    """In values and in keys, at any level: it is no character and cannot be written back."""
    assert "half of a surrogate pair" in refusal(data(text))


def test_a_whole_surrogate_pair_is_a_character() -> None:
    """And so is an escaped backslash before a u."""
    assert {"a": "\U0001f600\\ud800"} == read(data('"\\ud83d\\ude00\\\\ud800"')).data


def test_an_escaped_nul_is_text() -> None:
    """JSON allows it; what a field makes of it is for the field to say."""
    assert {"a": "\0"} == read(data('"\\u0000"')).data


@pytest.mark.parametrize(
    "text",
    [
        data(f'{{"{"k" * 100_000}":1,"{"k" * 100_000}":1}}'),
        data('"' + "\\ud800" * 50_000 + '"'),
        '{"channel":"c","topic":"t","subtopic":"s","data":{"'
        + "k" * 90_000
        + '":1,"'
        + "K" * 90_000
        + '":1}}',
        data("1" * 90_000),
        data("1e" + "9" * 90_000),
        "x" * 90_000,
    ],
)
def test_a_refusal_is_short_whatever_was_sent(text: str) -> None:
    """It is quoted in replies, headers and logs."""
    assert len(refusal(text)) < 500


def test_a_refusal_quotes_nothing_that_could_break_a_line() -> None:
    """Control characters and bidirectional marks are escaped."""
    message = refusal('{"channel":"c","topic":"t","subtopic":"s","data":{"a\\n\u202e":1,"A\\n\u202e":1}}')

    assert message.isascii()
    assert message.isprintable()


@pytest.mark.parametrize(
    ("length", "shown"), [(60, "k" * 60), (61, "k" * 60 + "..."), (9000, "k" * 60 + "...")]
)
def test_a_long_key_is_shown_in_part(length: int, shown: str) -> None:
    """Up to 60 characters."""
    key = "k" * length

    assert f"the body cannot be taken: the key {shown!r} is given twice in one object" == refusal(
        f'{{"{key}": 1, "{key}": 2}}'
    )


@pytest.mark.parametrize("text", ["x", "\\n"])
def test_the_place_of_a_constant_is_found_in_little_memory(text: str) -> None:
    """Behind a long text, too: whoever may publish could else have a hundred times its size taken."""
    body = f'{{"a": "{text * 100_000}", "b": NaN}}'
    tracemalloc.start()
    try:
        assert "expecting value, not NaN" in refusal(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 3_000_000
