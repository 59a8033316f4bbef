"""What ``lcm-bridge dead-letters show`` says of the ledger, and of a body."""

import json

import pytest

from bridge.cli.dead_letters.records import described
from bridge.cli.dead_letters.texts import body_text


def test_what_the_ledger_does_not_know() -> None:
    """A replay of most letters is carried out then; one whose outcome is unknown is to be settled first."""
    assert "knows nothing of it: a replay is carried out" == described(None, unknown_outcome=False)
    assert "settle it" in described(None, unknown_outcome=True)
    assert "a replay is carried out" not in described(None, unknown_outcome=True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'\xef\xbb\xbf{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'),
        (b'{"a":', '{"a":'),
        (b"\xff", r"\xff"),
        (b"[" * 32 + b"]" * 32, None),
        (b"[" * 33 + b"]" * 33, "[" * 33 + "]" * 33),
        (b"[" * 30 + b"1," * 100_000 + b"1" + b"]" * 30, "[" * 30 + "1," * 100_000 + "1" + "]" * 30),
        (b"[" * 200 + b"1," * 400_000 + b"1" + b"]" * 200, "[" * 200 + "1," * 400_000 + "1" + "]" * 200),
    ],
)
def test_a_body_is_indented_unless_that_makes_most_of_it(body: bytes, text: str | None) -> None:
    """A megabyte would become hundreds of them, for the person who looks at one letter."""
    shown = body_text(body)

    assert (json.dumps(json.loads(body), indent=2) if text is None else text) == shown
