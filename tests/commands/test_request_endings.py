"""How `lcm-bridge request` ends: its exit code, and its last line."""

from typing import Any

import pytest

from bridge.advice import ADVICE
from bridge.cli.request.ending import Exit, exit_code, last_line
from bridge.cli.request.sending import Sent
from bridge.failures import OutcomeUnknown


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"message": {"response": "key"}}, {"x-bridge-status": "ok"}, Exit.SUCCESS),
        ({"message": {"response": {"retryable": True}}}, {"x-bridge-status": "error"}, Exit.RETRYABLE),
        ({"message": {"response": {"retryable": False}}}, {"x-bridge-status": "error"}, Exit.FAILURE),
        ({"data": {"retryable": True}}, {"x-bridge-status": "error"}, Exit.RETRYABLE),
        ({"data": {"retryable": False}}, {"x-bridge-status": "error"}, Exit.FAILURE),
        (
            {"message": {"response": {"retryable": False}}},
            {"x-bridge-status": "error", "x-bridge-error-type": "OUTCOME_UNKNOWN"},
            Exit.OUTCOME_UNKNOWN,
        ),
        (["of somebody else"], {}, Exit.FAILURE),
    ],
)
def test_exit_codes_of_replies(body: object, headers: dict[str, Any], code: Exit) -> None:
    """What may be sent again and what nobody knows have codes of their own."""
    assert code == exit_code(body, headers)


@pytest.mark.parametrize(
    ("headers", "rest"),
    [
        ({"x-bridge-status": "ok"}, ("ok", "")),
        (
            {"x-bridge-status": "ok", "x-bridge-cache": "stale"},
            ("ok", "; cache: stale"),
        ),
        (
            {"x-bridge-status": "ok", "x-bridge-replayed": True},
            ("ok", "; the stored reply of an earlier request with this key"),
        ),
        (
            {"x-bridge-status": "error", "x-bridge-error-type": "LCM_TIMEOUT"},
            ("LCM_TIMEOUT", "; send again later"),
        ),
        (
            {"x-bridge-status": "error", "x-bridge-error-type": "OUTCOME_UNKNOWN"},
            ("OUTCOME_UNKNOWN", f"; {ADVICE[OutcomeUnknown].action}; message id m1"),
        ),
    ],
)
def test_the_last_line_tells_times_and_what_to_do(headers: dict[str, Any], rest: tuple[str, str]) -> None:
    """And whether the reply is a fresh one; of an unknown outcome, by what to look for the request."""
    sent = Sent(confirmed=0.0015, replied=0.012, body=b"{}", headers=headers)

    assert ": confirmed after 1.5 ms, reply after 12.0 ms".join(rest) == last_line(
        sent, "Any", "message id m1"
    )


def test_the_last_line_of_what_nobody_answers() -> None:
    """That no reply is waited for is said."""
    assert "ok: confirmed after 1.5 ms; SendAgentState is never answered" == last_line(
        Sent(confirmed=0.0015), "SendAgentState", "message id m1"
    )
