"""Values picked by bytes: the same bytes give the same values, and every change of a byte another choice.

As atheris's FuzzedDataProvider, which the tests have not: they put the corpus to the targets without atheris.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from bridge.jsontypes import JsonObject, JsonValue

_T = TypeVar("_T")

ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 7, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**999),
    *(0.5, -0.0, 1e-9, 1e22, 1.7e308, "", " ", "\0", "0", "1", "007", "-1", "1.0", "12.50", "1e5", "9" * 19),
    *("9" * 5000, "\u0661\u0662\u0663", "Yes", "no", "TRUE", "n", "\u017fo", "null", "\ufeff", "\u2028"),
    *(
        "+12345678900",
        "(012) 345-678",
        "24/10/2024 07:33",
        "29/02/2023 07:33",
        "24/10/2024",
        "23:59",
        "24:00",
    ),
    *(
        "<Data/>",
        "<Data><a>1</a></Data>",
        "<Data>&amp;&#1;</Data>",
        "<!DOCTYPE a><Data/>",
        "<Data",
        "\U0010ffff",
    ),
    *(
        "x" * 129,
        "x" * 70_000,
        "77|1|18|0|0|84|0",
        "a{b}%25",
        [],
        {},
        [None],
        {"": ""},
        [[]],
        {"a": {"b": []}},
    ),
)
"""JSON values that have been trouble somewhere."""

_DEEPEST: Final = 6


class Picks:
    """Reads choices from the front of some bytes; when they are at their end, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, most: int) -> int:
        """Pick a number from 0 to ``most``."""
        size = max(1, (most.bit_length() + 7) // 8)
        return int.from_bytes(self.take(size), "big") % (most + 1)

    def flag(self) -> bool:
        """Pick yes or no."""
        return bool(self.number(1))

    def one_of(self, choices: Sequence[_T]) -> _T:
        """Pick one."""
        return choices[self.number(len(choices) - 1)]

    def take(self, size: int) -> bytes:
        """Take the next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        """Take all that is left."""
        return self.take(len(self._data))

    def text(self) -> str:
        """Take a text of at most 255 bytes."""
        return self.take(self.number(255)).decode(errors="replace")

    def json(self, words: Sequence[str], depth: int = _DEEPEST) -> JsonValue:
        """Pick a JSON value; ``words`` are likely names of members."""
        kind = self.number(5 if depth else 3)
        if kind == 0:
            odd: JsonValue = self.one_of(ODD)
            return odd
        if kind == 1:
            return self.text()
        if kind == 2:  # noqa: PLR2004 - the next kind
            return int.from_bytes(self.take(self.number(9)), "big", signed=True)
        if kind == 3:  # noqa: PLR2004 - the next kind
            return self.one_of(words)
        if kind == 4:  # noqa: PLR2004 - the next kind
            return [self.json(words, depth - 1) for _ in range(self.number(4))]
        return self.members(words, depth - 1)

    def members(self, words: Sequence[str], depth: int = _DEEPEST) -> JsonObject:
        """Pick a JSON object."""
        found: JsonObject = {}
        for _ in range(self.number(6)):
            name = self.text() if self.number(7) == 1 else self.one_of(words)
            found[name] = self.json(words, depth)
        return found
