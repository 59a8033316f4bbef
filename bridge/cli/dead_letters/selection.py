"""Which letters a command is about: ids, a reason, an operation, an age, what they mention."""

import argparse
import re
from dataclasses import dataclass
from datetime import timedelta

from bridge.cli.arguments import mention
from bridge.cli.completing import OPERATIONS, completed
from bridge.letters import ID_DIGITS, REASONS, Letter, age
from bridge.mentions import Mention

_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")
_AGE = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What must hold of a letter; everything given must. Ages in seconds."""

    ids: frozenset[str] = frozenset()
    reason: str | None = None
    operation: str | None = None
    older_than: float | None = None
    newer_than: float | None = None
    mentioning: Mention | None = None

    @property
    def everything(self) -> bool:
        """Whether it takes every letter."""
        return self == Selection()

    def takes(self, letter: Letter) -> bool:
        """Tell whether the letter is meant. One whose time is not told has no age."""
        if self.ids and letter.id not in self.ids:
            return False
        if self.reason not in (None, letter.reason) or self.operation not in (None, letter.operation):
            return False
        if self.mentioning is not None and not _mentions(letter, self.mentioning):
            return False
        if self.older_than is None and self.newer_than is None:
            return True
        seconds = age(letter)
        return (
            seconds is not None
            and (self.older_than is None or seconds > self.older_than)
            and (self.newer_than is None or seconds < self.newer_than)
        )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Take ids and filters."""
    parser.add_argument("ids", nargs="*", type=letter_id, metavar="ID", help="only these letters")
    parser.add_argument("--reason", choices=REASONS, metavar="R", help=f"one of: {', '.join(REASONS)}")
    operation = parser.add_argument(
        "--operation", metavar="O", help="one that lcm-bridge operations list shows, or unknown"
    )
    completed(operation, OPERATIONS)
    parser.add_argument(
        "--older-than", type=_seconds, metavar="AGE", help="dead for longer: 45s, 30m, 2h, 7d"
    )
    parser.add_argument("--newer-than", type=_seconds, metavar="AGE", help="dead for less than this")
    parser.add_argument(
        "--mentioning", type=mention, metavar="TEXT", help="a phone number, an LCM key or an agent's id"
    )


def selection(args: argparse.Namespace) -> Selection:
    """Return what `add_selection` took."""
    return Selection(
        ids=frozenset(args.ids),
        reason=args.reason,
        operation=args.operation,
        older_than=args.older_than,
        newer_than=args.newer_than,
        mentioning=args.mentioning,
    )


def _mentions(letter: Letter, wanted: Mention) -> bool:
    """Tell whether the request, its properties or the error mention it."""
    said = [
        letter.error,
        *(str(value) for value in letter.properties.headers.values()),
        *(str(getattr(letter.properties, name)) for name in ("correlation_id", "message_id", "reply_to")),
    ]
    return wanted.in_bytes(letter.request.body) or any(map(wanted.in_text, said))


def letter_id(text: str) -> str:
    """Read an id. Raises `argparse.ArgumentTypeError`."""
    if not _ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!a} is no id of a letter: {ID_DIGITS} digits of 0-9a-f")
    return text


def count(text: str) -> int:
    """Read a number of letters. Raises `argparse.ArgumentTypeError`."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!a} is no number of letters above 0")
    return int(text)


def _seconds(text: str) -> float:
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!a} is no age such as 45s, 30m, 2h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds()
