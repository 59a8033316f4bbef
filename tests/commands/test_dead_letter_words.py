"""What ``lcm-bridge dead-letters show`` says of the ledger."""

from bridge.cli.dead_letters.records import described


def test_what_the_ledger_does_not_know() -> None:
    """A replay of most letters is carried out then; one whose outcome is unknown is to be settled first."""
    assert "knows nothing of it: a replay is carried out" == described(None, unknown_outcome=False)
    assert "settle it" in described(None, unknown_outcome=True)
    assert "a replay is carried out" not in described(None, unknown_outcome=True)
