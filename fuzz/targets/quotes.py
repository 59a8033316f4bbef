"""A line of the log that quotes a request: what it quotes is masked, and nothing is raised."""

from typing import TYPE_CHECKING, Any, Final

from bridge.quotes import Quotes
from fuzz.picks import ODD, Picks

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Final = (
    b'"',
    b"\\u00",
    b"\\x",
    b"\\ud800",
    b"&#",
    b"&amp;",
    b"<a>",
    b"</a>",
    b"<![CDATA[",
    b"9" * 60,
    b"]]>",
)

_NAMES: Final = ("UserID", "PhoneNumber", "data", "odd key", "", "<a>", "&lt;")
_LONGEST: Final = 4
"""Times that a line may grow: a mark may be longer than what it stands for."""


def check(data: bytes) -> None:
    """Mask a line, in part made of what it quotes."""
    picks = Picks(data)
    said: Mapping[str, Any] | bytes
    if picks.flag():
        said = picks.members(_NAMES)
        said["quoted"] = quoted = "Jane" + "".join(char for char in picks.text() if char.isalnum())[:30]
        said["entity"] = "&#" + str(picks.one_of(ODD))
    else:
        quoted = "JaneOfSomewhere"
        said = b'{"a": "' + quoted.encode() + b'", ' + picks.rest()
    line = f"no {quoted} here: {picks.rest().decode(errors='replace')} {said!r:.2000}"
    masked = Quotes(said).masked_in(line)
    if len(masked) > _LONGEST * len(line):
        raise AssertionError(len(masked))
    if f"no {quoted} here" in masked:
        raise AssertionError(masked[:200])
