"""What is taken for a mention of a person."""

import json

import pytest

from bridge.mentions import Mention

NUMBER = Mention(" 2082097345 ")


@pytest.mark.parametrize(
    "value",
    [
        "2082097345",
        "call 2082097345.",
        2082097345,
        [{"a": ["x", {"b": "(2082097345)"}]}],
        {"2082097345": None},
    ],
)
def test_a_mention_is_found(value: object) -> None:
    """In texts, numbers and names of members, at any depth, also where it is escaped or within XML."""
    body = json.dumps(value)

    assert NUMBER.in_json(json.loads(body))
    assert NUMBER.in_bytes(body.encode())
    assert NUMBER.in_bytes(json.dumps({"xml": f"<a>{body}</a>"}).encode())
    assert Mention("m\u00fcller").in_bytes(json.dumps(["M\u00dcLLER"]).encode())


@pytest.mark.parametrize(
    "value", ["12082097345", "20820973456", "x2082097345", "208 209 7345", None, True, []]
)
def test_a_longer_number_is_another(value: object) -> None:
    """And so is one that is spelled otherwise."""
    assert not NUMBER.in_json(value)  # type: ignore[arg-type]  # what json.loads gives
    assert not NUMBER.in_bytes(json.dumps(value).encode())


@pytest.mark.parametrize("body", [b"{2082097345", b"\xff 2082097345", b"[" * 100_000 + b" 2082097345"])
def test_what_is_no_json_is_looked_through_as_text(body: bytes) -> None:
    """Broken, not UTF-8, or too deep."""
    assert NUMBER.in_bytes(body)
    assert not Mention("nobody").in_bytes(body)


def test_signs_have_no_meaning() -> None:
    """What is looked for is a text, no pattern."""
    assert Mention("1|2|3.4").in_text("key 1|2|3.4")
    assert not Mention("1|2|3.4").in_text("1|2|3x4")
    assert Mention("+1 (202)").in_text("+1 (202)")


@pytest.mark.parametrize("text", ["", "   ", "123", " ab "])
def test_too_short_a_text_is_refused(text: str) -> None:
    """It would be found everywhere."""
    with pytest.raises(ValueError, match="too short to look for: at least 4 characters"):
        Mention(text)


def test_four_characters_are_looked_for() -> None:
    """Fewer are not."""
    assert Mention(" 1234 ").in_text("1234")
