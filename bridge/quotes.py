"""What a text quotes of a request's data, such as a name that LCM repeats in a fault: found, and masked.

However large a request is, what is looked at has a bound: the event loop stands still meanwhile.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice
from json import JSONDecodeError, dumps, loads
from os.path import commonprefix
from typing import Any, Final

from bridge.operations.xmltext import unescaped

_SHORTEST: Final = 4
"""Characters of a text in a request that is masked where it is quoted; shorter ones are Yes, No and such."""

_LONGEST: Final = 8000
"""Characters of a text that are masked where it is quoted: as many as a line has of one value."""

_MOST_CHARACTERS: Final = 65_536
"""Characters of a text with tags, or of a body that could not be read, in which texts are looked for."""

_MOST_PARTS: Final = 1000
"""Members, elements and texts of one request that are looked at; those of the outer levels come first."""

_MOST_ENTITIES: Final = 8192
"""Characters of one request in which XML's entities are put back."""

_MOST_QUOTED: Final = 250
"""Texts of one request that are looked for in a line."""

_BEGINNING: Final = 40
"""Characters by which a text is known that is quoted in part."""

_MOST_OTHERS: Final = 20
"""How often a text may be found within words before it is masked there too."""

_WORDS_OF_OURS: Final = frozenset({"true", "false", "null", "none"})

_LONGEST_OF_OURS: Final = max(map(len, _WORDS_OF_OURS))

_STRING: Final = re.compile(r'"((?:[^"\\\r\n]|\\.)*+)')
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_TAG: Final = re.compile(r"<[^<>]*>")
_ATTRIBUTE: Final = re.compile(r"""=\s*(?:"([^"]*)|'([^']*))""")

_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[^\\])")
_ODD: Final = (re.compile(r"[^\x00-\x7f]"), re.compile(r"""[\\'"\x00-\x1f\x7f]"""))
"""Characters that are escaped, those first that are escaped in most forms."""

_LONGER: Final = re.compile(
    "([\u00df\u0130\u0149\u01f0\u0390\u03b0\u0587\u1e96-\u1e9e\u1f50-\u1fff\ufb00-\ufb17])"
)
"""Characters of which some become two or three when their case is folded: they stay as they are."""

_ONCE: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: ascii(text)[1:-1],
    lambda text: dumps(text)[1:-1],
    lambda text: repr(text.encode(errors="replace"))[2:-1],
    lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
)


