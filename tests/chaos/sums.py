"""What a run comes to."""

from dataclasses import dataclass, fields


@dataclass(slots=True, kw_only=True)
class Sums:
    """The line that a run is judged by. `sent` and `replied` count messages, the others requests."""

    sent: int = 0
    replied: int = 0
    ok: int = 0
    dead_lettered: int = 0
    expired: int = 0
    unknown: int = 0
    lost: int = 0
    unexpected: int = 0
    effects_twice: int = 0
    conflicting_replies: int = 0
    untrue_replies: int = 0

    def faults(self) -> dict[str, int]:
        """Return what must be 0."""
        return {name: getattr(self, name) for name in [one.name for one in fields(self)][-5:]}

    def line(self) -> str:
        """Return it for people."""
        names = [one.name for one in fields(self)]
        return " / ".join(f"{name.replace('_', ' ')} {getattr(self, name)}" for name in names)
