"""What a text quotes of a request is found with little work, however large the request is."""

import sys
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any

import pytest

from bridge.quotes import Quotes

MANY = 100_000
MOST = 5_000
"""Members that may be looked at in all: a worker does nothing else meanwhile."""


class Counted(Mapping[str, Any]):
    """Data that counts how many of its members are looked at."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members
        self.looked_at = 0

    def __getitem__(self, key: str) -> Any:
        self.looked_at += 1
        return self._members[key]

    def __iter__(self) -> Iterator[str]:
        for key in self._members:
            self.looked_at += 1
            yield key

    def __len__(self) -> int:
        return len(self._members)

    def items(self) -> ItemsView[str, Any]:
        """Give them one by one."""
        return ItemsView(self)


@pytest.mark.parametrize("key", ["k{}", "odd key {}"])
@pytest.mark.parametrize("value", ["ab", "J\u00fcrgen {}", 4711, ["ab"] * 10, {"k": "ab"}])
def test_a_large_request_is_looked_at_in_part_and_once(key: str, value: Any) -> None:
    """However many members it has, of whatever kind, and however many lines quote it."""

    def of(number: int) -> Any:
        return value.format(number) if isinstance(value, str) else value

    data = Counted({key.format(number): of(number) for number in range(MANY)})
    quotes = Quotes(data)
    quotes.masked_in("a first line")
    looked_at = data.looked_at
    quotes.masked_in("another line")

    assert 0 < looked_at <= MOST
    assert looked_at == data.looked_at


def test_what_stands_on_top_is_found_however_much_stands_below() -> None:
    """The fields of an operation come before what is nested in its last one."""
    data = {
        "UserID": "testagent",
        "PhoneNumber": "0301234567",
        "more": {"x": [[f"text {n}"] for n in range(MANY)]},
    }

    assert "no ***nt, no ***67" == Quotes(data).masked_in("no testagent, no 0301234567")


@pytest.mark.parametrize("written", ["{}", "{!a}"])
def test_a_long_text_is_masked_as_a_whole_where_it_is_quoted_as_a_whole(written: str) -> None:
    """Its beginning is what it is found by; what follows is not left over."""
    text = "Gr\u00fc\u00dfe " * 60
    quoted = written.format(text)

    assert "gr" not in Quotes({"a": text}).masked_in(f"({quoted})").casefold()


def test_half_a_surrogate_pair_is_a_character_like_others() -> None:
    """Which a body that could not be read may hold; it has no bytes."""
    assert r"no \ud800***" == Quotes(b'{"a": "\\ud800Jane"}').masked_in(r"no \ud800***")
    assert r"no ***ne" == Quotes(b'{"a": "\\ud800Jane"}').masked_in(r"no \ud800Jane")


def test_characters_that_grow_without_their_case_move_nothing() -> None:
    """Each character of Unicode that does so: what is masked behind them is what was quoted."""
    grow = "".join(char for char in map(chr, range(sys.maxunicode + 1)) if len(char.casefold()) > 1)

    assert f"{grow} ***nt {grow}" == Quotes({"a": "TestAgent"}).masked_in(f"{grow} tESTaGENT {grow}")


@pytest.mark.parametrize("said", [{"a": f"&#{'9' * 5000};"}, f'"&#{"9" * 5000};"'.encode()])
def test_a_character_reference_without_end_is_a_text_like_others(said: Mapping[str, Any] | bytes) -> None:
    """Python takes no number of so many digits; each line about the request would be lost."""
    assert "no ***9; here" == Quotes(said).masked_in(f"no &#{'9' * 5000}; here")


def test_a_line_is_prepared_once_however_much_it_quotes() -> None:
    """Of characters that grow without their case that takes long: once for each text, it takes minutes."""
    texts = [f"text {number}" for number in range(250)]
    line = "\u00df" * 300_000 + f" {', '.join(texts)}"

    assert "text" not in Quotes({"a": texts}).masked_in(line)