def _twice(escape: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: escape(text).replace("\\", "\\\\")


_ESCAPING: Final = (*_ONCE, *map(_twice, _ONCE))
"""How texts are escaped where they are quoted, perhaps twice."""


def mask(text: str) -> str:
    """Keep the last two characters of a phone number or agent id: enough to compare, not to call."""
    return f"***{text[-2:]}" if len(text) > 4 else "***"  # noqa: PLR2004 - a short one would show too much


class Quotes:
    """The texts of one request: of its data, or of a body that could not be read.

    They are listed when the first line needs them: most requests have none that does.
    """

    __slots__ = ("_odd", "_said", "_texts")

    def __init__(self, said: Mapping[str, Any] | bytes) -> None:
        self._said = said
        self._texts: list[tuple[str, str]] | None = None
        self._odd: list[tuple[str, str]] | None = None

    def masked_in(self, text: str) -> str:
        """Return a text of a log line with what it quotes masked, also where it is escaped or cut off."""
        if self._texts is None:
            self._texts = [(_folded(quoted[:_BEGINNING]), quoted) for quoted in _quotable(self._said)]
        folded = _folded(text)
        for beginning, quoted in self._texts:
            if beginning in folded:
                text, folded = _masked_in(text, folded, quoted, quoted)
        if "\\" in text:
            if self._odd is None:
                self._odd = [(quoted, odd) for _, quoted in self._texts if (odd := _odd_in(quoted))]
            text = _without_escaped(text, folded, self._odd)
        return text


def _without_escaped(text: str, folded: str, texts: list[tuple[str, str]]) -> str:
    there = {"\\", *_ESCAPE.findall(folded)}
    for quoted, odd in texts:
        # Nearly all are ruled out here; looking for each of their forms takes much longer.
        if not there.isdisjoint(_escapes_of(odd)):
            for escape in _ESCAPING:
                if _folded(escape(quoted[:_BEGINNING])) in folded:
                    text, folded = _masked_in(text, folded, escape(quoted), quoted)
    return text


def _odd_in(text: str) -> str:
    """Return a character by which it is seen that a text may be quoted escaped, if it has one."""
    return next((odd[0] for kind in _ODD if (odd := kind.search(text))), "")


@lru_cache(maxsize=1024)
def _escapes_of(odd: str) -> frozenset[str]:
    """Return what may stand for a character in an escaped text, of several the first."""
    signs = [sign for escape in _ONCE for sign in _ESCAPE.findall(_folded(escape(odd)))[:1]]
    return frozenset(signs or "\\")


def _folded(text: str) -> str:
    """Return the text for a comparison that knows no case, every character at its place."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(part if _LONGER.match(part) else part.casefold() for part in _LONGER.split(text))


def _masked_in(text: str, folded: str, written: str, quoted: str) -> tuple[str, str]:
    """Mask ``quoted`` where a text has it in the form ``written``, in any case.

    Returns the text and its folded form, which is not made anew: that costs more than all else here.
    """
    shown = mask(quoted)
    shown_folded = _folded(shown)
    parts: list[str] = []
    folded_parts: list[str] = []
    last = 0
    for at, end in _places(folded, _folded(written), in_part=len(quoted) > _BEGINNING):
        parts += text[last:at], shown
        folded_parts += folded[last:at], shown_folded
        last = end
    return "".join((*parts, text[last:])), "".join((*folded_parts, folded[last:]))


def _places(text: str, written: str, *, in_part: bool) -> Iterator[tuple[int, int]]:
    """Yield from where to where it stands; of a long one also where only its beginning does."""
    beginning = written[:_BEGINNING] if in_part else written
    at, others = text.find(beginning), 0
    while at >= 0:
        end = at + len(written)
        if in_part:
            end = at + len(commonprefix([written, text[at:end]]))  # noqa: RUF071 - that is meant
        # A part of a longer word is something else; where all is such, nobody need look at each.
        elif others < _MOST_OTHERS and _is_in_a_word(text, at, end):
            others += 1
            at = text.find(beginning, at + 1)
            continue
        yield at, end
        at = text.find(beginning, end)


def _is_in_a_word(text: str, at: int, end: int) -> bool:
    return text[max(0, at - 1) : at].isalnum() or text[end : end + 1].isalnum()


# --- the texts of a request -----------------------------------------------------------------------


def _quotable(said: Mapping[str, Any] | bytes) -> Iterator[str]:
    """Yield what is masked where it is quoted, each text once."""
    known: set[str] = set()
    for part in islice(_parts(said), _MOST_PARTS):
        text = part[:_LONGEST].strip()
        if len(text) >= _SHORTEST and text not in known and not _is_ours(text):
            known.add(text)
            yield text
            if len(known) == _MOST_QUOTED:
                return


def _is_ours(text: str) -> bool:
    return len(text) <= _LONGEST_OF_OURS and text.casefold() in _WORDS_OF_OURS


def _parts(said: Mapping[str, Any] | bytes) -> Iterator[str]:
    left = _MOST_ENTITIES
    for text in _strings_in(said) if isinstance(said, bytes) else _leaves(said):
        for part in chain((text,), _elements(text[:_MOST_CHARACTERS]) if "<" in text else ()):
            yield part
            if "&" in part and len(part) <= left:
                left -= len(part)
                yield unescaped(part)


def _elements(text: str) -> Iterator[str]:
    """Yield what stands between tags, and the values of attributes."""
    text = text.replace("<![CDATA[", "<>").replace("]]>", "<>")
    at = 0
    for tag in _TAG.finditer(text):
        yield text[at : tag.start()]
        yield from (value[1] or value[2] or "" for value in _ATTRIBUTE.finditer(tag[0]))
        at = tag.end()
    yield text[at:]


def _leaves(root: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text and number, and the keys that are no names of fields: they may be of people."""
    waiting: deque[Any] = deque([root])
    left = _MOST_PARTS
    while waiting:
        value = waiting.popleft()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            inner = dict(islice(value.items(), left))
            left -= len(inner)
            yield from (key for key in inner if not _FIELD.fullmatch(key))
            waiting.extend(inner.values())
        elif isinstance(value, list):
            elements = value[:left]
            left -= len(elements)
            waiting.extend(elements)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)


def _strings_in(body: bytes) -> Iterator[str]:
    for match in _STRING.finditer(body[:_MOST_CHARACTERS].decode(errors="replace")):
        text = match[1]
        if "\\" in text and len(text) >= _SHORTEST:
            with suppress(JSONDecodeError):
                text = str(loads(f'"{text}"'))
        yield text
